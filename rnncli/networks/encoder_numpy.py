"""The encoder, its packed sequences and its pooling, in NumPy."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from rnncli.networks.architecture import VECTORS, Stack
from rnncli.networks.cells_numpy import CELLS, Inputs, Recurrent
from rnncli.networks.embedding_numpy import Embedding, FirstLayer
from rnncli.networks.numerics import Floats, Ints


class Packing:
    """The order of packed sequences: step by step, without padding (as PyTorch packs them).

    Texts are sorted by falling length, so that those with a step t are the first ones.
    """

    def __init__(self, lengths: Ints) -> None:
        self.order = np.argsort(-lengths, kind="stable")  # (N,)
        self.ranks = np.argsort(self.order)  # (N,) of each text among the sorted ones
        self.lengths = lengths[self.order]  # (N,)
        steps = np.arange(int(lengths.max(initial=0)))  # (S,)
        self.mask = steps[:, None] < self.lengths  # (S, N)
        ends = self.mask.sum(1).cumsum().tolist()
        self.spans = [slice(*span) for span in zip([0, *ends], ends, strict=False)]  # of each step

    def pack(self, tokens: Ints) -> Ints:
        """Pack the tokens of texts (N, S), padded at their ends, to (P,)."""
        packed: Ints = tokens[self.order].T[self.mask]
        return packed

    def unpack(self, x: Floats) -> Floats:
        """Pad packed vectors (P, D) with zeros, to (N, S, D)."""
        padded = np.zeros((*self.mask.shape[::-1], x.shape[1]), np.float32)
        steps, rows = np.nonzero(self.mask)  # (P,), (P,)
        padded[self.order[rows], steps] = x
        return padded

    def restore(self, x: Floats) -> Floats:
        """Restore the original order of vectors (N, D), one a text."""
        restored: Floats = x[self.ranks]
        return restored


class Encoder:
    """Encode texts as one vector a token, in one or both directions."""

    def __init__(self, stack: Stack, weights: Mapping[str, Floats]) -> None:
        self._size = stack.output_size  # D
        vectors: Any = weights.get(VECTORS)  # int8, unlike all others
        self.embedding = Embedding(weights["encoder.embedding.weight"], vectors)
        directions = range(stack.directions)
        prefix = "encoder.layers.{}.{}."
        self._first = [
            FirstLayer(self.embedding, stack.cell, weights, prefix.format(0, direction))
            for direction in directions
        ]
        self._deeper = [
            [CELLS[stack.cell](weights, prefix.format(layer, d)) for d in directions]
            for layer in range(1, stack.num_layers)
        ]

    @property
    def layers(self) -> tuple[Recurrent, ...]:
        """The recurrent layers, each in both directions where there are two."""
        first = (each.layer for each in self._first)
        return (*first, *chain.from_iterable(self._deeper))

    def __call__(self, tokens: Ints, packing: Packing) -> tuple[Floats, Floats]:
        """Return packed outputs (P, D) and the sorted last states (N, D) of both directions."""
        packed = packing.pack(tokens)  # (P,)
        layer = [(first.layer, first.inputs(packed)) for first in self._first]
        x, last = self._run(layer, len(packed), packing)
        for deeper in self._deeper:
            layer = [(direction, direction.project(x)) for direction in deeper]
            x, last = self._run(layer, len(packed), packing)
        return x, last

    def _run(
        self, layer: Sequence[tuple[Recurrent, Inputs]], size: int, packing: Packing
    ) -> tuple[Floats, Floats]:
        out = np.empty((size, self._size), np.float32)  # (P, D)
        last = np.empty((len(packing.order), self._size), np.float32)  # (N, D)
        for backward, (direction, inputs) in enumerate(layer):
            size = direction.hidden_size
            columns = slice(backward * size, (backward + 1) * size)
            state = direction.empty_state(len(last))
            state = direction(inputs, packing.spans, state, out[:, columns], bool(backward))
            last[:, columns] = state[0]
        return out, last


def pool(x: Floats, last: Floats, packing: Packing) -> Floats:
    """Return the maximum, mean and last (N, 3 D) of an encoder's packed outputs (P, D)."""
    pooled = np.zeros((len(last), 3, x.shape[1]), np.float32)  # (N, 3, D)
    maximum, mean, pooled[:, 2] = pooled[:, 0], pooled[:, 1], last
    maximum.fill(-np.inf)
    for span in packing.spans:
        k = span.stop - span.start
        np.maximum(maximum[:k], x[span], out=maximum[:k])
        mean[:k] += x[span]
    mean /= packing.lengths[:, None].astype(np.float32)
    return pooled.reshape(len(pooled), -1)
