"""The recurrent encoder-decoder in NumPy, for inference.

It computes what `model.py` computes, reads the same weights, and starts in a twentieth of the time
that `import torch` takes. Shape letters as in `model.py`, and P for the tokens of many texts laid
end to end; what makes it quick is told in `recurrent.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.config import ModelConfig
from rnncli.networks.cells_numpy import (
    FirstLayer,
    Inputs,
    LayerState,
    Packing,
    Recurrent,
    TokenTable,
    affine,
    linear,
)
from rnncli.networks.numerics import Floats, Ints, softmax


class Encoder:
    """Read texts into one vector a token, in one or both directions."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        directions = range(2 if config.bidirectional else 1)
        self.size = len(directions) * config.encoder_units  # D

        def prefix(layer: int, direction: int) -> str:
            return f"encoder.layers.{layer}.{direction}."

        self.embedding = weights["encoder.embedding.weight"]  # (V, E)
        self.first = [
            FirstLayer(self.embedding, config.cell, weights, prefix(0, d)) for d in directions
        ]
        self.deeper = [
            [Recurrent(config.cell, weights, prefix(layer, d)) for d in directions]
            for layer in range(1, config.num_layers)
        ]

    def __call__(self, tokens: Ints, packing: Packing) -> tuple[Floats, Floats]:
        """Return packed outputs (P, D) and the last states (N, D) of both directions, as packed."""
        packed = packing.pack(tokens)  # (P,)
        x, last = self._read(
            [(first.layer, first.inputs(packed)) for first in self.first], len(packed), packing
        )
        for layer in self.deeper:
            x, last = self._read(
                [(direction, direction.project(x)) for direction in layer], len(packed), packing
            )
        return x, last

    def _read(
        self, layer: Sequence[tuple[Recurrent, Inputs]], size: int, packing: Packing
    ) -> tuple[Floats, Floats]:
        out = np.empty((size, self.size), np.float32)  # (P, D)
        last = np.empty((len(packing.order), self.size), np.float32)  # (N, D)
        for backward, (direction, inputs) in enumerate(layer):
            half = slice(backward * direction.hidden_size, (backward + 1) * direction.hidden_size)
            state = direction.empty_state(len(last))
            last[:, half] = direction(inputs, packing.spans, state, out[:, half], bool(backward))[0]
        return out, last


@dataclass(frozen=True)
class Memory:
    """What the decoder attends to: the encoder's outputs of N sources, seen by the attention."""

    keys: Floats  # (N, S, H)
    values: Floats  # (N, S, H)
    mask: NDArray[np.bool_]  # (N, S), true at tokens
    words: Floats | None = None  # (N, S, E) what each token alone says to the output layer

    def keep(self, sources: Ints) -> "Memory":
        """Return the memory of these sources alone."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: part[sources] for k, part in parts.items() if part is not None})


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
        return replace(self, memory=self.memory and self.memory.keep(sources))


class Attention:
    """Look up the source (Luong et al. 2015, section 3.1, general).

    softmax(x Q values^T / sqrt(D)) values, joined with x through weights and a tanh. Both products
    with the values that do not depend on x are made once a source, not once a step.
    """

    def __init__(self, weights: Mapping[str, Floats], prefix: str) -> None:
        query = weights[prefix + "query.weight"]  # (D, H)
        self._key = query / np.float32(math.sqrt(len(query)))  # (D, H)
        weight, self._bias = _linear(weights, prefix + "combine")  # (H + D, H), (H,)
        size = len(self._bias)
        self._own, self._value = weight[:size], weight[size:]  # (H, H), (D, H)

    def memory(self, values: Floats, mask: NDArray[np.bool_], words: Floats | None) -> Memory:
        """Return what x will look up in the encoder's outputs (N, S, D) and words (N, S, E)."""
        return Memory(linear(values, self._key), linear(values, self._value), mask, words)

    def __call__(self, x: Floats, memory: Memory) -> tuple[Floats, Floats | None]:
        """Return x (R, T, H) joined with what it attends to, and what those words say (R, T, E)."""
        n, _, width = memory.keys.shape
        queries = x.reshape(n, -1, width)  # (N, K T, H)
        weights = self.weights(queries, memory)  # (N, K T, S)
        joined: Floats = weights @ memory.values  # (N, K T, H)
        joined += linear(queries, self._own)
        joined += self._bias
        np.tanh(joined, out=joined)
        words = None if memory.words is None else (weights @ memory.words).reshape(*x.shape[:2], -1)
        return joined.reshape(x.shape), words

    def weights(self, queries: Floats, memory: Memory) -> Floats:
        """Return how much queries (N, T, H) attend to each token of their sources: (N, T, S)."""
        scores = queries @ memory.keys.transpose(0, 2, 1)  # (N, T, S)
        np.copyto(scores, -np.inf, where=~memory.mask[:, None])
        weights: Floats = softmax(scores)
        return weights


class Decoder:
    """Predict each next token from those before it and, in a translator, from the source."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        embedding = self._embedding = weights["decoder.embedding.weight"]  # (V, E)
        cell, prefix = config.cell, "decoder.layers.{}."
        self.first = FirstLayer(embedding, cell, weights, prefix.format(0))
        self.layers = [
            self.first.layer,
            *(Recurrent(cell, weights, prefix.format(i)) for i in range(1, config.num_layers)),
        ]
        self.attention: Attention | None = None
        if "decoder.attention.query.weight" in weights:
            self.attention = Attention(weights, "decoder.attention.")
            self.bridge = _linear(weights, "decoder.bridge")
        self._shortcut: TokenTable | None = None
        if "decoder.shortcut.weight" in weights:
            self._shortcut = _token_table(embedding, weights["decoder.shortcut.weight"])
        self.projection: tuple[Floats, Floats] | None = None
        if "decoder.projection.weight" in weights:
            self.projection = _linear(weights, "decoder.projection")
        output = weights.get("decoder.output.weight", embedding)  # without its own: tied
        self.output = output.T, weights["decoder.output.bias"]  # (E or H, V), (V,)

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of n rows before any token."""
        return DecoderState(tuple(layer.empty_state(n) for layer in self.layers))

    def start(
        self, words: Floats | None, values: Floats, mask: NDArray[np.bool_], last: Floats
    ) -> DecoderState:
        """Return the first state, from what the encoder made of sources.

        These are its outputs (N, S, D) and its last states (N, D), beside what the words of the
        sources say for themselves (N, S, E), if anything.
        """
        assert self.attention is not None
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
        return DecoderState(tuple(layers), self.attention.memory(values, mask, words))

    def features(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return what the output layer reads (N, T, E or H) after ``tokens`` (N, T)."""
        n, steps = tokens.shape
        spans = [slice(t * n, (t + 1) * n) for t in range(steps)]
        x, words, after = self._run(tokens.T.reshape(-1), spans, state)  # (T N, H), (N, T, E)
        features = self._projected(x).reshape(steps, n, -1).transpose(1, 0, 2)  # (N, T, E or H)
        if self._shortcut is not None:
            features = features + self._shortcut(tokens)
        return features if words is None else features + words, after

    def attend(self, tokens: Ints, state: DecoderState) -> Floats:
        """Return how much the source is attended to after ``tokens`` (N, T): weights (N, T, S)."""
        assert self.attention is not None and state.memory is not None
        n, steps = tokens.shape
        spans = [slice(t * n, (t + 1) * n) for t in range(steps)]
        x = np.empty((steps * n, self.first.layer.hidden_size), np.float32)  # (T N, H)
        inputs = self.first.inputs(tokens.T.reshape(-1))  # (T N, gates H)
        self.first.layer(inputs, spans, state.layers[0], x)  # deeper layers come behind attention
        return self.attention.weights(x.reshape(steps, n, -1).transpose(1, 0, 2), state.memory)

    def read(self, tokens: Ints, packing: Packing) -> tuple[Floats, DecoderState]:
        """Return what the output layer reads last of texts (N, S), and the states after them."""
        packed = packing.pack(tokens)  # (P,)
        _, _, after = self._run(packed, packing.spans, self.empty_state(len(tokens)))
        last = after.layers[-1][0]  # (N, H) what comes out last is the state itself
        return packing.restore(self._projected(last)), after.take(packing.places)

    def _run(
        self, tokens: Ints, spans: Sequence[slice], state: DecoderState
    ) -> tuple[Floats, Floats | None, DecoderState]:
        """Return what the last layer makes of packed tokens (P,), as (P, H), and the state.

        Between them stands what the words attended to say for themselves (N, T, E), if anything.
        """
        inputs = self.first.inputs(tokens)  # (P, gates H)
        words: Floats | None = None
        after: list[LayerState] = []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x = np.empty((len(tokens), layer.hidden_size), np.float32)  # (P, H)
            after.append(layer(inputs, spans, before, x))
            if self.attention is not None and len(after) == 1:
                assert state.memory is not None
                rows = x.reshape(len(spans), -1, x.shape[1]).transpose(1, 0, 2)  # (N, T, H)
                joined, words = self.attention(rows, state.memory)
                x = joined.transpose(1, 0, 2).reshape(x.shape)
            if len(after) < len(self.layers):
                inputs = self.layers[len(after)].project(x)
        return x, words, DecoderState(tuple(after), state.memory)

    def _projected(self, x: Floats) -> Floats:
        """Return what the output layer reads of the last layer's outputs (..., H)."""
        return x if self.projection is None else affine(x, *self.projection)  # (..., E)


class Network:
    """Hold the parts that the task uses; the counterpart of ``model.EncoderDecoder``."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.config = config
        self._weights = weights
        self._encoder = Encoder(config, weights) if config.task != "generate" else None
        self._meanings: TokenTable | None = None
        if self._encoder is not None and "decoder.lexical.weight" in weights:
            lexical = weights["decoder.lexical.weight"]
            self._meanings = _token_table(self._encoder.embedding, lexical)
        self._decoder = Decoder(config, weights) if config.task != "classify" else None
        if config.task == "classify":
            self._head = _linear(weights, "head.output")  # (3 D, C), (C,)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the weights as they were read, without what was made of them."""
        return Network, (self.config, dict(self._weights))

    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        assert self._encoder is not None
        packing = Packing(lengths)
        x, last = self._encoder(tokens, packing)  # (P, D), (N, D)
        return packing.restore(affine(_pooled(x, last, packing), *self._head))

    def encode(self, tokens: Ints, lengths: Ints) -> DecoderState:
        """Read sources (N, S) and return the state from which a decoder starts to translate."""
        assert self._encoder is not None and self._decoder is not None
        packing = Packing(lengths)
        x, last = self._encoder(tokens, packing)  # (P, D), (N, D)
        mask = np.arange(len(packing.spans)) < lengths[:, None]  # (N, S)
        words = None if self._meanings is None else self._meanings(tokens)  # (N, S, E)
        return self._decoder.start(words, packing.unpack(x), mask, packing.restore(last))

    def attend(self, targets: Ints, state: DecoderState) -> Floats:
        """Return how much sources, which were encoded, are attended to after each target (N, T).

        The weights (N, T, S) of a step sum to 1 and are 0 at padding. They are those with which the
        token that follows is chosen.
        """
        assert self._decoder is not None
        return self._decoder.attend(targets, state)

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of a language model before any token, for n rows."""
        assert self._decoder is not None
        return self._decoder.empty_state(n)

    def read(self, tokens: Ints, lengths: Ints) -> tuple[Floats, DecoderState]:
        """Read texts (N, S); return the logits (N, V) of what follows each, and the state."""
        assert self._decoder is not None
        features, state = self._decoder.read(tokens, Packing(lengths))
        return self.output(features), state

    def features(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return what the output layer reads (N, T, E or H) after ``tokens`` (N, T)."""
        assert self._decoder is not None
        return self._decoder.features(tokens, state)

    def output(self, features: Floats) -> Floats:
        """Return the logits (..., V) of features (..., E or H)."""
        assert self._decoder is not None
        return affine(features, *self._decoder.output)

    def decode(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, T, V) of what follows each of ``tokens`` (N, T), and the state."""
        features, state = self.features(tokens, state)
        return self.output(features), state

    def step(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the logits (N, V) of the tokens that follow ``tokens`` (N,), and the state."""
        logits, state = self.decode(tokens[:, None], state)
        return logits[:, 0], state


def _pooled(x: Floats, last: Floats, packing: Packing) -> Floats:
    """Return the maximum, the mean and the last (N, 3 D) of an encoder's packed outputs (P, D)."""
    pooled = np.zeros((len(last), 3, x.shape[1]), np.float32)  # (N, 3, D)
    largest, mean, pooled[:, 2] = pooled[:, 0], pooled[:, 1], last
    largest.fill(-np.inf)
    for span in packing.spans:
        k = span.stop - span.start
        np.maximum(largest[:k], x[span], out=largest[:k])
        mean[:k] += x[span]
    mean /= packing.lengths[:, None].astype(np.float32)
    return pooled.reshape(len(pooled), -1)


def _token_table(embedding: Floats, weight: Floats) -> TokenTable:
    """Return what a weight (O, E) makes of tokens as they are read."""
    # Words are read louder than they stand in the embedding: see `layers.Embedding`.
    matrix = weight.T * np.float32(math.sqrt(embedding.shape[1]))  # (E, O)
    return TokenTable(embedding, lambda words: linear(words, matrix), len(weight))


def _linear(weights: Mapping[str, Floats], prefix: str) -> tuple[Floats, Floats]:
    return weights[prefix + ".weight"].T, weights[prefix + ".bias"]
