"""Functions of probabilities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnncli.networks.numerics import log_softmax, softmax

LOGITS = arrays(np.float64, (2, 5), elements=st.floats(-1e5, 1e5))


@given(LOGITS)
def test_softmax_gives_probabilities_in_the_order_of_the_logits(logits):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(-1), 1)
    assert (probabilities >= 0).all()
    ranked = np.take_along_axis(probabilities, logits.argsort(-1), -1)
    assert (np.diff(ranked) >= 0).all()


@given(LOGITS)
def test_log_softmax_is_finite_and_the_logarithm_of_softmax(logits):
    log_p = log_softmax(logits)
    assert np.isfinite(log_p).all()
    np.testing.assert_allclose(np.exp(log_p), softmax(logits), atol=1e-12)
