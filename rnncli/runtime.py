"""The recurrent encoder-decoder in NumPy, for inference.

It computes what `model.py` computes, reads the same weights, and starts in a twentieth of the time
that `import torch` takes. Shape letters as in `model.py`; inside this file time comes first,
(T, N, H), so that each step reads one stretch of memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.config import ModelConfig

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]
LayerState = tuple[Floats, ...]  # (h,) or, for an LSTM, (h, c); each (N, H)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), without overflow for any x."""
    result: Floats = np.tanh(x * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
    return result


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Return the probabilities of logits over the last axis."""
    exponentials = np.exp(x - x.max(-1, keepdims=True))
    result: NDArray[Any] = exponentials / exponentials.sum(-1, keepdims=True)
    return result


def log_softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Return the log-probabilities of logits over the last axis."""
    shifted = x - x.max(-1, keepdims=True)
    result: NDArray[Any] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


@dataclass(frozen=True)
class Memory:
    """What the decoder attends to: the encoder's outputs of N sources."""

    values: Floats  # (N, S, D)
    mask: NDArray[np.bool_]  # (N, S), true at tokens


@dataclass(frozen=True)
class DecoderState:
    """The state of every layer, for R rows, and the sources that they belong to.

    Where there is a memory of N sources, rows R = N K stand in order, K for each source.
    """

    layers: tuple[LayerState, ...]
    memory: Memory | None = None

    def take(self, rows: Ints) -> "DecoderState":
        """Return the state with these rows in place of the old ones; sources stay."""
        return replace(self, layers=tuple(tuple(x[rows] for x in layer) for layer in self.layers))

    def keep_sources(self, sources: Ints) -> "DecoderState":
        """Return the state with these sources only; rows stay."""
        if self.memory is None:
            return self
        memory = Memory(self.memory.values[sources], self.memory.mask[sources])
        return replace(self, memory=memory)


class Recurrent:
    """One recurrent layer in one direction: the equations of every cell."""

    def __init__(self, cell: str, weights: Mapping[str, Floats], prefix: str) -> None:
        self.cell = cell
        self.weight_ih = weights[prefix + "weight_ih"].T  # (I, gates H)
        self.bias_ih = weights[prefix + "bias_ih"]  # (gates H,)
        if cell == "mingru":
            self.hidden_size = self.bias_ih.shape[0] // 2
        else:
            self.weight_hh = np.ascontiguousarray(weights[prefix + "weight_hh"].T)  # (H, gates H)
            self.bias_hh = weights[prefix + "bias_hh"]  # (gates H,)
            self.hidden_size = self.weight_hh.shape[0]

    def empty_state(self, n: int) -> LayerState:
        """Return the state before any input."""
        zero = np.zeros((n, self.hidden_size), np.float32)
        return (zero, zero) if self.cell == "lstm" else (zero,)

    def __call__(
        self, x: Floats, state: LayerState, active: Sequence[int] | None = None
    ) -> tuple[Floats, LayerState]:
        """Return the outputs (T, N, H) of x (T, N, I), and the state after the last step.

        ``active[t]`` says how many sequences, sorted from long to short, still have a step t: the
        others rest, so that padding costs nothing.
        """
        steps, n, _ = x.shape
        projected = x.reshape(steps * n, -1) @ self.weight_ih  # all steps in one product
        projected += self.bias_ih
        projected = projected.reshape(steps, n, -1)  # (T, N, gates H)
        out = np.zeros((steps, n, self.hidden_size), np.float32)
        steps_of: dict[str, Callable[..., LayerState]] = {
            "lstm": self._lstm,
            "gru": self._gru,
            "rnn": self._rnn,
            "mingru": self._mingru,
        }
        step = steps_of[self.cell]
        state = tuple(part.copy() for part in state)
        for t in range(steps):
            k = n if active is None else active[t]
            after = step(projected[t, :k], *(part[:k] for part in state))
            for part, new in zip(state, after, strict=True):
                part[:k] = new
            out[t, :k] = after[0]
        return out, state

    def _lstm(self, x: Floats, h: Floats, c: Floats) -> LayerState:
        """Step as Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000."""
        size = self.hidden_size
        gates = h @ self.weight_hh  # (N, 4 H)
        gates += self.bias_hh
        gates += x
        i, f = sigmoid(gates[:, :size]), sigmoid(gates[:, size : 2 * size])  # input, forget
        g, o = np.tanh(gates[:, 2 * size : 3 * size]), sigmoid(gates[:, 3 * size :])
        c = f * c + i * g
        return o * np.tanh(c), c

    def _gru(self, x: Floats, h: Floats) -> LayerState:
        """Step as Cho et al. 2014, with the reset gate after the product, as in cuDNN."""
        size = self.hidden_size
        recurrent = h @ self.weight_hh  # (N, 3 H)
        recurrent += self.bias_hh
        r = sigmoid(x[:, :size] + recurrent[:, :size])  # reset
        z = sigmoid(x[:, size : 2 * size] + recurrent[:, size : 2 * size])  # update
        g = np.tanh(x[:, 2 * size :] + r * recurrent[:, 2 * size :])  # new
        after: Floats = g + z * (h - g)
        return (after,)

    def _rnn(self, x: Floats, h: Floats) -> LayerState:
        """Step as Elman 1990."""
        after: Floats = np.tanh(x + h @ self.weight_hh + self.bias_hh)
        return (after,)

    def _mingru(self, x: Floats, h: Floats) -> LayerState:
        """Step as Feng et al. 2024, section 3.1, with the positive values of appendix B."""
        size = self.hidden_size
        z, v = sigmoid(x[:, :size]), x[:, size:]
        g: Floats = np.where(v >= 0, v + np.float32(0.5), sigmoid(v))
        after: Floats = h + z * (g - h)
        return (after,)


class Encoder:
    """Read texts into one vector a token, in one or both directions."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.embedding = _scaled(weights["encoder.embedding.weight"])  # (V, E)
        directions = 2 if config.bidirectional else 1
        self.layers = [
            [
                Recurrent(config.cell, weights, f"encoder.layers.{layer}.{direction}.")
                for direction in range(directions)
            ]
            for layer in range(config.num_layers)
        ]

    def __call__(self, tokens: Ints, lengths: Ints) -> tuple[Floats, Floats]:
        """Return the outputs (N, S, D) and both directions' last states (N, D)."""
        order = np.argsort(-lengths, kind="stable")  # long to short
        tokens, lengths = tokens[order], lengths[order]
        n, size = tokens.shape
        steps = np.arange(size)[:, None]  # (S, 1)
        backwards = np.where(steps < lengths, lengths - 1 - steps, steps)  # (S, N)
        active = [int(k) for k in (lengths > steps).sum(1)]  # (S,)
        columns = np.arange(n)
        x = self.embedding[tokens.T]  # (S, N, E)
        last: list[Floats] = []
        for layer in self.layers:
            outputs, last = [], []
            for backward, direction in enumerate(layer):
                given = x[backwards, columns] if backward else x
                out, state = direction(given, direction.empty_state(n), active)  # (S, N, H)
                last.append(state[0])  # (N, H)
                outputs.append(out[backwards, columns] if backward else out)
            x = np.concatenate(outputs, 2) if len(outputs) > 1 else outputs[0]  # (S, N, D)
        back = np.argsort(order)
        return x.transpose(1, 0, 2)[back], np.concatenate(last, 1)[back]


class Decoder:
    """Predict each next token from those before it and, in a translator, from the source."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        embedding = weights["decoder.embedding.weight"]  # (V, E)
        self.embedding = _scaled(embedding)
        self.layers = [
            Recurrent(config.cell, weights, f"decoder.layers.{layer}.")
            for layer in range(config.num_layers)
        ]
        self.attends = "decoder.attention.query.weight" in weights
        if self.attends:
            self.query = weights["decoder.attention.query.weight"].T  # (H, D)
            self.combine = _linear(weights, "decoder.attention.combine")
            self.bridge = _linear(weights, "decoder.bridge")
        self.projects = "decoder.projection.weight" in weights
        if self.projects:
            self.projection = _linear(weights, "decoder.projection")
        tied = "decoder.output.weight" not in weights
        output = embedding if tied else weights["decoder.output.weight"]
        self.output = output.T, weights["decoder.output.bias"]  # (E or H, V), (V,)

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of n rows before any token."""
        return DecoderState(tuple(layer.empty_state(n) for layer in self.layers))

    def start(self, memory: Memory, last: Floats) -> DecoderState:
        """Return the first state, from the encoder's outputs and last states (N, D)."""
        weight, bias = self.bridge
        layers: list[LayerState] = []
        parts: list[Floats] = np.split(np.tanh(last @ weight + bias), len(self.layers), 1)
        for h in parts:  # (N, H)
            match self.layers[0].cell:
                case "lstm":
                    layers.append((h, np.zeros_like(h)))
                case "mingru":  # its states are positive
                    positive: Floats = (h + np.float32(1)) / np.float32(2) + np.float32(1e-4)
                    layers.append((positive,))
                case _:
                    layers.append((h,))
        return DecoderState(tuple(layers), memory)

    def __call__(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, T, V) of the tokens that follow ``tokens`` (N, T)."""
        x = self.embedding[tokens.T]  # (T, N, E)
        after: list[LayerState] = []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x, last = layer(x, before)  # (T, N, H)
            after.append(last)
            if self.attends and len(after) == 1:
                assert state.memory is not None
                x = self._attend(x, state.memory)  # (T, N, H)
        if self.projects:
            weight, bias = self.projection
            x = x @ weight + bias  # (T, N, E)
        weight, bias = self.output
        logits = x @ weight + bias  # (T, N, V)
        return logits.transpose(1, 0, 2), DecoderState(tuple(after), state.memory)

    def _attend(self, x: Floats, memory: Memory) -> Floats:
        """Join x (T, R, H) with what it attends to (Luong et al. 2015, section 3.1, general)."""
        steps, rows, size = x.shape
        n, _, width = memory.values.shape
        queries = (x @ self.query).reshape(steps, n, rows // n, width)  # (T, N, K, D)
        keys = memory.values.transpose(0, 2, 1)  # (N, D, S)
        scores = queries @ keys / np.float32(np.sqrt(width))  # (T, N, K, S)
        scores[:, ~np.broadcast_to(memory.mask[:, None], scores.shape[1:])] = -np.inf
        context = (softmax(scores) @ memory.values).reshape(steps, rows, width)  # (T, R, D)
        weight, bias = self.combine
        joined = x @ weight[:size] + context @ weight[size:] + bias
        result: Floats = np.tanh(joined)
        return result


class Network:
    """Hold the parts that the task uses; the counterpart of ``model.EncoderDecoder``."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.config = config
        weights = dict(weights)
        if config.task == "translate" and "encoder.embedding.weight" not in weights:  # shared
            weights["encoder.embedding.weight"] = weights["decoder.embedding.weight"]
        self._encoder = Encoder(config, weights) if config.task != "generate" else None
        self._decoder = Decoder(config, weights) if config.task != "classify" else None
        if config.task == "classify":
            self._head = _linear(weights, "head.output")  # (3 D, C), (C,)

    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        assert self._encoder is not None
        memory, last = self._encoder(tokens, lengths)  # (N, S, D), (N, D)
        outside = np.arange(tokens.shape[1]) >= lengths[:, None]  # (N, S)
        memory[outside] = -np.inf
        largest = memory.max(1)  # (N, D)
        memory[outside] = 0
        mean = memory.sum(1) / lengths[:, None].astype(np.float32)  # (N, D)
        weight, bias = self._head
        logits: Floats = np.concatenate([largest, mean, last], 1) @ weight + bias
        return logits

    def encode(self, tokens: Ints, lengths: Ints) -> DecoderState:
        """Read sources (N, S) and return the state from which a decoder starts to translate."""
        assert self._encoder is not None and self._decoder is not None
        values, last = self._encoder(tokens, lengths)  # (N, S, D), (N, D)
        mask = np.arange(tokens.shape[1]) < lengths[:, None]  # (N, S)
        return self._decoder.start(Memory(values, mask), last)

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of a language model before any token, for n rows."""
        assert self._decoder is not None
        return self._decoder.empty_state(n)

    def decode(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, T, V) of what follows each of ``tokens`` (N, T), and the state."""
        assert self._decoder is not None
        return self._decoder(tokens, state)

    def step(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, V) of the tokens that follow ``tokens`` (N,), and the state."""
        logits, state = self.decode(tokens[:, None], state)
        return logits[:, 0], state


def _linear(weights: Mapping[str, Floats], prefix: str) -> tuple[Floats, Floats]:
    return weights[prefix + ".weight"].T, weights[prefix + ".bias"]


def _scaled(embedding: Floats) -> Floats:
    """Return embeddings as they are read: with unit variance, see ``model.Embedding``."""
    result: Floats = embedding * np.float32(np.sqrt(embedding.shape[1]))
    return result
