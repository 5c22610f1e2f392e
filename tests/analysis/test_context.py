"""Losses by context and by position, of which the means are known."""

import numpy as np
import pytest

from rnncli.analysis.context import context_losses, position_losses


def test_hidden_context_costs_what_the_losses_say() -> None:
    whole = np.array([1.0, 2.0, 3.0])
    one, four = context_losses(lambda tokens: whole + np.array([0, 1, 2]) / tokens, whole, (1, 4))
    assert (one.tokens, four.tokens) == (1, 4)
    assert one.loss == pytest.approx(3)
    assert one.rise == pytest.approx(1) and four.rise == pytest.approx(0.25)
    low, high = one.rise_interval
    assert low < 1 < high and (low + high) / 2 == pytest.approx(1)


def test_positions_are_grouped_by_powers_of_two() -> None:
    first, second, third = position_losses([np.array([5.0, 1, 3, 7]), np.array([1.0, 2])])
    assert (first.first, first.last, first.loss, first.count) == (1, 1, 3, 2)
    assert (second.first, second.last, second.loss, second.count) == (2, 3, 2, 3)
    assert (third.first, third.last, third.loss, third.count) == (4, 7, 7, 1)
