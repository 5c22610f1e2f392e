"""Attention to the source, in NumPy; it computes what `attention_torch.py` computes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, Ints, linear, softmax


@dataclass(frozen=True)
class Source:
    """N encoded sources, projected for the attention of a decoder."""

    keys: Floats  # (N, S, H)
    values: Floats  # (N, S, H)
    mask: NDArray[np.bool_]  # (N, S), true at the tokens of the source
    lexical_features: Floats  # (N, S, E) of each token on its own

    def keep(self, sources: Ints) -> "Source":
        """Return these sources alone."""
        return Source(*(getattr(self, field.name)[sources] for field in fields(self)))


class Attention:
    """Attend to the source (Luong et al. 2015, section 3.1, general).

    softmax(x Q values^T / sqrt(D)) values, joined with x through weights and a tanh. Both products
    with the values that do not depend on x are made once a source, not once a step.
    """

    def __init__(self, weights: Mapping[str, Floats], prefix: str) -> None:
        query = weights[prefix + "query.weight"]  # (D, H)
        self._key = query / np.float32(math.sqrt(len(query)))  # (D, H)
        combine = weights[prefix + "combine.weight"].T  # (H + D, H)
        self._bias = weights[prefix + "combine.bias"]  # (H,)
        size = len(self._bias)
        self._combine_x, self._combine_value = combine[:size], combine[size:]  # (H, H), (D, H)

    def source(self, x: Floats, mask: NDArray[np.bool_], lexical_features: Floats) -> Source:
        """Return what is attended to, from the encoder's outputs (N, S, D)."""
        keys, values = linear(x, self._key), linear(x, self._combine_value)
        return Source(keys, values, mask, lexical_features)

    def __call__(self, x: Floats, source: Source) -> tuple[Floats, Floats]:
        """Return x (R, T, H) joined with what it attends to, and the lexical features (R, T, E).

        There are R = N K rows, K for each source.
        """
        n, _, width = source.keys.shape
        queries = x.reshape(n, -1, width)  # (N, K T, H)
        weights = self.weights(queries, source)  # (N, K T, S)
        joined: Floats = weights @ source.values  # (N, K T, H)
        joined += linear(queries, self._combine_x)
        joined += self._bias
        np.tanh(joined, out=joined)
        lexical = (weights @ source.lexical_features).reshape(*x.shape[:2], -1)  # (R, T, E)
        return joined.reshape(x.shape), lexical

    def weights(self, queries: Floats, source: Source) -> Floats:
        """Return how much queries (N, T, H) attend to each token of their sources: (N, T, S)."""
        scores = queries @ source.keys.transpose(0, 2, 1)  # (N, T, S)
        np.copyto(scores, -np.inf, where=~source.mask[:, None])
        weights: Floats = softmax(scores)
        return weights
