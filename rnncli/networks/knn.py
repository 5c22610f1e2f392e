"""Interpolation of a network with nearest neighbours in a datastore (Khandelwal et al. 2020).

A datastore holds pairs of a key, the features before a token, and the token. Tokens whose keys are
similar to the present features get a part of the probability. It serves the continuous cache and
the translation memory. There are R = N K rows, K for each of N datastores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, Ints


@dataclass(frozen=True)
class Interpolation:
    """The part of the probability that the neighbours get.

    The kernel of a pair is exp(inverse_temperature (cos - 1)), at most 1. With the sum z of all
    kernels, the neighbours get share z / (z + half_saturation) of the probability: little where no
    key is similar.
    """

    share: float  # of the probability, at most; between 0 and 1
    half_saturation: float  # the z of half the share
    inverse_temperature: float

    def weights(self, cosines: Floats, mask: NDArray[np.bool_]) -> Floats:
        """Convert cosines (N, K, M), in place, to the probability of each pair.

        The mask, which is broadcast, is false at pairs to ignore.
        """
        weights = kernel(cosines, mask, self.inverse_temperature)
        total = weights.sum(-1, keepdims=True)  # (N, K, 1)
        weights *= np.float32(self.share) / (total + np.float32(self.half_saturation))
        return weights


def kernel(cosines: Floats, mask: NDArray[np.bool_], inverse_temperature: float) -> Floats:
    """Convert cosines (..., K, M), in place, to the kernel of each pair; 0 outside the mask."""
    cosines -= np.float32(1)
    cosines *= np.float32(inverse_temperature)
    np.exp(cosines, out=cosines)
    cosines *= mask
    return cosines


def interpolate(
    logits: Floats,
    log_normalisers: NDArray[np.floating],
    weights: Floats,
    tokens: Ints,
    columns: Ints,
) -> NDArray[np.floating]:
    """Interpolate logits (R, V), in place, with the probabilities of retrieved pairs.

    ``log_normalisers`` (R,) are those of the logits: log-probability = logit - log-normaliser.
    ``weights`` (N, K, M) are the probabilities of the pairs, ``tokens`` (N, U) their tokens without
    repetitions, and ``columns`` (N, M) the column in ``tokens`` of each pair. Returns the
    log-normalisers of the new logits.
    """
    n, size = tokens.shape
    rows = np.arange(len(logits)).reshape(n, -1, 1)  # (N, K, 1)
    p = np.bincount((rows * size + columns[:, None]).ravel(), weights.ravel(), len(logits) * size)
    shares = weights.sum(2).ravel()  # (R,)
    # Only the logits of retrieved tokens change; the normalisers lower the share of all others.
    log_normalisers = log_normalisers - np.log1p(-shares)  # (R,)
    with np.errstate(divide="ignore"):  # padding has log 0
        retrieved = np.log(p.astype(np.float32)).reshape(len(logits), size)  # (R, U)
    retrieved += log_normalisers.astype(np.float32)[:, None]
    index = (rows * logits.shape[1] + tokens[:, None]).ravel()  # (R U,)
    flat = logits.ravel()  # a view
    flat[index] = np.logaddexp(flat.take(index), retrieved.ravel())
    return log_normalisers
