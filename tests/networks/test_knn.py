"""Interpolation with nearest neighbours: equal to its definition, a loop over single pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.networks.knn import Interpolation, interpolate
from rnncli.networks.numerics import log_sums, softmax

VOCABULARY = 9


@given(
    seed=st.integers(0, 2**32 - 1),
    datastores=st.integers(1, 3),
    rows=st.integers(1, 3),
    pairs=st.integers(1, 6),
    share=st.floats(0.01, 0.9),
    half_saturation=st.floats(0.01, 9),
    inverse_temperature=st.floats(1, 32),
)
def test_probabilities_equal_the_definition(
    seed, datastores, rows, pairs, share, half_saturation, inverse_temperature
):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(datastores * rows, VOCABULARY)).astype(np.float32)
    cosines = rng.uniform(-1, 1, (datastores, rows, pairs)).astype(np.float32)
    mask = rng.random((datastores, pairs)) < 0.8
    followers = rng.integers(4, VOCABULARY, (datastores, pairs))
    tokens = np.tile(np.arange(4, VOCABULARY), (datastores, 1))  # (N, U)

    expected = softmax(logits.astype(np.float64))
    for row, p in enumerate(expected):
        n, k = divmod(row, rows)
        counts = np.zeros(VOCABULARY)
        for token, cosine, seen in zip(followers[n], cosines[n, k], mask[n], strict=True):
            counts[token] += seen * math.exp(inverse_temperature * (cosine - 1))
        p[:] += share / (counts.sum() + half_saturation) * (counts - counts.sum() * p)

    interpolation = Interpolation(share, half_saturation, inverse_temperature)
    weights = interpolation.weights(cosines, mask[:, None])
    normalisers = interpolate(logits, log_sums(logits), weights, tokens, followers - 4)
    np.testing.assert_allclose(np.exp(logits - normalisers[:, None]), expected, atol=1e-5)


def test_the_kernel_of_an_equal_direction_is_one():
    interpolation = Interpolation(share=0.5, half_saturation=1.0, inverse_temperature=20.0)
    weights = interpolation.weights(np.array([[[1.0, 0.0]]], np.float32), np.ones(2, bool))
    assert weights[0, 0].tolist() == pytest.approx([0.25, 0.0], abs=1e-6)
