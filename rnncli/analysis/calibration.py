"""Calibrate the probabilities of a classifier on held-out texts.

The log-probabilities of several models are combined with a weight each, fitted by maximum
likelihood. For one model that is temperature scaling (Guo et al. 2017, section 4.2).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import log_softmax, softmax

MAX_STEPS = 50  # of Newton's method, which converges in five to ten
PRIOR = 1.0  # precision of a Gaussian prior around equal weights, for few texts
MIN_WEIGHT = 1e-3  # a model that is worse than chance is ignored, not inverted

Array = NDArray[np.floating[Any]]


def combine(logits: Array, weights: Array) -> Array:
    """Return the logits (N, C) of K models (K, N, C) combined with weights (K,)."""
    combined: Array = np.tensordot(weights, log_softmax(logits.astype(np.float64)), 1)
    return combined


def fit_weights(logits: Array, classes: NDArray[np.int64]) -> Array:
    """Fit the weights (K,) of K models' logits (K, N, C) to the classes (N,)."""
    x = log_softmax(logits.astype(np.float64))  # (K, N, C)
    equal = np.full(len(x), 1 / len(x))
    weights = equal
    correct = np.take_along_axis(x, classes[None, :, None], 2)[:, :, 0]  # (K, N)

    def loss(weights: Array) -> float:
        logits = np.tensordot(weights, x, 1)  # (N, C)
        target = weights @ correct  # (N,)
        top = logits.max(1)
        total = top + np.log(np.exp(logits - top[:, None]).sum(1)) - target
        return float(total.sum() + PRIOR / 2 * ((weights - equal) ** 2).sum())

    min_loss = loss(weights)
    for _ in range(MAX_STEPS):
        p = softmax(np.tensordot(weights, x, 1))  # (N, C)
        expected = (p * x).sum(2)  # (K, N)
        gradient = (expected - correct).sum(1) + PRIOR * (weights - equal)  # (K,)
        spread = x - expected[:, :, None]  # (K, N, C)
        hessian = np.einsum("nc,knc,lnc->kl", p, spread, spread) + PRIOR * np.eye(len(x))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6:  # halved until the loss decreases
            candidate = np.maximum(weights - size * step, MIN_WEIGHT)
            if (candidate_loss := loss(candidate)) < min_loss:
                break
            size /= 2
        else:
            break
        weights, gain, min_loss = candidate, min_loss - candidate_loss, candidate_loss
        if gain < 1e-9 * len(classes):
            break
    return weights


def fit_logistic(x: Array, classes: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Fit P(class) = 1 / (1 + exp(-(intercept + slope x))) to numbers (N,) (Platt 1999).

    Return the loss in nats, the intercept and the slope.
    """
    features = np.stack([np.ones(len(x)), x.astype(np.float64)], 1)  # (N, 2)
    # Targets a little off 0 and 1, as Platt's, keep the weights finite where x separates classes.
    hits = int(classes.sum())
    targets = np.where(classes, (hits + 1) / (hits + 2), 1 / (len(x) - hits + 2))  # (N,)

    def loss(weights: Array) -> float:
        logits = features @ weights
        return float((np.logaddexp(0, logits) - targets * logits).sum())

    weights = np.zeros(2)
    min_loss = loss(weights)
    for _ in range(MAX_STEPS):
        p = logistic(features @ weights)  # (N,)
        gradient = features.T @ (p - targets)
        hessian = (features * (p * (1 - p))[:, None]).T @ features + 1e-9 * np.eye(2)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-6 and loss(weights - size * step) >= min_loss:
            size /= 2  # halved until the loss decreases
        if size <= 1e-6:
            break
        weights = weights - size * step
        min_loss = loss(weights)
    return min_loss, float(weights[0]), float(weights[1])


def logistic(x: Array) -> Array:
    """Return the probabilities of log-odds."""
    p: Array = 0.5 * (1 + np.tanh(x / 2))  # never overflows
    return p
