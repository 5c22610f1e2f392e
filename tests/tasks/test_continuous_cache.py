"""The continuous cache of a language model, and its tuning."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.networks.knn import Interpolation
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.tasks.generate.continuous_cache import (
    MAX_TUNING_TOKENS,
    MIN_GAIN,
    ContinuousCache,
    read_parameters,
    tune,
    write_parameters,
)
from rnncli.tasks.generate.surprisal import Predictions

VOCABULARY, WIDTH = 9, 4


def running_text(seed: int, length: int = 12, words: int = VOCABULARY) -> Predictions:
    """Return random predictions for a random text."""
    rng = np.random.default_rng(seed)
    log_p = log_softmax(rng.normal(size=(length, VOCABULARY)).astype(np.float32))
    features = rng.normal(size=(length, WIDTH)).astype(np.float32)
    tokens = rng.integers(0, words, length + 1)
    return Predictions(tokens[:-1], tokens[1:], features, log_p, True)


def part(text: Predictions, start: int, end: int) -> Predictions:
    """Return some steps of a running text."""
    steps = slice(start, end)
    return Predictions(
        text.inputs[steps], text.targets[steps], text.features[steps], text.log_p[steps], start == 0
    )


def mix(text: Predictions, interpolation: Interpolation, **size: int) -> Floats:
    return ContinuousCache(interpolation, **size)(text)


@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.01, 0.9),
    half_saturation=st.floats(0.001, 9),
    inverse_temperature=st.floats(1, 32),
)
def test_the_interpolation_is_a_distribution(
    seed: int, share: float, half_saturation: float, inverse_temperature: float
) -> None:
    mixed = mix(running_text(seed), Interpolation(share, half_saturation, inverse_temperature))
    np.testing.assert_allclose(np.exp(mixed).sum(1), 1, atol=1e-4)


def test_a_token_after_the_same_features_is_likely() -> None:
    log_p = log_softmax(np.zeros((3, VOCABULARY), np.float32))
    features = np.array([[2, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], np.float32)  # 3 as 1
    tokens = np.array([5, 7, 3, 0])
    text = Predictions(tokens[:-1], tokens[1:], features, log_p, True)
    last = np.exp(mix(text, Interpolation(0.5, 1.0, 20.0))[2])
    assert last[7] == pytest.approx(0.25 + 0.75 / VOCABULARY, abs=1e-4)  # one: half of 0.5
    assert last[3] == pytest.approx(0.75 / VOCABULARY, abs=1e-4)


def test_dissimilar_features_leave_the_prediction_unchanged() -> None:
    text = running_text(0, length=WIDTH)
    text = Predictions(text.inputs, text.targets, np.eye(WIDTH, dtype=np.float32), text.log_p, True)
    mixed = mix(text, Interpolation(0.9, 0.1, 30.0))
    np.testing.assert_allclose(mixed, text.log_p, atol=1e-6)


def test_the_cache_has_a_limited_size() -> None:
    interpolation, text = Interpolation(0.5, 1.0, 1.0), running_text(1)
    last = mix(text, interpolation, size=3)[-1]
    single = mix(part(text, 8, 12), interpolation, size=3)[-1]
    np.testing.assert_allclose(last, single, atol=1e-6)
    assert abs(last - mix(text, interpolation)[-1]).max() > 1e-3


def test_a_new_text_starts_with_an_empty_cache() -> None:
    cache, text = ContinuousCache(Interpolation(0.5, 1.0, 1.0)), running_text(2)
    first = cache(text)
    np.testing.assert_array_equal(cache(text), first)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 599)), size=st.integers(1, 700))
@settings(max_examples=20)
def test_reading_a_text_in_parts_does_not_change_the_result(
    seed: int, cuts: set[int], size: int
) -> None:
    interpolation, text = Interpolation(0.3, 0.2, 8.0), running_text(seed, length=600)
    cache = ContinuousCache(interpolation, size)
    bounds = zip([0, *sorted(cuts)], [*sorted(cuts), 600], strict=True)
    parts = [cache(part(text, start, end)) for start, end in bounds]
    whole = mix(text, interpolation, size=size)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 29))
def test_tuning_finds_the_largest_gain(seed: int, cut: int) -> None:
    text = running_text(seed, length=30, words=3)  # few, so that they come again

    def gain(interpolation: Interpolation) -> float:
        mixed = mix(text, interpolation)[np.arange(30), text.targets]
        return float((mixed + text.nats()).mean())

    best = tune([part(text, 0, cut), part(text, cut, 30)])
    assert best is not None
    assert gain(best) > MIN_GAIN
    others = product((0.2, 0.5, 0.8), (0.125, 1.0, 8.0), (3.0, 12.0, 48.0))
    assert gain(best) >= max(gain(Interpolation(*other)) for other in others) - 1e-4
    assert read_parameters(write_parameters(best)) == best


def test_a_text_without_repetitions_gets_no_cache() -> None:
    features = running_text(0, length=30).features
    log_p = np.full((30, 31), -2.0, np.float32)
    text = Predictions(np.arange(30), np.arange(1, 31), features, log_p, True)
    assert tune([text]) is None


def test_tuning_reads_only_the_beginning_of_a_long_text() -> None:
    text = running_text(0, length=MAX_TUNING_TOKENS)

    def texts():
        yield text
        raise AssertionError("read on")

    tune(texts())
