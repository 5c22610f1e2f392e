"""Attention to the source, in NumPy; computes the same functions as `attention_torch.py`."""

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
    lexical_features: Floats  # (N, S, E) of each token without its context

    def keep(self, sources: Ints) -> "Source":
        """Select sources."""
        return Source(*(getattr(self, field.name)[sources] for field in fields(self)))


class Attention:
    """Attend to the source (Luong et al. 2015, section 3.1, general).

    tanh(W [x; softmax(x Q values^T / sqrt(D)) values] + b). The products of the values with the
    query and combination weights do not depend on x: they are computed once a source.
    """

    def __init__(self, weights: Mapping[str, Floats], prefix: str) -> None:
        query = weights[prefix + "query.weight"]  # (D, H)
        self._key = query / np.float32(math.sqrt(len(query)))  # (D, H)
        combine = weights[prefix + "combine.weight"].T  # (H + D, H)
        self._bias = weights[prefix + "combine.bias"]  # (H,)
        size = len(self._bias)
        self._combine_x, self._combine_value = combine[:size], combine[size:]  # (H, H), (D, H)

    def source(self, x: Floats, mask: NDArray[np.bool_], lexical_features: Floats) -> Source:
        """Project the encoder's outputs (N, S, D)."""
        keys, values = linear(x, self._key), linear(x, self._combine_value)
        return Source(keys, values, mask, lexical_features)

    def __call__(self, x: Floats, source: Source) -> tuple[Floats, Floats]:
        """Return x (R, T, H) combined with its context, and the lexical features (R, T, E).

        There are R = N K rows, K for each source.
        """
        n, _, width = source.keys.shape
        queries = x.reshape(n, -1, width)  # (N, K T, H)
        weights = self.weights(queries, source)  # (N, K T, S)
        combined: Floats = weights @ source.values  # (N, K T, H)
        combined += linear(queries, self._combine_x)
        combined += self._bias
        np.tanh(combined, out=combined)
        lexical = (weights @ source.lexical_features).reshape(*x.shape[:2], -1)  # (R, T, E)
        return combined.reshape(x.shape), lexical

    def weights(self, queries: Floats, source: Source) -> Floats:
        """Return the attention weights (N, T, S) of queries (N, T, H)."""
        scores = queries @ source.keys.transpose(0, 2, 1)  # (N, T, S)
        np.copyto(scores, -np.inf, where=~source.mask[:, None])
        weights: Floats = softmax(scores)
        return weights
