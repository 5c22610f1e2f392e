"""Recurrent layers in NumPy, for inference: texts of many lengths, packed, step by step.

They compute what ``Recurrent`` in `layers.py` computes. Shape letters as there, and P for the
tokens of many texts laid end to end (see `Packing`). What makes it quick:

- what the gates make of the inputs is computed for all steps in one product, and for a first layer
  once for each word of the vocabulary;
- all gates of a step are one product and one tanh, since sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: the
  halves are multiplied into the weights when they are read;
- texts are sorted by length and packed, so that padding costs nothing;
- the loop over time writes into the same few arrays.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from rnncli.networks.numerics import Floats, Ints

LayerState = tuple[Floats, ...]  # (h,) or, for an LSTM, (h, c); each (N, H)

# Of each cell those that are sigmoids, in the order of the columns of `Recurrent.project`.
GATE_NAMES: dict[str, tuple[str, ...]] = {
    "lstm": ("input", "forget", "output"),
    "gru": ("reset", "update"),
    "rnn": (),
    "mingru": ("update",),
}
LARGEST_TABLE = 1 << 26  # bytes of a vocabulary seen through input weights; more would crowd memory


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

    def gates(self, inputs: Floats, h: Floats) -> dict[str, Floats]:
        """Return the gates (T, H) by the names of the papers: how much they let through, 0 to 1.

        ``inputs`` (T, gates H) are those of `project`, ``h`` (T, H) the states before each step.
        """
        names = GATE_NAMES[self.cell]
        if not names:
            return {}
        x = inputs[:, : len(names) * self.hidden_size].copy()
        if self.cell != "mingru":
            x += h @ self.weight_hh[:, : x.shape[1]]
        _sigmoids_and_tanh(x, x.shape[1])
        return dict(zip(names, np.split(x, len(names), 1), strict=True))

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


class TokenTable:
    """What is made of tokens, of each on its own.

    Once as many tokens have been read as the vocabulary has, it is made of the whole vocabulary and
    kept. At the worst this takes twice the work of knowing beforehand.
    """

    def __init__(self, embedding: Floats, make: Callable[[Floats], Floats], width: int) -> None:
        """Make ``width`` numbers of each token's embedding (V, E)."""
        self._embedding, self._make = embedding, make
        self._is_small = len(embedding) * width * embedding.itemsize <= LARGEST_TABLE
        self._table: Floats | None = None  # (V, width)
        self._tokens_read = 0

    def __call__(self, tokens: Ints) -> Floats:
        """Return what is made of tokens (...), as (..., width)."""
        table = self.table(tokens.size)
        return self.make(tokens) if table is None else table.take(tokens, 0)

    def make(self, tokens: Ints) -> Floats:
        """Return what is made of tokens (...) without the table."""
        return self._make(self._embedding[tokens])

    def table(self, more: int) -> Floats | None:
        """Return the table (V, width), if there is one by the time that so many more are read."""
        if self._table is None and self._is_small:
            self._tokens_read += more
            if self._tokens_read >= len(self._embedding):
                self._table = self._make(self._embedding)
        return self._table


class FirstLayer:
    """The recurrent layer that reads tokens; what its gates make of one depends on it alone."""

    def __init__(self, embedding: Floats, cell: str, weights: Mapping[str, Floats], prefix: str):
        # Embeddings are read with unit variance, see `layers.Embedding`.
        self.layer = Recurrent(cell, weights, prefix, scale=math.sqrt(embedding.shape[1]))
        self._gates = TokenTable(embedding, self.layer.project, len(self.layer.bias))

    def inputs(self, tokens: Ints) -> Inputs:
        """Return the inputs of the gates for packed tokens (P,)."""
        table = self._gates.table(len(tokens))
        return self._gates.make(tokens) if table is None else _Lookup(table, tokens)


class _Lookup:
    """Inputs that are looked up when their step has come."""

    def __init__(self, table: Floats, tokens: Ints) -> None:
        self._table, self._tokens = table, tokens

    def __getitem__(self, span: slice) -> Floats:
        found: Floats = self._table.take(self._tokens[span], 0)
        return found


def linear(x: Floats, weight: Floats) -> Floats:
    """Return x @ weight for rows x (..., I) and a weight (I, O): one product, not many small ones.

    NumPy multiplies the matrices of a stack one by one.
    """
    result: Floats = (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], -1)
    return result


def affine(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Return x @ weight + bias for rows x (..., I), a weight (I, O) and a bias (O,)."""
    result = linear(x, weight)
    result += bias
    return result


def _gathered(weight: Floats, rows: Ints, scale: Floats) -> Floats:
    """Return a weight (rows, I) with its rows scaled and in another order, as (I, rows)."""
    return np.ascontiguousarray((weight[rows] * scale[:, None]).T)
