"""The search for units: what it finds in states of which the truth is known, and in chance."""

import numpy as np
import pytest

from rnncli.analysis.unit_search import SELECTED_UNITS, FoundUnit, Moments, find_units

TEXTS, STEPS, UNITS = 60, 100, 40


def slow_noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return noise (N, T, ...) of which each step resembles the one before, as states do."""
    noise = rng.normal(size=shape)
    for t in range(1, shape[1]):
        noise[:, t] = 0.95 * noise[:, t - 1] + 0.3 * noise[:, t]
    return noise


def search(states: np.ndarray, values: np.ndarray) -> list[FoundUnit]:
    """Search in states (N, T, U) for a property (N, T)."""
    return find_units(
        [Moments.of(x.astype(np.float32), y) for x, y in zip(states, values, strict=True)]
    )


def test_a_unit_that_follows_the_property_is_found_with_its_correlation() -> None:
    rng = np.random.default_rng(1)
    values = (slow_noise(rng, TEXTS, STEPS) > 0.5).astype(np.float64)
    states = slow_noise(rng, TEXTS, STEPS, UNITS)
    states[..., 17] = 2 * values + rng.normal(size=values.shape)
    found = search(states, values)
    assert [unit.index for unit in found].index(17) == 0
    odd = np.s_[1::2]  # those that did not select it
    expected = np.corrcoef(states[odd, :, 17].ravel(), values[odd].ravel())[0, 1]
    assert found[0].correlation == pytest.approx(expected, abs=1e-4)
    low, high = found[0].interval
    assert low < expected < high and high - low < 0.2
    assert found[0].is_significant


def test_a_unit_that_falls_with_the_property_is_found_too() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(TEXTS, STEPS))
    states = rng.normal(size=(TEXTS, STEPS, UNITS))
    states[..., 3] -= values
    assert search(states, values)[0].index == 3
    assert search(states, values)[0].interval[1] < 0


def test_random_properties_find_no_unit_but_by_the_share_that_intervals_allow() -> None:
    rng = np.random.default_rng(3)
    states = slow_noise(rng, TEXTS, STEPS, UNITS)
    trials = 60
    mistaken = 0
    for _ in range(trials):
        found = search(states, (slow_noise(rng, TEXTS, STEPS) > 0).astype(np.float64))
        assert len(found) == SELECTED_UNITS
        mistaken += any(unit.is_significant for unit in found)
    assert mistaken <= 7  # of 60: 3 are expected, and more than 7 have a chance of 1 %


def test_too_few_texts_and_a_constant_property_are_refused() -> None:
    rng = np.random.default_rng(4)
    states, values = rng.normal(size=(TEXTS, STEPS, UNITS)), np.ones((TEXTS, STEPS))
    with pytest.raises(ValueError, match="does not vary"):
        search(states, values)
    with pytest.raises(ValueError, match="40 texts are needed, and there are 6"):
        search(states[:6], values[:6])
