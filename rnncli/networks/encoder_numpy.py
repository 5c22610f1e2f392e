"""The encoder, its packed sequences and its pooling, in NumPy."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.architecture import VECTORS, Stack
from rnncli.networks.cells_numpy import CELLS, Inputs, Recurrent
from rnncli.networks.embedding_numpy import Embedding, FirstLayer
from rnncli.networks.numerics import Floats, Ints, affine

PREFIX = "encoder.layers.{}.{}."  # of the weights of a layer in a direction

Scalar = TypeVar("Scalar", bound=np.generic)
Layer: TypeAlias = Sequence[Recurrent]  # one in each direction


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

    def pack(self, steps: NDArray[Scalar]) -> NDArray[Scalar]:
        """Pack the steps of texts (N, S, ...), padded at their ends, to (P, ...)."""
        packed: NDArray[Scalar] = steps[self.order].swapaxes(0, 1)[self.mask]
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


class RecurrentEncoder:
    """The base class of encoders: recurrent layers, in one or both directions."""

    def __init__(self, stack: Stack, weights: Mapping[str, Floats], first: Layer) -> None:
        self._size = stack.output_size  # D
        self._first = first
        self._deeper = [_layer(stack, weights, number) for number in range(1, stack.num_layers)]

    @property
    def layers(self) -> tuple[Recurrent, ...]:
        """The recurrent layers, each in both directions where there are two."""
        return (*self._first, *chain.from_iterable(self._deeper))

    def _read(self, inputs: Sequence[Inputs], size: int, packing: Packing) -> tuple[Floats, Floats]:
        """Return packed outputs (P, D) and the sorted last states (N, D) of both directions.

        ``inputs`` are those of the gates of the first layer in each direction, ``size`` is P.
        """
        x, last = self._run([*zip(self._first, inputs, strict=True)], size, packing)
        for deeper in self._deeper:
            layer = [(direction, direction.project(x)) for direction in deeper]
            x, last = self._run(layer, size, packing)
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


class Encoder(RecurrentEncoder):
    """Encode texts as one vector a token."""

    def __init__(self, stack: Stack, weights: Mapping[str, Floats]) -> None:
        vectors: Any = weights.get(VECTORS)  # int8, unlike all others
        self.embedding = Embedding(weights["encoder.embedding.weight"], vectors)
        self._tables = [
            FirstLayer(self.embedding, stack.cell, weights, PREFIX.format(0, direction))
            for direction in range(stack.directions)
        ]
        super().__init__(stack, weights, [table.layer for table in self._tables])

    def __call__(self, tokens: Ints, packing: Packing) -> tuple[Floats, Floats]:
        """Return packed outputs (P, D) and the sorted last states (N, D) of tokens (N, S)."""
        packed = packing.pack(tokens)  # (P,)
        return self._read([table.inputs(packed) for table in self._tables], len(packed), packing)


class FrameEncoder(RecurrentEncoder):
    """Encode frames of numbers as one vector a frame."""

    def __init__(self, stack: Stack, weights: Mapping[str, Floats]) -> None:
        self._weight = weights["encoder.embedding.weight"].T  # (F, E)
        self._bias = weights["encoder.embedding.bias"]
        super().__init__(stack, weights, _layer(stack, weights, 0))

    def __call__(self, frames: Floats, packing: Packing) -> tuple[Floats, Floats]:
        """Return packed outputs (P, D) and the sorted last states (N, D) of frames (N, S, F)."""
        embedded = affine(packing.pack(frames), self._weight, self._bias)  # (P, E)
        np.maximum(embedded, 0, out=embedded)
        inputs = [direction.project(embedded) for direction in self._first]
        return self._read(inputs, len(embedded), packing)


def _layer(stack: Stack, weights: Mapping[str, Floats], number: int) -> Layer:
    """Return a layer in each of its directions."""
    directions = range(stack.directions)
    return [
        CELLS[stack.cell](weights, PREFIX.format(number, direction)) for direction in directions
    ]


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
