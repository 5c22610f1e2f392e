"""The recurrent encoder-decoder in NumPy, for inference.

It computes what `model.py` computes, reads the same weights, and starts in a twentieth of the time
that `import torch` takes. Shape letters as in `model.py`, and P for the tokens of many texts laid
end to end (see `Packing`). What makes it quick:

- what the gates make of the inputs is computed for all steps in one product, and for a first layer
  once for each word of the vocabulary;
- all gates of a step are one product and one tanh, since sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: the
  halves are multiplied into the weights when they are read;
- texts are sorted by length and packed, so that padding costs nothing;
- the loop over time writes into the same few arrays.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnncli.config import ModelConfig

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]
LayerState = tuple[Floats, ...]  # (h,) or, for an LSTM, (h, c); each (N, H)

LARGEST_TABLE = 1 << 26  # bytes of a vocabulary seen through input weights; more would crowd memory


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Return the probabilities of logits over the last axis."""
    exponentials: NDArray[Any] = np.exp(x - x.max(-1, keepdims=True))
    exponentials /= exponentials.sum(-1, keepdims=True)
    return exponentials


def log_softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Return the log-probabilities of logits over the last axis."""
    shifted: NDArray[Any] = x - x.max(-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(-1, keepdims=True))
    return shifted


class Packing:
    """How texts of many lengths lie end to end, step by step, with no padding between them.

    All first tokens come first, then all second ones, and so on. Texts are sorted from long to
    short, so that those which have a step t are the first so many, and stand side by side.
    """

    def __init__(self, lengths: Ints) -> None:
        self.order = np.argsort(-lengths, kind="stable")  # (N,)
        self.places = np.argsort(self.order)  # (N,) of each text among the sorted ones
        self.lengths = lengths[self.order]  # (N,)
        steps = np.arange(int(lengths.max(initial=0)))  # (S,)
        self.mask = steps[:, None] < self.lengths  # (S, N)
        ends = self.mask.sum(1).cumsum().tolist()
        self.spans = [slice(*span) for span in zip([0, *ends], ends, strict=False)]  # of each step

    def pack(self, tokens: Ints) -> Ints:
        """Return the tokens (P,) of texts (N, S) that are padded behind."""
        packed: Ints = tokens[self.order].T[self.mask]
        return packed

    def unpack(self, x: Floats) -> Floats:
        """Return vectors (N, S, D) for packed ones (P, D), with zeros for padding."""
        padded = np.zeros((*self.mask.shape[::-1], x.shape[1]), np.float32)
        steps, rows = np.nonzero(self.mask)  # (P,), (P,)
        padded[self.order[rows], steps] = x
        return padded

    def restore(self, x: Floats) -> Floats:
        """Return vectors (N, D), one a text, in the order in which the texts came."""
        restored: Floats = x[self.places]
        return restored


class Inputs(Protocol):
    """What the gates of a layer are given from outside: (P, gates H), span by span."""

    def __getitem__(self, span: slice, /) -> Floats: ...


class Recurrent:
    """One recurrent layer in one direction: the equations of every cell.

    W, U and b are the weights of the input x, those of the state h, and the bias.
    """

    def __init__(
        self, cell: str, weights: Mapping[str, Floats], prefix: str, scale: float = 1.0
    ) -> None:
        """Read the weights; ``scale`` is that of the inputs."""
        self.cell = cell
        weight_ih, bias = weights[prefix + "weight_ih"], weights[prefix + "bias_ih"].copy()
        gates = {"lstm": 4, "gru": 3, "rnn": 1, "mingru": 2}[cell]
        size = self.hidden_size = len(bias) // gates
        order = np.arange(len(bias))
        if cell == "lstm":  # input, forget, cell, output: the three sigmoids side by side
            order = order.reshape(4, size)[[0, 1, 3, 2]].ravel()
        halves = np.ones(len(bias), np.float32)
        halves[: {"lstm": 3, "gru": 2, "rnn": 0, "mingru": 1}[cell] * size] = 0.5
        if cell != "mingru":
            self.weight_hh = _gathered(weights[prefix + "weight_hh"], order, halves)  # (H, gates H)
            bias_hh = weights[prefix + "bias_hh"]
            if cell == "gru":
                self.bias_hn = bias_hh[2 * size :]  # (H,) inside the product with the reset gate
                bias[: 2 * size] += bias_hh[: 2 * size]
            else:
                bias += bias_hh
        self.weight_ih = _gathered(weight_ih, order, halves * np.float32(scale))  # (I, gates H)
        self.bias = bias[order] * halves  # (gates H,)
        steps: dict[str, Callable[..., None]] = {
            "lstm": self._lstm,
            "gru": self._gru,
            "rnn": self._rnn,
            "mingru": self._mingru,
        }
        self._step = steps[cell]

    def empty_state(self, n: int) -> LayerState:
        """Return the state before any input."""
        zero = np.zeros((n, self.hidden_size), np.float32)
        return (zero, zero) if self.cell == "lstm" else (zero,)

    def project(self, x: Floats) -> Floats:
        """Return W x + b (P, gates H) of all steps, in one product."""
        projected = x @ self.weight_ih
        projected += self.bias
        return projected

    def __call__(
        self,
        inputs: Inputs,
        spans: Sequence[slice],
        state: LayerState,
        out: Floats,
        backward: bool = False,
    ) -> LayerState:
        """Write the outputs of all steps into ``out`` (P, H) and return the last states.

        ``spans`` are the packed rows of each step. A text that is shorter than others rests in the
        state that it ended in or, read backwards, has yet to start from.
        """
        n = len(state[0])
        state = tuple(part.copy() for part in state)
        work = np.empty((n, 0 if self.cell == "mingru" else self.weight_hh.shape[1]), np.float32)
        for span in reversed(spans) if backward else spans:
            k = span.stop - span.start
            running = state if k == n else tuple(part[:k] for part in state)
            self._step(inputs[span], work[:k], *running)
            out[span] = running[0]
        return state

    def _lstm(self, x: Floats, gates: Floats, h: Floats, c: Floats) -> None:
        """Step as Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.

        i, f, o = sigmoid(W x + U h + b); g = tanh(W x + U h + b);
        c = f * c + i * g; h = o * tanh(c).
        """
        size = self.hidden_size
        np.matmul(h, self.weight_hh, out=gates)  # (N, 4 H)
        gates += x
        _sigmoids_and_tanh(gates, 3 * size)
        i, f = gates[:, :size], gates[:, size : 2 * size]
        o, g = gates[:, 2 * size : 3 * size], gates[:, 3 * size :]
        c *= f
        i *= g
        c += i
        np.tanh(c, out=h)
        h *= o

    def _gru(self, x: Floats, gates: Floats, h: Floats) -> None:
        """Step as Cho et al. 2014, with the reset gate after the product, as in cuDNN.

        r, z = sigmoid(W x + U h + b); n = tanh(W x + b + r * (U h + b')); h = (1 - z) * n + z * h.
        """
        size = self.hidden_size
        np.matmul(h, self.weight_hh, out=gates)  # (N, 3 H)
        rz, n = gates[:, : 2 * size], gates[:, 2 * size :]
        rz += x[:, : 2 * size]
        _sigmoids_and_tanh(rz, 2 * size)
        n += self.bias_hn
        n *= rz[:, :size]
        n += x[:, 2 * size :]
        np.tanh(n, out=n)
        h -= n
        h *= rz[:, size:]
        h += n

    def _rnn(self, x: Floats, work: Floats, h: Floats) -> None:
        """Step as Elman 1990: h = tanh(W x + U h + b)."""
        np.matmul(h, self.weight_hh, out=work)  # (N, H)
        work += x
        np.tanh(work, out=h)

    def _mingru(self, x: Floats, work: Floats, h: Floats) -> None:
        """Step as Feng et al. 2024, section 3.1, with the positive values of appendix B.

        z = sigmoid(W x + b); v = W x + b; g = v + 1/2 where v >= 0, else sigmoid(v);
        h = (1 - z) * h + z * g.
        """
        del work
        size = self.hidden_size
        z, v = np.tanh(x[:, :size]), x[:, size:]
        z *= 0.5
        z += 0.5
        # Where v < 0 the first term is 1/2 and the second below 0, else the other way round.
        g = np.maximum(v, 0)
        g += 0.5 + 0.5 * np.tanh(0.5 * np.minimum(v, 0))
        g -= h
        g *= z
        h += g


def _sigmoids_and_tanh(gates: Floats, sigmoids: int) -> None:
    """Squash gates in place, the first so many columns to between 0 and 1, the rest -1 and 1.

    The sigmoids come halved, for sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, which cannot overflow.
    """
    np.tanh(gates, out=gates)
    halves = gates[:, :sigmoids]
    halves *= 0.5
    halves += 0.5


class FirstLayer:
    """The recurrent layer that reads tokens.

    What its gates make of a token depends on that token alone: once as many tokens have been read
    as the vocabulary has, those of the whole vocabulary are computed and kept. At the worst this
    takes twice the work of knowing beforehand.
    """

    def __init__(self, embedding: Floats, cell: str, weights: Mapping[str, Floats], prefix: str):
        # Embeddings are read with unit variance, see `model.Embedding`.
        self.layer = Recurrent(cell, weights, prefix, scale=math.sqrt(embedding.shape[1]))
        self._embedding = embedding  # (V, E)
        self._table: Floats | None = None  # (V, gates H)
        self._tokens_read = 0

    def inputs(self, tokens: Ints) -> Inputs:
        """Return the inputs of the gates for packed tokens (P,)."""
        if self._table is None:
            self._tokens_read += len(tokens)
            size = len(self._embedding) * self.layer.bias.nbytes
            if self._tokens_read < len(self._embedding) or size > LARGEST_TABLE:
                return self.layer.project(self._embedding[tokens])
            self._table = self.layer.project(self._embedding)
        return _Lookup(self._table, tokens)


class _Lookup:
    """Inputs that are looked up when their step has come."""

    def __init__(self, table: Floats, tokens: Ints) -> None:
        self._table, self._tokens = table, tokens

    def __getitem__(self, span: slice) -> Floats:
        found: Floats = self._table.take(self._tokens[span], 0)
        return found


class Encoder:
    """Read texts into one vector a token, in one or both directions."""

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, Floats], member: str = ""
    ) -> None:
        directions = range(2 if config.bidirectional else 1)
        self.size = len(directions) * config.hidden_size  # D

        def prefix(layer: int, direction: int) -> str:
            return f"{member}encoder.layers.{layer}.{direction}."

        embedding = weights[f"{member}encoder.embedding.weight"]  # (V, E)
        self.first = [FirstLayer(embedding, config.cell, weights, prefix(0, d)) for d in directions]
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

    def keep(self, sources: Ints) -> "Memory":
        """Return the memory of these sources alone."""
        return replace(self, **{f.name: getattr(self, f.name)[sources] for f in fields(self)})


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

    def memory(self, values: Floats, mask: NDArray[np.bool_]) -> Memory:
        """Return what x will look up in the encoder's outputs (N, S, D)."""
        return Memory(values @ self._key, values @ self._value, mask)

    def __call__(self, x: Floats, memory: Memory) -> Floats:
        """Return x (R, T, H) joined with what it attends to."""
        n, _, width = memory.keys.shape
        queries = x.reshape(n, -1, width)  # (N, K T, H)
        joined: Floats = self.weights(queries, memory) @ memory.values  # (N, K T, H)
        joined += queries @ self._own
        joined += self._bias
        np.tanh(joined, out=joined)
        return joined.reshape(x.shape)

    def weights(self, queries: Floats, memory: Memory) -> Floats:
        """Return how much queries (N, T, H) attend to each token of their sources: (N, T, S)."""
        scores = queries @ memory.keys.transpose(0, 2, 1)  # (N, T, S)
        np.copyto(scores, -np.inf, where=~memory.mask[:, None])
        weights: Floats = softmax(scores)
        return weights


class Decoder:
    """Predict each next token from those before it and, in a translator, from the source."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        embedding = weights["decoder.embedding.weight"]  # (V, E)
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
        self.projection: tuple[Floats, Floats] | None = None
        if "decoder.projection.weight" in weights:
            self.projection = _linear(weights, "decoder.projection")
        output = weights.get("decoder.output.weight", embedding)  # without its own: tied
        self.output = output.T, weights["decoder.output.bias"]  # (E or H, V), (V,)

    def empty_state(self, n: int) -> DecoderState:
        """Return the state of n rows before any token."""
        return DecoderState(tuple(layer.empty_state(n) for layer in self.layers))

    def start(self, values: Floats, mask: NDArray[np.bool_], last: Floats) -> DecoderState:
        """Return the first state, from the encoder's outputs (N, S, D) and last states (N, D)."""
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
        return DecoderState(tuple(layers), self.attention.memory(values, mask))

    def features(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return what the output layer reads (N, T, E or H) after ``tokens`` (N, T)."""
        n, steps = tokens.shape
        spans = [slice(t * n, (t + 1) * n) for t in range(steps)]
        x, after = self._run(tokens.T.reshape(-1), spans, state)  # (T N, H)
        return self._projected(x).reshape(steps, n, -1).transpose(1, 0, 2), after

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
        _, after = self._run(packed, packing.spans, self.empty_state(len(tokens)))
        last = after.layers[-1][0]  # (N, H) what comes out last is the state itself
        return packing.restore(self._projected(last)), after.take(packing.places)

    def _run(
        self, tokens: Ints, spans: Sequence[slice], state: DecoderState
    ) -> tuple[Floats, DecoderState]:
        """Return what the last layer makes of packed tokens (P,), as (P, H), and the state."""
        inputs = self.first.inputs(tokens)  # (P, gates H)
        after: list[LayerState] = []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x = np.empty((len(tokens), layer.hidden_size), np.float32)  # (P, H)
            after.append(layer(inputs, spans, before, x))
            if self.attention is not None and len(after) == 1:
                assert state.memory is not None
                rows = x.reshape(len(spans), -1, x.shape[1]).transpose(1, 0, 2)  # (N, T, H)
                x = self.attention(rows, state.memory).transpose(1, 0, 2).reshape(x.shape)
            if len(after) < len(self.layers):
                inputs = self.layers[len(after)].project(x)
        return x, DecoderState(tuple(after), state.memory)

    def _projected(self, x: Floats) -> Floats:
        """Return what the output layer reads of the last layer's outputs (..., H)."""
        return x if self.projection is None else _affine(x, *self.projection)  # (..., E)


class Network:
    """Hold the parts that the task uses; the counterpart of ``model.EncoderDecoder``."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.config = config
        self._weights = weights
        if config.task == "translate" and "encoder.embedding.weight" not in weights:  # shared
            shared = {"encoder.embedding.weight": weights["decoder.embedding.weight"]}
            weights = {**weights, **shared}
        self._encoder = Encoder(config, weights) if config.task == "translate" else None
        self._decoder = Decoder(config, weights) if config.task != "classify" else None
        if config.task == "classify":
            members = ["", *(f"others.{i}." for i in range(config.members - 1))]
            self._members = [Encoder(config, weights, member) for member in members]
            # (3 D, C), (C,) of each member
            self._heads = [_linear(weights, f"{member}head.output") for member in members]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the weights as they were read, without what was made of them."""
        return Network, (self.config, dict(self._weights))

    def classify(self, tokens: Ints, lengths: Ints) -> Floats:
        """Return the logits (N, C) of the classes of texts (N, S), the mean of all members."""
        packing = Packing(lengths)
        total = np.zeros((len(lengths), self.config.num_classes), np.float32)
        for encoder, head in zip(self._members, self._heads, strict=True):
            x, last = encoder(tokens, packing)  # (P, D), (N, D)
            total += _affine(_pooled(x, last, packing), *head)
        total /= len(self._members)
        return packing.restore(total)

    def encode(self, tokens: Ints, lengths: Ints) -> DecoderState:
        """Read sources (N, S) and return the state from which a decoder starts to translate."""
        assert self._encoder is not None and self._decoder is not None
        packing = Packing(lengths)
        x, last = self._encoder(tokens, packing)  # (P, D), (N, D)
        mask = np.arange(len(packing.spans)) < lengths[:, None]  # (N, S)
        return self._decoder.start(packing.unpack(x), mask, packing.restore(last))

    def attend(self, tokens: Ints, lengths: Ints, targets: Ints) -> Floats:
        """Return how much sources (N, S) are attended to after each of ``targets`` (N, T).

        The weights (N, T, S) of a step sum to 1 and are 0 at padding. They are those with which the
        token that follows is chosen.
        """
        assert self._decoder is not None
        return self._decoder.attend(targets, self.encode(tokens, lengths))

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
        flat = features.reshape(-1, features.shape[-1])  # one product: many small ones are slow
        return _affine(flat, *self._decoder.output).reshape(*features.shape[:-1], -1)

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


def _affine(x: Floats, weight: Floats, bias: Floats) -> Floats:
    result: Floats = x @ weight
    result += bias
    return result


def _linear(weights: Mapping[str, Floats], prefix: str) -> tuple[Floats, Floats]:
    return weights[prefix + ".weight"].T, weights[prefix + ".bias"]


def _gathered(weight: Floats, rows: Ints, scale: Floats) -> Floats:
    """Return a weight (rows, I) with its rows scaled and in another order, as (I, rows)."""
    return np.ascontiguousarray((weight[rows] * scale[:, None]).T)
