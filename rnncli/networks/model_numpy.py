"""Networks in NumPy, for inference, made of the parts that `architecture.py` describes.

They compute the same functions of the same weights as those of `model_torch.py`, and load in a
twentieth of the time of `import torch`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from rnncli.networks.architecture import Architecture, Frames, Stack, Tokens, feature_size
from rnncli.networks.attention_numpy import Attention, Source
from rnncli.networks.cells_numpy import CELLS, LayerState, Recurrent
from rnncli.networks.ctc_numpy import FrameLabeller
from rnncli.networks.embedding_numpy import Embedding, FirstLayer, TokenTable
from rnncli.networks.encoder_numpy import Encoder, Packing, pool
from rnncli.networks.forecaster_numpy import SequenceForecaster
from rnncli.networks.heads import Classes, Ctc, Quantiles, Vocabulary
from rnncli.networks.numerics import Floats, Ints, affine, linear

if TYPE_CHECKING:
    from typing_extensions import Self

Weights = Mapping[str, Floats]


@dataclass(frozen=True)
class DecoderState:
    """The state of every layer of a decoder, for R rows."""

    layers: tuple[LayerState, ...]

    def take(self, rows: Ints) -> "Self":
        """Select rows; the sources stay."""
        return replace(self, layers=tuple(tuple(x[rows] for x in layer) for layer in self.layers))


@dataclass(frozen=True)
class AttentionState(DecoderState):
    """The state of a decoder with attention: R = N K rows in order, K for each of N sources."""

    source: Source

    def keep_sources(self, sources: Ints) -> "AttentionState":
        """Select sources; the rows stay."""
        return replace(self, source=self.source.keep(sources))


State = TypeVar("State", bound=DecoderState)


class Decoder(Generic[State]):
    """The base class of decoders: recurrent layers and an output layer."""

    def __init__(
        self,
        architecture: Architecture,
        front: Tokens,
        stack: Stack,
        head: Vocabulary,
        weights: Weights,
    ) -> None:
        self.architecture = architecture
        self.feature_size = feature_size(front, stack, head)
        self.weights = weights
        weight = weights["decoder.embedding.weight"]  # (V, E)
        self.embedding = Embedding(weight)
        prefix = "decoder.layers.{}."
        self._first = FirstLayer(self.embedding, stack.cell, weights, prefix.format(0))
        self._deeper = [
            CELLS[stack.cell](weights, prefix.format(i)) for i in range(1, stack.num_layers)
        ]
        self.layers: tuple[Recurrent, ...] = self._first.layer, *self._deeper
        self._projection: tuple[Floats, Floats] | None = None
        if self.feature_size != stack.hidden_size:
            self._projection = _linear(weights, "decoder.projection")
        self._previous_token_features: TokenTable | None = None
        if head.deep:
            self._previous_token_features = _token_table(
                self.embedding, weights["decoder.previous_token_projection.weight"]
            )
        output = weight if head.tied else weights["decoder.output.weight"]
        self._output = output.T, weights["decoder.output.bias"]  # (E, V), (V,)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the weights alone, without what is computed from them."""
        return build, (self.architecture, dict(self.weights))

    def features(self, tokens: Ints, state: State) -> tuple[Floats, State]:
        """Return the features (N, T, E) after ``tokens`` (N, T), and the state."""
        raise NotImplementedError

    def output(self, features: Floats) -> Floats:
        """Return the logits (..., V) of features (..., E)."""
        return affine(features, *self._output)

    def decode(self, tokens: Ints, state: State) -> tuple[Floats, State]:
        """Return the logits (N, T, V) of the tokens after ``tokens`` (N, T), and the state."""
        features, state = self.features(tokens, state)
        return self.output(features), state

    def step(self, tokens: Ints, state: State) -> tuple[Floats, State]:
        """Return the logits (N, V) of the tokens after ``tokens`` (N,), and the state."""
        logits, state = self.decode(tokens[:, None], state)
        return logits[:, 0], state

    def _run_first(
        self, tokens: Ints, spans: Sequence[slice], state: LayerState
    ) -> tuple[Floats, LayerState]:
        """Return the outputs (P, H) of the first layer for packed tokens (P,), and its state."""
        x = np.empty((len(tokens), self._first.layer.hidden_size), np.float32)
        after = self._first.layer(self._first.inputs(tokens), spans, state, x)
        return x, after

    def _run_deeper(
        self, x: Floats, spans: Sequence[slice], states: Sequence[LayerState]
    ) -> tuple[Floats, list[LayerState]]:
        """Return the outputs (P, H) of the last layer, given those of the first, and the states."""
        after: list[LayerState] = []
        for layer, state in zip(self._deeper, states, strict=True):
            inputs, x = layer.project(x), np.empty_like(x)
            after.append(layer(inputs, spans, state, x))
        return x, after

    def _project(self, x: Floats, tokens: Ints) -> Floats:
        """Return the features (..., E) of the last layer's outputs (..., H) after tokens (...)."""
        features = x if self._projection is None else affine(x, *self._projection)
        if self._previous_token_features is None:
            return features
        return features + self._previous_token_features(tokens)


class CausalLM(Decoder[DecoderState]):
    """A language model: a decoder without an encoder."""

    def __init__(self, front: Tokens, decoder: Stack, head: Vocabulary, weights: Weights) -> None:
        architecture = Architecture(front, None, decoder, head)
        super().__init__(architecture, front, decoder, head, weights)

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of n rows before any token."""
        return DecoderState(tuple(layer.empty_state(n) for layer in self.layers))

    def features(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return the features (N, T, E) after ``tokens`` (N, T), and the state."""
        n, steps = tokens.shape
        packed = tokens.T.reshape(-1)  # (T N,)
        x, after = self._run(packed, _spans(n, steps), state)  # (T N, H)
        return self._project(x, packed).reshape(steps, n, -1).transpose(1, 0, 2), after

    def read(self, tokens: Ints, lengths: Ints) -> tuple[Floats, DecoderState]:
        """Read texts (N, S); return the logits (N, V) of the next token of each, and the state."""
        packing = Packing(lengths)
        state = self.empty_state(len(tokens))
        _, after = self._run(packing.pack(tokens), packing.spans, state)
        last = after.layers[-1][0]  # (N, H) outputs are hidden states
        ends = tokens[np.arange(len(tokens)), lengths - 1]  # (N,)
        features = self._project(packing.restore(last), ends)
        return self.output(features), after.take(packing.ranks)

    def _run(
        self, tokens: Ints, spans: Sequence[slice], state: DecoderState
    ) -> tuple[Floats, DecoderState]:
        """Return the outputs (P, H) of the last layer for packed tokens (P,), and the state."""
        x, first = self._run_first(tokens, spans, state.layers[0])
        x, deeper = self._run_deeper(x, spans, state.layers[1:])
        return x, DecoderState((first, *deeper))


class EncoderDecoder(Decoder[AttentionState]):
    """An encoder, and a decoder with attention to its outputs."""

    def __init__(
        self, front: Tokens, encoder: Stack, decoder: Stack, head: Vocabulary, weights: Weights
    ) -> None:
        architecture = Architecture(front, encoder, decoder, head)
        super().__init__(architecture, front, decoder, head, weights)
        self._encoder = Encoder(encoder, weights)
        self.embedding, self.layers = self._encoder.embedding, self._encoder.layers + self.layers
        self._attention = Attention(weights, "decoder.attention.")
        self._bridge = _linear(weights, "decoder.bridge")
        self._lexical_features = _token_table(
            self._encoder.embedding, weights["decoder.lexical_projection.weight"]
        )

    def encode(self, tokens: Ints, lengths: Ints) -> AttentionState:
        """Encode sources (N, S), and return the initial state of the decoder."""
        packing = Packing(lengths)
        x, last = self._encoder(tokens, packing)  # (P, D), (N, D)
        mask = np.arange(len(packing.spans)) < lengths[:, None]  # (N, S)
        source = self._attention.source(packing.unpack(x), mask, self._lexical_features(tokens))
        h = np.tanh(affine(packing.restore(last), *self._bridge))  # (N, L H)
        parts: list[Floats] = np.split(h, 1 + len(self._deeper), 1)  # (N, H) each
        layers = self._first.layer, *self._deeper
        states = (layer.init_state(h) for layer, h in zip(layers, parts, strict=True))
        return AttentionState(tuple(states), source)

    def features(self, tokens: Ints, state: AttentionState) -> tuple[Floats, AttentionState]:
        """Return the features (N, T, E) after ``tokens`` (N, T), and the state."""
        n, steps = tokens.shape
        spans = _spans(n, steps)
        packed = tokens.T.reshape(-1)  # (T N,)
        x, first = self._run_first(packed, spans, state.layers[0])  # (T N, H)
        x, lexical = self._attention(x.reshape(steps, n, -1).transpose(1, 0, 2), state.source)
        x = x.transpose(1, 0, 2).reshape(steps * n, -1)  # (T N, H)
        x, deeper = self._run_deeper(x, spans, state.layers[1:])
        features = self._project(x, packed).reshape(steps, n, -1).transpose(1, 0, 2)  # (N, T, E)
        return features + lexical, AttentionState((first, *deeper), state.source)

    def attend(self, targets: Ints, state: AttentionState) -> Floats:
        """Return the attention weights (N, T, S) after each of ``targets`` (N, T).

        The weights of a step sum to 1 and are 0 at padding; they are those that predict the next
        token.
        """
        n, steps = targets.shape
        # The attention stands between the first layer and the others.
        x, _ = self._run_first(targets.T.reshape(-1), _spans(n, steps), state.layers[0])
        return self._attention.weights(x.reshape(steps, n, -1).transpose(1, 0, 2), state.source)


class SequenceClassifier:
    """A classifier of texts: an encoder and a head."""

    def __init__(self, front: Tokens, encoder: Stack, head: Classes, weights: Weights) -> None:
        self.architecture = Architecture(front, encoder, None, head)
        self.weights = weights
        self._encoder = Encoder(encoder, weights)
        self.embedding, self.layers = self._encoder.embedding, self._encoder.layers
        self._head = _linear(weights, "head.output")  # (3 D, C), (C,)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the weights alone, without what is computed from them."""
        return build, (self.architecture, dict(self.weights))

    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        return affine(self.pool(tokens, lengths), *self._head)

    def pool(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the pooled outputs (N, 3 D) of the encoder for texts (N, S)."""
        packing = Packing(lengths)
        x, last = self._encoder(tokens, packing)  # (P, D), (N, D)
        return packing.restore(pool(x, last, packing))


TextNetwork = SequenceClassifier | CausalLM | EncoderDecoder
Network = TextNetwork | SequenceForecaster | FrameLabeller


def build(architecture: Architecture, weights: Weights) -> Network:
    """Build the network of an architecture."""
    match architecture:
        case Architecture(Tokens() as front, Stack() as encoder, None, Classes() as head):
            return SequenceClassifier(front, encoder, head, weights)
        case Architecture(Tokens() as front, None, Stack() as decoder, Vocabulary() as head):
            return CausalLM(front, decoder, head, weights)
        case Architecture(
            Tokens() as front, Stack() as encoder, Stack() as decoder, Vocabulary() as head
        ):
            return EncoderDecoder(front, encoder, decoder, head, weights)
        case Architecture(Frames() as front, Stack() as encoder, None, Quantiles() as head):
            return SequenceForecaster(front, encoder, head, weights)
        case Architecture(Frames() as front, Stack() as encoder, None, Ctc() as head):
            return FrameLabeller(front, encoder, head, weights)
    raise AssertionError("an architecture is checked when it is created")


def _spans(n: int, steps: int) -> list[slice]:
    """Return the rows of each step of n packed texts of equal length."""
    return [slice(t * n, (t + 1) * n) for t in range(steps)]


def _token_table(embedding: Embedding, weight: Floats) -> TokenTable:
    """Return the product of a weight (O, E) and embeddings, as a table of tokens."""
    matrix = weight.T * np.float32(embedding.scale)  # (E, O)
    return TokenTable(embedding, lambda embedded: linear(embedded, matrix), len(weight))


def _linear(weights: Weights, prefix: str) -> tuple[Floats, Floats]:
    return weights[prefix + ".weight"].T, weights[prefix + ".bias"]
