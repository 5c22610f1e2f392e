"""The network in PyTorch behind the interface of `runtime.Network`, for inference on a GPU.

States hold tensors where those of NumPy hold arrays; both are indexed alike, so that decoding does
not know the difference. Logits come back as arrays.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rnncli.config import ModelConfig
from rnncli.errors import ConfigError
from rnncli.networks.attention_torch import Memory as TorchMemory
from rnncli.networks.model_numpy import DecoderState, Memory
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.networks.numerics import Floats, Ints


class TorchNetwork:
    """Hold the trained parts on a device; the counterpart of ``runtime.Network``."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats], device: str) -> None:
        """Build the network and move it to ``device``.

        Raises:
            ConfigError: there is no such device.

        """
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("there is no CUDA device", "leave --device out")
        self.config = config
        self._device = device
        self._weights = weights
        self._model = EncoderDecoder(config)
        # What is tied is stored once; the names of all that is stored were checked on loading.
        tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
        self._model.load_state_dict(tensors, strict=False)
        self._model.to(device).eval()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the weights, and put them on the same kind of device again."""
        return TorchNetwork, (self.config, dict(self._weights), self._device)

    @torch.inference_mode()
    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        return _array(self._model.classify(self._tensor(tokens), self._tensor(lengths)))

    @torch.inference_mode()
    def encode(self, tokens: Ints, lengths: Ints) -> DecoderState:
        """Read sources (N, S) and return the state from which a decoder starts to translate."""
        memory: Any
        memory, states = self._model.read(self._tensor(tokens), self._tensor(lengths))
        layers: Any = tuple(states)
        return DecoderState(layers, Memory(memory.values, memory.values, memory.mask, memory.words))

    @torch.inference_mode()
    def attend(self, tokens: Ints, lengths: Ints, targets: Ints) -> Floats:
        """Return how much sources (N, S) are attended to after each of ``targets`` (N, T)."""
        return _array(self._model.attend(*map(self._tensor, (tokens, lengths, targets))))

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of a language model before any token, for n rows."""
        zero: Any = torch.zeros(n, self.config.hidden_size, device=self._device)
        layer = (zero, zero) if self.config.cell == "lstm" else (zero,)
        return DecoderState((layer,) * self.config.num_layers)

    def read(self, tokens: Ints, lengths: Ints) -> tuple[Floats, DecoderState]:
        """Read texts (N, S); return the logits (N, V) of what follows each, and the state."""
        # Those of one length at a time, since a layer returns the states after the last step only.
        groups = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]
        read = [
            self.features(tokens[rows, : lengths[rows[0]]], self.empty_state(len(rows)))
            for rows in groups
        ]
        places = np.argsort(np.concatenate(groups))
        last = np.concatenate([some[:, -1] for some, _ in read])
        layers: Any = tuple(
            tuple(torch.cat(parts)[places] for parts in zip(*same_layer, strict=True))
            for same_layer in zip(*(state.layers for _, state in read), strict=True)
        )
        return self.output(last[places]), DecoderState(layers)

    @torch.inference_mode()
    def features(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return what the output layer reads (N, T, E or H) after ``tokens`` (N, T)."""
        assert self._model.decoder is not None
        memory: Any = state.memory
        source = memory and TorchMemory(memory.values, memory.mask, memory.words)
        layers: Any = state.layers
        features, own = self._model.decoder.features(self._tensor(tokens), layers, source)
        after: Any = tuple(own)
        return _array(features), DecoderState(after, memory)

    @torch.inference_mode()
    def output(self, features: Floats) -> Floats:
        """Return the logits (..., V) of features (..., E or H)."""
        assert self._model.decoder is not None
        return _array(self._model.decoder.output(self._tensor(features)))

    def decode(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, T, V) of what follows each of ``tokens`` (N, T), and the state."""
        features, state = self.features(tokens, state)
        return self.output(features), state

    def step(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, V) of the tokens that follow ``tokens`` (N,), and the state."""
        logits, state = self.decode(tokens[:, None], state)
        return logits[:, 0], state

    def _tensor(self, array: Ints | Floats) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def _array(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.float().cpu().numpy()
    return array
