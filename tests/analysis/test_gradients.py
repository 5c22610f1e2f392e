"""Gradients by lag: against a closed form, and degenerate cases."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnncli.analysis.gradients import gradient_by_lag

LENGTH = 6


@pytest.fixture
def tokens() -> Tensor:
    return torch.arange(LENGTH).repeat(3, 1)


def test_the_gradient_of_a_leaky_sum_decays_exponentially(tokens: Tensor) -> None:
    embedding = nn.Embedding(LENGTH, 4)

    def loss() -> Tensor:
        h = torch.zeros(3, 4)
        for x in embedding(tokens).unbind(1):
            h = 0.5 * h + x
        return h.sum()

    expected = 0.5 ** np.arange(LENGTH)
    np.testing.assert_allclose(gradient_by_lag(embedding, loss), expected, rtol=1e-5)
    assert embedding.weight.grad is None
    assert not embedding._forward_hooks


def test_unused_inputs_have_no_gradient(tokens: Tensor) -> None:
    embedding = nn.Embedding(LENGTH, 4)
    result = gradient_by_lag(embedding, lambda: embedding(tokens)[:, -2:].square().sum())
    assert (result[:2] > 0).all()
    assert (result[2:] == 0).all()


def test_a_loss_that_is_no_function_of_the_last_input_is_refused(tokens: Tensor) -> None:
    embedding = nn.Embedding(LENGTH, 4)
    with pytest.raises(ValueError, match="last input"):
        gradient_by_lag(embedding, lambda: embedding(tokens)[:, 0].sum())
    with pytest.raises(ValueError, match="2 times"):
        gradient_by_lag(embedding, lambda: (embedding(tokens) + embedding(tokens)).sum())
