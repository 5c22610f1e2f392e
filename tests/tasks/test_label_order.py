"""Labels that are a scale: numbers, stars, and usual orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.tasks.classify.label_order import label_positions


@pytest.mark.parametrize(
    ("labels", "positions"),
    [
        (["1", "2", "3", "4", "5"], [1, 2, 3, 4, 5]),
        (["5 stars", "1 star", "3 stars"], [2.5, 0.5, 1.5]),
        (["0.5", "1.0", "2"], [1, 2, 4]),
        (["1", "10", "2"], [1, 10, 2]),
        (["negative", "neutral", "positive"], [0, 1, 2]),
        (["very_negative", "negative", "neutral", "positive", "very_positive"], [0, 1, 2, 3, 4]),
        (["High", "low", "medium"], [2, 0, 1]),
        (["B2", "A1", "C2"], [1, 0, 2]),
    ],
)
def test_labels_on_a_scale_have_positions(labels: list[str], positions: list[float]) -> None:
    found = label_positions(labels)
    assert found is not None
    assert found.tolist() == positions


@pytest.mark.parametrize(
    "labels",
    [
        ["0", "1"],
        ["negative", "positive"],
        ["sports", "world", "business"],
        ["1", "2", "sports"],
        ["1", "1.0", "2"],
        ["nan", "1", "2"],
        ["negative", "neutral", "high"],
    ],
)
def test_other_labels_have_none(labels: list[str]) -> None:
    assert label_positions(labels) is None


@given(st.permutations(range(-3, 9)), st.integers(3, 12), st.sampled_from((0.1, 0.5, 1, 20)))
def test_the_smallest_step_is_one(numbers: list[int], count: int, step: float) -> None:
    numbers = numbers[:count]
    positions = label_positions([repr(number * step) for number in numbers])
    assert positions is not None
    gaps = [abs(a - b) for i, a in enumerate(positions) for b in positions[:i]]
    assert min(gaps) == pytest.approx(1)
    assert [sorted(numbers).index(n) for n in numbers] == positions.argsort().argsort().tolist()
