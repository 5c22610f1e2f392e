"""A memory of what was just read, beside a language model: what came up is likely to come again.

The weights know the language and the state knows the last few words; which names and subjects a
text is about lies further back. A continuous cache (Grave, Joulin and Usunier 2017, section 3)
keeps what the output layer read at the last so many tokens, its features, each with the token that
followed. Tokens that followed features like the present ones share a part of the probability. Alike
is what points in the same direction.

It reads what people wrote: a model that recalls its own text believes its mistakes, and repeats
them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.knn import Interpolation, interpolate, kernel
from rnncli.networks.numerics import Floats, Ints, directions

SIZE = 1_000  # tokens that are kept: more gain little, and each costs time
BLOCK = 256  # steps looked at together: more waste time on pairs that are too far apart
LEAST_GAIN = 0.01  # nats a token: a cache that gains less is not worth its time
# What is tried. Each sharpness is twice the one before: what a token counts is squared.
SHARPNESSES = (3.0, 6.0, 12.0, 24.0, 48.0)
TWINS = tuple(2.0**power for power in range(-7, 5))
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Recent:
    """The tokens that were read last, and where the features after each of them point."""

    directions: Floats  # (K, E) of length 1
    tokens: Ints  # (K,)

    @classmethod
    def nothing(cls, width: int) -> "Recent":
        """Return what was read before any token, with features of a width."""
        return cls(np.empty((0, width), np.float32), np.empty(0, np.int64))

    def extended(self, directions: Floats, tokens: Ints) -> "Recent":
        """Return it with further tokens (T,) and their directions (T, E)."""
        return Recent(
            np.concatenate([self.directions, directions]), np.concatenate([self.tokens, tokens])
        )

    def last(self, n: int) -> "Recent":
        """Return the last n of it."""
        return Recent(self.directions[-n:], self.tokens[-n:])


@dataclass(frozen=True)
class Cache:
    """Share the probability between a network and what was just read.

    A token counts exp(sharpness (cos - 1)), by the angle between its features and the present ones:
    1 where they are twins. Of what all tokens count together, z, the cache gets the part
    share z / (z + twins) of the probability: little, where it has seen nothing like this.
    """

    share: float  # of the cache at most, between 0 and 1
    twins: float  # that earn it half of this
    sharpness: float  # nats by which twins count more than features at right angles

    def __call__(
        self, log_p: Floats, features: Floats, tokens: Ints, recent: Recent, size: int = SIZE
    ) -> tuple[Floats, Recent]:
        """Return the log-probabilities (T, V) of the network and the cache together.

        The network read the tokens (T,), had the features (T, E) after each of them, and gives the
        log-probabilities (T, V) to what follows. Each recalls the ``size`` tokens before it.
        """
        own, mixed = directions(features), log_p.copy()
        for start in range(0, len(tokens), BLOCK):
            part = slice(start, start + BLOCK)
            recent = recent.extended(own[part], tokens[part])
            self._mix(mixed[part], recent, size)
            recent = recent.last(size)
        return mixed, recent

    def _mix(self, log_p: Floats, recent: Recent, size: int) -> None:
        """Mix, in place, the cache into the log-probabilities (T, V) after the last T tokens."""
        steps, followers = len(log_p), recent.tokens[1:]  # (P,) the second of each pair of tokens
        last = len(followers) - steps + np.arange(steps)  # (T,) the newest pair of each step
        visible = _visible(len(followers), last, size)  # (T, P)
        cosines = recent.directions[-steps:] @ recent.directions[:-1].T  # (T, P)
        interpolation = Interpolation(self.share, self.twins, self.sharpness)
        weights = interpolation.weights(cosines[None], visible)  # (1, T, P)
        tokens, columns = np.unique(followers, return_inverse=True)  # (U,), (P,)
        normalisers = interpolate(log_p, np.zeros(steps), weights, tokens[None], columns[None])
        log_p -= normalisers[:, None]


def fit(features: Floats, targets: Ints, log_p: Floats) -> Cache | None:
    """Return the cache that suits some texts best; None where too little is gained.

    The features (N, T, E) predict the targets (N, T), to which the network gives the
    log-probabilities (N, T).
    """
    p = np.exp(log_p.astype(np.float64))  # (N, T)
    found, most = None, LEAST_GAIN
    recalled = zip(*_recalled(directions(features), targets), strict=True)
    for sharpness, (hits, total) in zip(SHARPNESSES, recalled, strict=True):  # (N, T) twice
        for twins in TWINS:
            change = (hits / p - total) / (total + twins)  # (N, T) of the probability, in its parts
            for share in SHARES:
                gain = float(np.log1p(share * change).mean())
                if gain > most:
                    found, most = Cache(share, twins, sharpness), gain
    return found


def _recalled(directions: Floats, targets: Ints) -> tuple[Floats, Floats]:
    """Return what earlier tokens count: those that are the target, and all.

    Both are (K, N, T), for each of the K sharpnesses that are tried.
    """
    steps = targets.shape[1]
    visible = _visible(steps, np.arange(steps) - 1, SIZE)  # (T, T)
    hits = np.empty((len(SHARPNESSES), *targets.shape), np.float32)
    total = np.empty_like(hits)
    for row, (own, tokens) in enumerate(zip(directions, targets, strict=True)):  # (T, E), (T,)
        is_target = (tokens == tokens[:, None]).astype(np.float32)  # (T, T)
        counts = kernel(own @ own.T, visible, SHARPNESSES[0])  # (T, T)
        for number in range(len(SHARPNESSES)):
            hits[number, row] = np.einsum("tp,tp->t", counts, is_target)
            total[number, row] = counts.sum(1)
            np.square(counts, out=counts)
    return hits, total


def _visible(pairs: int, last: Ints, size: int) -> NDArray[np.bool_]:
    """Return which pairs (T, P) are no newer than the last of each step (T,), and not too old."""
    index = np.arange(pairs)
    return (index <= last[:, None]) & (index > last[:, None] - size)
