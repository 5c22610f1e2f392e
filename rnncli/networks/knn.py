"""Interpolation of a network with its nearest neighbours in a datastore (Khandelwal et al. 2020).

A datastore holds pairs: what the output layer read, as a key, and the token that followed. What
followed keys like the present one gets a part of the probability. It is the same for a continuous
cache, whose datastore are the tokens just read, and for a translation memory. There are R = N K
rows, K for each of N datastores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, Ints


@dataclass(frozen=True)
class Interpolation:
    """How much of the probability the neighbours get.

    A pair counts exp(inverse_temperature (cos - 1)), by the angle between its key and the present
    one: 1 where they point in the same direction. Where all of them together count z, they get
    share z / (z + half_saturation) of the probability: little, where no key is like the present.
    """

    share: float  # of the probability at most, between 0 and 1
    half_saturation: float  # the z that earns half of it
    inverse_temperature: float

    def weights(self, cosines: Floats, mask: NDArray[np.bool_]) -> Floats:
        """Turn cosines (N, K, M), in place, into the probability of each pair.

        The mask, which is broadcast, is false at pairs that a row cannot see.
        """
        weights = kernel(cosines, mask, self.inverse_temperature)
        total = weights.sum(-1, keepdims=True)  # (N, K, 1)
        weights *= np.float32(self.share) / (total + np.float32(self.half_saturation))
        return weights


def kernel(cosines: Floats, mask: NDArray[np.bool_], inverse_temperature: float) -> Floats:
    """Turn cosines (..., K, M), in place, into how much each pair counts: 0 outside the mask."""
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
    """Mix, in place, the probabilities of retrieved pairs into logits (R, V).

    ``log_normalisers`` (R,) are those of the logits: log-probability = logit - log-normaliser.
    ``weights`` (N, K, M) are the probabilities of the pairs, ``tokens`` (N, U) the different tokens
    that followed, and ``columns`` (N, M) says which of these followed in each pair. Returns the
    log-normalisers of the new logits.
    """
    n, size = tokens.shape
    rows = np.arange(len(logits)).reshape(n, -1, 1)  # (N, K, 1)
    p = np.bincount((rows * size + columns[:, None]).ravel(), weights.ravel(), len(logits) * size)
    shares = weights.sum(2).ravel()  # (R,)
    # Only the logits of tokens that were retrieved change; all others have a smaller share now.
    log_normalisers = log_normalisers - np.log1p(-shares)  # (R,)
    with np.errstate(divide="ignore"):  # padding has log 0
        retrieved = np.log(p.astype(np.float32)).reshape(len(logits), size)  # (R, U)
    retrieved += log_normalisers.astype(np.float32)[:, None]
    places = (rows * logits.shape[1] + tokens[:, None]).ravel()  # (R U,)
    flat = logits.ravel()  # a view
    flat[places] = np.logaddexp(flat.take(places), retrieved.ravel())
    return log_normalisers
