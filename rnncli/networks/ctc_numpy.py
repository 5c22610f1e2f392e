"""The network of a transcriber, in NumPy, for inference; see `ctc_torch.py`."""

from collections.abc import Mapping

import numpy as np

from rnncli.networks.architecture import Architecture, Frames, Stack
from rnncli.networks.encoder_numpy import FrameEncoder, Packing
from rnncli.networks.heads import Ctc
from rnncli.networks.numerics import Floats, affine, log_softmax


class FrameLabeller:
    """An encoder of frames and a head that writes a token or nothing at each."""

    def __init__(
        self, front: Frames, encoder: Stack, head: Ctc, weights: Mapping[str, Floats]
    ) -> None:
        self.architecture = Architecture(front, encoder, None, head)
        self.weights = weights
        self._encoder = FrameEncoder(encoder, weights)
        self.layers = self._encoder.layers
        self._output = weights["output.weight"].T, weights["output.bias"]

    def log_probs(self, frames: Floats) -> Floats:
        """Return the log-probabilities (S, V) of the tokens at the frames (S, F) of a sound."""
        packing = Packing(np.array([len(frames)]))
        x, _ = self._encoder(frames[None], packing)  # (S, D)
        result: Floats = log_softmax(affine(x, *self._output))
        return result
