"""The cache beside a language model: which tokens it recalls, in one step and in many."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.networks.numerics import log_softmax
from rnncli.tasks.generate.continuous_cache import LEAST_GAIN, Cache, Recent, fit

VOCABULARY, WIDTH = 9, 4
NOTHING = Recent.nothing(WIDTH)


def text(seed, length=12, words=VOCABULARY):
    """Return log-probabilities, features and tokens, drawn at random."""
    rng = np.random.default_rng(seed)
    log_p = log_softmax(rng.normal(size=(length, VOCABULARY)).astype(np.float32))
    features = rng.normal(size=(length, WIDTH)).astype(np.float32)
    return log_p, features, rng.integers(0, words, length)


@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.01, 0.9),
    twins=st.floats(0.001, 9),
    sharpness=st.floats(1, 32),
)
def test_a_mixture_is_a_distribution(seed, share, twins, sharpness):
    mixed, _ = Cache(share, twins, sharpness)(*text(seed), NOTHING)
    np.testing.assert_allclose(np.exp(mixed).sum(1), 1, atol=1e-4)


def test_a_token_that_followed_the_same_features_is_recalled():
    log_p = log_softmax(np.zeros((3, VOCABULARY), np.float32))
    features = np.array([[2, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], np.float32)  # 3 as 1
    mixed, _ = Cache(0.5, 1.0, 20.0)(log_p, features, np.array([5, 7, 3]), NOTHING)
    last = np.exp(mixed[2])
    assert last[7] == pytest.approx(0.25 + 0.75 / VOCABULARY, abs=1e-4)  # one twin: half of 0.5
    assert last[3] == pytest.approx(0.75 / VOCABULARY, abs=1e-4)


def test_what_is_unlike_all_before_is_left_to_the_network():
    log_p, _, tokens = text(0, length=WIDTH)
    mixed, _ = Cache(0.9, 0.1, 30.0)(log_p, np.eye(WIDTH, dtype=np.float32), tokens, NOTHING)
    np.testing.assert_allclose(mixed, log_p, atol=1e-6)


def test_what_is_further_back_than_the_cache_is_long_is_forgotten():
    cache = Cache(0.5, 1.0, 1.0)
    log_p, features, tokens = text(1)
    mixed, recent = cache(log_p, features, tokens, NOTHING, 3)
    later, _ = cache(log_p[-4:], features[-4:], tokens[-4:], NOTHING, 3)
    np.testing.assert_allclose(mixed[-1], later[-1], atol=1e-6)
    everything, _ = cache(log_p, features, tokens, NOTHING)
    assert abs(mixed[-1] - everything[-1]).max() > 1e-3
    assert len(recent.tokens) == 3


@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 599)), size=st.integers(1, 700))
@settings(max_examples=20)
def test_a_text_in_pieces_is_read_as_a_whole(seed, cuts, size):
    cache = Cache(0.3, 0.2, 8.0)
    parts = text(seed, length=600)
    whole, after = cache(*parts, NOTHING, size)
    recent, pieces = NOTHING, []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 600], strict=True):
        mixed, recent = cache(*(part[start:end] for part in parts), recent, size)
        pieces.append(mixed)
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)
    np.testing.assert_array_equal(recent.tokens, after.tokens)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_fitted_gains_most(seed):
    log_p, features, tokens = text(seed, length=31, words=3)  # few, so that they come again
    log_p, features, targets = log_p[:-1], features[:-1], tokens[1:]

    def picked(log_p):
        return np.take_along_axis(log_p, targets[:, None], 1)[:, 0]

    def gain(cache):
        mixed, _ = cache(log_p, features, tokens[:-1], NOTHING)
        return float((picked(mixed) - picked(log_p)).mean())

    found = fit(features[None], targets[None], picked(log_p)[None])
    assert found is not None
    assert gain(found) > LEAST_GAIN
    others = product((0.2, 0.5, 0.8), (0.125, 1.0, 8.0), (3.0, 12.0, 48.0))
    assert gain(found) >= max(gain(Cache(*other)) for other in others) - 1e-4


def test_a_text_that_never_repeats_itself_gets_no_cache():
    _, features, _ = text(0, length=30)
    assert fit(features[None], np.arange(30)[None], np.full((1, 30), -2.0, np.float32)) is None
