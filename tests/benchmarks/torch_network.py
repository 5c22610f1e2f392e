"""The trained network in PyTorch with the interface of NumPy's, to compare their speed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rnncli.networks.architecture import Architecture
from rnncli.networks.attention_numpy import Source
from rnncli.networks.attention_torch import Source as TorchSource
from rnncli.networks.model_numpy import AttentionState
from rnncli.networks.model_torch import build
from rnncli.networks.numerics import Floats, Ints


class TorchNetwork:
    """Hold the trained parts; the states hold tensors, which are indexed as arrays are."""

    def __init__(self, architecture: Architecture, weights: Mapping[str, Floats]) -> None:
        self.model: Any = build(architecture).eval()
        # What is tied is stored once.
        tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
        self.model.load_state_dict(tensors, strict=False)

    @torch.inference_mode()
    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        return _array(self.model.classify(torch.from_numpy(tokens), torch.from_numpy(lengths)))

    @torch.inference_mode()
    def encode(self, tokens: Ints, lengths: Ints) -> AttentionState:
        """Read sources (N, S) and return the state from which a decoder starts to translate."""
        read, states = self.model.encode(torch.from_numpy(tokens), torch.from_numpy(lengths))
        source = Source(read.values, read.values, read.mask, read.lexical_features)
        return AttentionState(tuple(states), source)

    @torch.inference_mode()
    def step(self, tokens: Ints, state: AttentionState) -> tuple[Floats, AttentionState]:
        """Return the logits (N, V) of the tokens that follow ``tokens`` (N,), and the state."""
        source: Any = state.source
        read = TorchSource(source.values, source.mask, source.lexical_features)
        ids = torch.from_numpy(np.ascontiguousarray(tokens[:, None]))
        features, states = self.model.decoder.attend(ids, state.layers, read)
        logits = _array(self.model.decoder.output(features)[:, 0])
        return logits, AttentionState(tuple(states), state.source)


def _array(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.float().numpy()
    return array
