"""The encoder and what the head of a classifier reads of it, in NumPy."""

from collections.abc import Mapping, Sequence

import numpy as np

from rnncli.networks.architecture import Stack
from rnncli.networks.cells_numpy import CELLS, Inputs, Recurrent
from rnncli.networks.numerics import Floats, Ints
from rnncli.networks.packing import Packing
from rnncli.networks.token_tables import FirstLayer


class Encoder:
    """Read texts into one vector a token, in one or both directions."""

    def __init__(self, stack: Stack, weights: Mapping[str, Floats]) -> None:
        self._size = stack.output_size  # D
        self.embedding = weights["encoder.embedding.weight"]  # (V, E)
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

    def __call__(self, tokens: Ints, packing: Packing) -> tuple[Floats, Floats]:
        """Return packed outputs (P, D) and the last states (N, D) of both directions, as packed."""
        packed = packing.pack(tokens)  # (P,)
        layer = [(first.layer, first.inputs(packed)) for first in self._first]
        x, last = self._read(layer, len(packed), packing)
        for deeper in self._deeper:
            layer = [(direction, direction.project(x)) for direction in deeper]
            x, last = self._read(layer, len(packed), packing)
        return x, last

    def _read(
        self, layer: Sequence[tuple[Recurrent, Inputs]], size: int, packing: Packing
    ) -> tuple[Floats, Floats]:
        out = np.empty((size, self._size), np.float32)  # (P, D)
        last = np.empty((len(packing.order), self._size), np.float32)  # (N, D)
        for backward, (direction, inputs) in enumerate(layer):
            half = slice(backward * direction.hidden_size, (backward + 1) * direction.hidden_size)
            state = direction.empty_state(len(last))
            last[:, half] = direction(inputs, packing.spans, state, out[:, half], bool(backward))[0]
        return out, last


def pool(x: Floats, last: Floats, packing: Packing) -> Floats:
    """Return the maximum, the mean and the last (N, 3 D) of an encoder's packed outputs (P, D)."""
    pooled = np.zeros((len(last), 3, x.shape[1]), np.float32)  # (N, 3, D)
    maximum, mean, pooled[:, 2] = pooled[:, 0], pooled[:, 1], last
    maximum.fill(-np.inf)
    for span in packing.spans:
        k = span.stop - span.start
        np.maximum(maximum[:k], x[span], out=maximum[:k])
        mean[:k] += x[span]
    mean /= packing.lengths[:, None].astype(np.float32)
    return pooled.reshape(len(pooled), -1)
