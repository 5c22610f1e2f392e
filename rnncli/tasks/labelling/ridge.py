"""Regularised least-squares classification, with leave-one-out predictions in closed form.

Each class is regressed on the products of the texts' features. What a model of all texts but one
says of that one follows from the inverse of a single matrix (Rifkin and Lippert 2007, "Notes on
regularized least squares", section 3): so a model of a thousand texts is fitted, and judged by
texts that it has not seen, in a moment.

Shapes: N texts, C classes, S scales.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, log_softmax

PENALTIES = (0.03, 0.1, 0.3, 1.0)  # L2, where the product of a text with itself is 1
SCALES = np.geomspace(1, 64, 25, dtype=np.float32)  # of scores, to make logits of them
SMOOTHING = 1.0  # texts added to the count of each class


@dataclass(frozen=True)
class RidgeFit:
    """The weights of texts in a model, and the logits of each text by a model of all others."""

    weights: Floats  # (N, C)
    bias: Floats  # (C,)
    held_out: Floats  # (N, C)
    loss: float  # cross-entropy of ``held_out``


def fit_ridge(products: Floats, classes: NDArray[np.int64], num_classes: int) -> RidgeFit:
    """Fit to texts with the given products (N, N); penalty and scale have the least held-out loss.

    The logits of a text are the sum of its products with the texts (N,) by the weights (N, C), and
    the bias.
    """
    counts = np.bincount(classes, minlength=num_classes) + SMOOTHING
    bias = (counts / counts.sum()).astype(np.float32)
    targets = np.eye(num_classes, dtype=np.float32)[classes] - bias  # (N, C)
    identity = np.eye(len(classes), dtype=np.float32)
    fits: list[RidgeFit] = []
    for penalty in PENALTIES:
        inverse = np.linalg.inv(products + np.float32(penalty) * identity)
        weights = inverse @ targets
        held_out = bias + targets - weights / inverse.diagonal()[:, None]
        # Few texts cannot show that a model is sure.
        scales = SCALES[max(len(classes), 1) >= SCALES]
        losses = _losses(held_out, scales, classes)
        best = int(losses.argmin())
        scale, loss = scales[best], float(losses[best])
        fits.append(RidgeFit(weights * scale, bias * scale, held_out * scale, loss))
    return min(fits, key=lambda fit: fit.loss)


def _losses(scores: Floats, scales: Floats, classes: NDArray[np.int64]) -> Floats:
    """Return the cross-entropy (S,) of scores (N, C) by each scale (S,)."""
    logits = log_softmax(scales[:, None, None] * scores)
    losses: Floats = -logits[:, np.arange(len(classes)), classes].mean(1)
    return losses
