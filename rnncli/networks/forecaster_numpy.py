"""The network of a forecaster, in NumPy, for inference; see `forecaster_torch.py`."""

from collections.abc import Mapping

import numpy as np

from rnncli.networks.architecture import Architecture, Frames, Stack
from rnncli.networks.cells_numpy import CELLS
from rnncli.networks.encoder_numpy import FrameEncoder, Packing
from rnncli.networks.heads import Quantiles
from rnncli.networks.numerics import Floats, affine


class SequenceForecaster:
    """A forecaster: an encoder of frames and a head (SegRNN, Lin et al. 2023)."""

    def __init__(
        self, front: Frames, encoder: Stack, head: Quantiles, weights: Mapping[str, Floats]
    ) -> None:
        self.architecture = Architecture(front, encoder, None, head)
        self.weights, self.front, self.head = weights, front, head
        self._encoder = FrameEncoder(encoder, weights)
        self.layers = self._encoder.layers
        self._layer = CELLS[encoder.cell](weights, "head.layer.")
        self._positions = self._layer.project(weights["head.positions.weight"])  # (K, gates D)
        self._output = weights["head.output.weight"].T, weights["head.output.bias"]

    def forecast(self, frames: Floats) -> Floats:
        """Return quantiles (N, T, Q) of what follows frames (N, S, F), in rising order.

        Levels are predicted one by one, and may cross: sorted, they are never farther from the
        true quantiles (Chernozhukov et al. 2010).
        """
        n, head = len(frames), self.head
        packing = Packing(np.full(n, frames.shape[1]))
        _, last = self._encoder(frames, packing)  # (N, D)
        rows = n * head.segments
        inputs = np.tile(self._positions, (n, 1))  # (N K, gates D)
        state = self._layer.init_state(np.repeat(packing.restore(last), head.segments, 0))
        x = np.empty((rows, last.shape[1]), np.float32)
        self._layer(inputs, [slice(0, rows)], state, x)
        quantiles = affine(x, *self._output).reshape(n, -1, len(head.levels))
        return np.sort(quantiles[:, : head.horizon], -1)
