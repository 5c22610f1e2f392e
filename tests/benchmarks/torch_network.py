"""The trained network in PyTorch with the interface of NumPy's, to compare their speed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rnncli.config import ModelConfig
from rnncli.networks.attention_torch import Memory as TorchMemory
from rnncli.networks.model_numpy import DecoderState, Memory
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.networks.numerics import Floats, Ints


class TorchNetwork:
    """Hold the trained parts; the states hold tensors, which are indexed as arrays are."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.model = EncoderDecoder(config).eval()
        # What is tied is stored once.
        tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
        self.model.load_state_dict(tensors, strict=False)

    @torch.inference_mode()
    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        return _array(self.model.classify(torch.from_numpy(tokens), torch.from_numpy(lengths)))

    @torch.inference_mode()
    def encode(self, tokens: Ints, lengths: Ints) -> DecoderState:
        """Read sources (N, S) and return the state from which a decoder starts to translate."""
        memory: Any
        memory, states = self.model.read(torch.from_numpy(tokens), torch.from_numpy(lengths))
        layers: Any = tuple(states)
        return DecoderState(layers, Memory(memory.values, memory.values, memory.mask, memory.words))

    @torch.inference_mode()
    def step(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, V) of the tokens that follow ``tokens`` (N,), and the state."""
        assert self.model.decoder is not None
        memory: Any = state.memory
        layers: Any = state.layers
        source = TorchMemory(memory.values, memory.mask, memory.words)
        ids = torch.from_numpy(np.ascontiguousarray(tokens[:, None]))
        features, states = self.model.decoder.features(ids, layers, source)
        after: Any = tuple(states)
        return _array(self.model.decoder.output(features)[:, 0]), DecoderState(after, memory)


def _array(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.float().numpy()
    return array
