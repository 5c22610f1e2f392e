"""Arrays of numbers, and what all that computes with NumPy needs of probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Return the probabilities of logits over the last axis."""
    exponentials: NDArray[Any] = np.exp(x - x.max(-1, keepdims=True))
    exponentials /= exponentials.sum(-1, keepdims=True)
    return exponentials


def log_softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Return the log-probabilities of logits over the last axis."""
    shifted: NDArray[Any] = x - x.max(-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(-1, keepdims=True))
    return shifted
