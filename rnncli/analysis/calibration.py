"""Make probabilities mean what they say, on texts that were not learned from.

Each model's log-probabilities get a weight of their own, fitted such that the product of all is as
right as can be. One model alone is so divided by a temperature (Guo et al. 2017, section 4.2).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import log_softmax, softmax

MAX_STEPS = 50  # of Newton's method; it ends after five to ten
PRIOR = 1.0  # how many texts' worth of evidence speak for equal weights, where there are few texts
MIN_WEIGHT = 1e-3  # a model that is worse than chance is left out, not turned around

Array = NDArray[np.floating[Any]]


def combine(logits: Array, weights: Array) -> Array:
    """Return the logits (N, C) of K models (K, N, C) together, each weighted (K,)."""
    together: Array = np.tensordot(weights, log_softmax(logits.astype(np.float64)), 1)
    return together


def fit_weights(logits: Array, classes: NDArray[np.int64]) -> Array:
    """Return the weights (K,) with which K models' logits (K, N, C) fit the classes (N,) best."""
    x = log_softmax(logits.astype(np.float64))  # (K, N, C)
    equal = np.full(len(x), 1 / len(x))
    weights = equal
    right = np.take_along_axis(x, classes[None, :, None], 2)[:, :, 0]  # (K, N)

    def loss(weights: Array) -> float:
        logits = np.tensordot(weights, x, 1)  # (N, C)
        own = weights @ right  # (N,)
        top = logits.max(1)
        total = top + np.log(np.exp(logits - top[:, None]).sum(1)) - own
        return float(total.sum() + PRIOR / 2 * ((weights - equal) ** 2).sum())

    best = loss(weights)
    for _ in range(MAX_STEPS):
        p = softmax(np.tensordot(weights, x, 1))  # (N, C)
        expected = (p * x).sum(2)  # (K, N)
        gradient = (expected - right).sum(1) + PRIOR * (weights - equal)  # (K,)
        spread = x - expected[:, :, None]  # (K, N, C)
        hessian = np.einsum("nc,knc,lnc->kl", p, spread, spread) + PRIOR * np.eye(len(x))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6:  # halved until it leads down
            tried = np.maximum(weights - size * step, MIN_WEIGHT)
            if (found := loss(tried)) < best:
                break
            size /= 2
        else:
            break
        weights, gain, best = tried, best - found, found
        if gain < 1e-9 * len(classes):
            break
    return weights
