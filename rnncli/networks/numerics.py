"""Types of arrays, and numerical functions in NumPy."""

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


def log_sums(x: Floats, largest: Floats | None = None) -> NDArray[np.float64]:
    """Return log sum exp (R,) of rows (R, V); ``largest`` (R,) are their maxima, if computed."""
    if largest is None:
        largest = x.max(1)
    exponentials = x - largest[:, None]
    np.exp(exponentials, out=exponentials)
    # In float64, for the precision of sums near 1.
    sums: NDArray[np.float64] = np.log(exponentials.sum(1, dtype=np.float64)) + largest
    return sums


def unit_vectors(x: Floats) -> Floats:
    """Divide vectors (..., E) by their lengths, so that dot products are cosines."""
    lengths = np.sqrt(np.square(x).sum(-1, keepdims=True))
    normalised: Floats = x / np.maximum(lengths, np.float32(1e-6))
    return normalised


def linear(x: Floats, weight: Floats) -> Floats:
    """Return x @ weight for rows x (..., I) and a weight (I, O): one product, not many small ones.

    NumPy multiplies the matrices of a stack one by one.
    """
    result: Floats = (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], -1)
    return result


def affine(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Return x @ weight + bias for rows x (..., I), a weight (I, O) and a bias (O,)."""
    result = linear(x, weight)
    result += bias
    return result
