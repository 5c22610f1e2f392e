"""A continuous cache beside a language model: recent tokens are likely to recur.

A continuous cache (Grave, Joulin and Usunier 2017, section 3) is a datastore of the latest tokens,
each with the features before it as its key: names and subjects of a text recur, beyond the reach of
the hidden state. It is used to score texts, not to generate them: generation would repeat its own
errors.

Shapes: T steps, M pairs in the datastore, C inverse temperatures in the grid.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.knn import Interpolation, interpolate, kernel
from rnncli.networks.numerics import Floats, Ints, unit_vectors
from rnncli.tasks.generate.surprisal import Predictions

SIZE = 1_000  # tokens of the datastore: more gain little for their time
BLOCK = 256  # steps of a matrix product: with more, most products are masked
MIN_GAIN = 0.01  # nats a token: less is not worth the time
MAX_TUNING_TOKENS = 4_096  # of held-out text: enough for a stable result, in a second
READING_SHARE = 0.6  # of the time to tune in; the grid takes the rest
# The grid; inverse temperatures double, so that kernels are squared.
INVERSE_TEMPERATURES = (3.0, 6.0, 12.0, 24.0, 48.0)
HALF_SATURATIONS = tuple(2.0**power for power in range(-7, 5))
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Neighbours:
    """The pairs in the datastore that a block of consecutive steps attends to."""

    steps: slice  # of the predictions
    cosines: Floats  # (T, M) of the features of each step and each key
    mask: NDArray[np.bool_]  # (T, M) true at the pairs in the datastore at each step
    values: Ints  # (M,) the tokens that followed


class Datastore:
    """The latest tokens of a running text, and the normalised features before each."""

    def __init__(self, size: int = SIZE) -> None:
        """Create an empty datastore of at most ``size`` tokens."""
        self._size = size
        self._keys: Floats | None = None
        self._tokens: Ints = np.empty(0, np.int64)

    def neighbours(self, predictions: Predictions) -> Iterator[Neighbours]:
        """Add the tokens, and yield the neighbours of each block of steps."""
        keys = unit_vectors(predictions.features)  # (T, E)
        if predictions.is_start or self._keys is None:
            self._keys, self._tokens = keys[:0], predictions.inputs[:0]
        for start in range(0, len(keys), BLOCK):
            steps = slice(start, start + BLOCK)
            self._keys = np.concatenate([self._keys, keys[steps]])
            self._tokens = np.concatenate([self._tokens, predictions.inputs[steps]])
            pairs, number = len(self._tokens) - 1, len(keys[steps])
            newest = pairs - number + np.arange(number)[:, None]  # (T, 1) pair of each step
            index = np.arange(pairs)
            mask = (index <= newest) & (index > newest - self._size)
            yield Neighbours(steps, keys[steps] @ self._keys[:-1].T, mask, self._tokens[1:])
            self._keys, self._tokens = self._keys[-self._size :], self._tokens[-self._size :]


class ContinuousCache:
    """Interpolate a language model with a cache of its latest tokens."""

    def __init__(self, interpolation: Interpolation, size: int = SIZE) -> None:
        self._interpolation = interpolation
        self._datastore = Datastore(size)

    def __call__(self, predictions: Predictions) -> Floats:
        """Return the log-probabilities (T, V) of the next part of a running text."""
        log_p = predictions.log_p.copy()
        for part in self._datastore.neighbours(predictions):
            weights = self._interpolation.weights(part.cosines[None], part.mask)  # (1, T, M)
            tokens, columns = np.unique(part.values, return_inverse=True)
            rows = log_p[part.steps]  # a view
            normalisers = interpolate(
                rows, np.zeros(len(rows)), weights, tokens[None], columns[None]
            )
            rows -= normalisers[:, None]
        return log_p


def read_parameters(parameters: Mapping[str, float]) -> Interpolation:
    """Parse the parameters of the cache from a model's description."""
    return Interpolation(parameters["share"], parameters["twins"], parameters["sharpness"])


def write_parameters(cache: Interpolation) -> dict[str, float]:
    """Return the parameters of the cache for a model's description."""
    return {
        "share": cache.share,
        "twins": cache.half_saturation,
        "sharpness": cache.inverse_temperature,
    }


def tune(texts: Iterable[Predictions], seconds: float = math.inf) -> Interpolation | None:
    """Find the interpolation with the lowest loss on a running text; None if it gains too little.

    About ``MAX_TUNING_TOKENS`` tokens are read, for ``seconds`` at most.
    """
    end = time.monotonic() + READING_SHARE * seconds
    p, weights = [], []
    datastore, count = Datastore(), 0
    for predictions in texts:
        p.append(np.exp(-predictions.nats().astype(np.float64)))
        for part in datastore.neighbours(predictions):
            is_target = part.values == predictions.targets[part.steps, None]  # (T, M)
            weights.append(_weights(part, is_target))
        count += len(predictions.targets)
        if count >= MAX_TUNING_TOKENS or time.monotonic() > end:
            break
    p_target = np.concatenate(p)  # (T,)
    best_cache, max_gain = None, MIN_GAIN
    for inverse_temperature, (hits, total) in zip(
        INVERSE_TEMPERATURES, np.concatenate(weights, 2), strict=True
    ):
        for half_saturation, share in product(HALF_SATURATIONS, SHARES):
            change = (hits / p_target - total) / (total + half_saturation)  # (T,) relative
            gain = float(np.log1p(share * change).mean())
            if gain > max_gain:
                max_gain = gain
                best_cache = Interpolation(share, half_saturation, inverse_temperature)
    return best_cache


def _weights(part: Neighbours, is_target: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the summed weights (C, 2, T) of pairs whose value is the target, and of all pairs."""
    weights = []
    is_target = is_target.astype(np.float32)
    counts = kernel(part.cosines, part.mask, INVERSE_TEMPERATURES[0])  # (T, M)
    for _ in INVERSE_TEMPERATURES:
        weights.append([np.einsum("tm,tm->t", counts, is_target), counts.sum(1)])
        np.square(counts, out=counts)
    return np.array(weights, np.float32)
