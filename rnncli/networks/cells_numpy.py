"""Recurrent cells in NumPy, for inference; a new cell is a class here and an entry in ``CELLS``.

They compute the same functions as those of `cells_torch.py`, with these optimisations:

- W x + b of all steps is one product, and that of a first layer is computed once for each token of
  the vocabulary;
- all gates of a step are one product and one tanh, since sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, with
  the inner halves multiplied into the weights;
- texts are packed, so that padding costs nothing;
- the loop over time reuses its arrays.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np

from rnncli.config import Cell
from rnncli.networks.architecture import GATES, MIN_STATE, WITHOUT_RECURRENT_WEIGHTS
from rnncli.networks.numerics import Floats, Ints

LayerState = tuple[Floats, ...]  # (h,) or, for an LSTM, (h, c); each (N, H)


class Inputs(Protocol):
    """The inputs of the gates of a layer: (P, gates H), span by span."""

    def __getitem__(self, span: slice, /) -> Floats: ...


# Called before a layer runs, with the layer, the inputs of its gates (P, gates H), its state, and
# whether it reads backward.
ForwardPreHook: TypeAlias = Callable[["Recurrent", Floats, LayerState, bool], None]
# Called after each step, with the packed rows of the texts that have it, and their states.
StepHook: TypeAlias = Callable[[slice, LayerState], None]


class Clamp(NamedTuple):
    """A unit that has the same value after each step, whatever the layer computes."""

    state: int  # 0: h, 1: c
    unit: int
    value: float


class Recurrent:
    """One recurrent layer in one direction.

    W, U and b are the weights of the input x, those of the state h, and the bias.
    """

    cell: ClassVar[Cell]
    gate_order: ClassVar[tuple[int, ...]]  # of computation: sigmoids first
    sigmoid_gates: ClassVar[tuple[str, ...]]  # names, in that order

    def __init__(self, weights: Mapping[str, Floats], prefix: str, scale: float = 1.0) -> None:
        """Read the weights; ``scale`` is that of the inputs."""
        self.name = prefix.removesuffix(".")  # which the names of its weights begin with
        self.forward_pre_hook: ForwardPreHook | None = None
        self.step_hook: StepHook | None = None
        self.clamps: tuple[Clamp, ...] = ()
        weight_ih, bias = weights[prefix + "weight_ih"], weights[prefix + "bias_ih"].copy()
        size = self.hidden_size = len(bias) // GATES[self.cell]
        order = np.arange(len(bias)).reshape(-1, size)[list(self.gate_order)].ravel()
        halves = np.ones(len(bias), np.float32)
        halves[: len(self.sigmoid_gates) * size] = 0.5
        self._work_size = 0  # of the array for intermediate results of a step
        if self.cell not in WITHOUT_RECURRENT_WEIGHTS:
            self.weight_hh = _reordered(weights[prefix + "weight_hh"], order, halves)
            self._add_recurrent_bias(bias, weights[prefix + "bias_hh"])
            self._work_size = len(bias)
        self.weight_ih = _reordered(weight_ih, order, halves * np.float32(scale))  # (I, gates H)
        self.bias = bias[order] * halves  # (gates H,)

    def empty_state(self, n: int) -> LayerState:
        """Return the state before any input."""
        return (np.zeros((n, self.hidden_size), np.float32),)

    def init_state(self, h: Floats) -> LayerState:
        """Make an initial state from values (N, H) between -1 and 1."""
        return (h,)

    def project(self, x: Floats) -> Floats:
        """Return W x + b (P, gates H) of all steps."""
        projected = x @ self.weight_ih
        projected += self.bias
        return projected

    def gates(self, inputs: Floats, h: Floats) -> dict[str, Floats]:
        """Return the activations (T, H) of the sigmoid gates, by their names in the papers.

        ``inputs`` (T, gates H) are those of `project`, ``h`` (T, H) the states before each step.
        """
        names = self.sigmoid_gates
        if not names:
            return {}
        x = inputs[:, : len(names) * self.hidden_size].copy()
        if self.cell not in WITHOUT_RECURRENT_WEIGHTS:
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

        ``spans`` are the packed rows of each step. The state of a text does not change beyond its
        end.
        """
        if self.forward_pre_hook is not None and spans:
            self.forward_pre_hook(self, inputs[slice(0, spans[-1].stop)], state, backward)
        n = len(state[0])
        state = tuple(part.copy() for part in state)
        work = np.empty((n, self._work_size), np.float32)
        for span in reversed(spans) if backward else spans:
            k = span.stop - span.start
            active = state if k == n else tuple(part[:k] for part in state)
            self.step(inputs[span], work[:k], active)
            for clamp in self.clamps:
                self._clamp(clamp, work[:k], active)
            if self.step_hook is not None:
                self.step_hook(span, active)
            out[span] = active[0]
        return state

    def step(self, x: Floats, work: Floats, state: LayerState) -> None:
        """Update the state (N, H) in place; x is W x + b (N, gates H), ``work`` a scratch array."""
        raise NotImplementedError

    def _clamp(self, clamp: Clamp, work: Floats, state: LayerState) -> None:  # noqa: ARG002
        """Set a unit of the state after a step, in place; ``work`` is what the step left there."""
        state[clamp.state][:, clamp.unit] = clamp.value

    def _add_recurrent_bias(self, bias: Floats, bias_hh: Floats) -> None:
        """Add the recurrent bias to that of the inputs, in place."""
        bias += bias_hh


class Rnn(Recurrent):
    """Elman 1990: h = tanh(W x + U h + b)."""

    cell, gate_order, sigmoid_gates = "rnn", (0,), ()

    def step(self, x: Floats, work: Floats, state: LayerState) -> None:
        """Update the state in place."""
        (h,) = state
        np.matmul(h, self.weight_hh, out=work)  # (N, H)
        work += x
        np.tanh(work, out=h)


class Lstm(Recurrent):
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.

    i, f, o = sigmoid(W x + U h + b); g = tanh(W x + U h + b);
    c = f * c + i * g; h = o * tanh(c).
    """

    cell = "lstm"
    gate_order = (0, 1, 3, 2)  # the weights have g before o
    sigmoid_gates = ("input", "forget", "output")

    def empty_state(self, n: int) -> LayerState:
        """Return the state before any input."""
        zero = np.zeros((n, self.hidden_size), np.float32)
        return zero, zero

    def init_state(self, h: Floats) -> LayerState:
        """Make an initial state, with zeros in the cell."""
        return h, np.zeros_like(h)

    def step(self, x: Floats, work: Floats, state: LayerState) -> None:
        """Update the state in place."""
        h, c = state
        size = self.hidden_size
        np.matmul(h, self.weight_hh, out=work)  # (N, 4 H)
        work += x
        _sigmoids_and_tanh(work, 3 * size)
        i, f = work[:, :size], work[:, size : 2 * size]
        o, g = work[:, 2 * size : 3 * size], work[:, 3 * size :]
        c *= f
        i *= g
        c += i
        np.tanh(c, out=h)
        h *= o

    def _clamp(self, clamp: Clamp, work: Floats, state: LayerState) -> None:
        """Set a unit of the state; h follows c by way of the output gate."""
        super()._clamp(clamp, work, state)
        if clamp.state == 1:
            h, unit = state[0], clamp.unit
            h[:, unit] = work[:, 2 * self.hidden_size + unit] * np.tanh(np.float32(clamp.value))


class Gru(Recurrent):
    """Cho et al. 2014, with the reset gate after the product, as in cuDNN.

    r, z = sigmoid(W x + U h + b); n = tanh(W x + b + r * (U h + b')); h = (1 - z) * n + z * h.
    """

    cell, gate_order, sigmoid_gates = "gru", (0, 1, 2), ("reset", "update")

    def step(self, x: Floats, work: Floats, state: LayerState) -> None:
        """Update the state in place."""
        (h,) = state
        size = self.hidden_size
        np.matmul(h, self.weight_hh, out=work)  # (N, 3 H)
        rz, n = work[:, : 2 * size], work[:, 2 * size :]
        rz += x[:, : 2 * size]
        _sigmoids_and_tanh(rz, 2 * size)
        n += self._bias_hn
        n *= rz[:, :size]
        n += x[:, 2 * size :]
        np.tanh(n, out=n)
        h -= n
        h *= rz[:, size:]
        h += n

    def _add_recurrent_bias(self, bias: Floats, bias_hh: Floats) -> None:
        size = self.hidden_size
        bias[: 2 * size] += bias_hh[: 2 * size]
        self._bias_hn = bias_hh[2 * size :]  # (H,) b', multiplied by the reset gate


class MinGru(Recurrent):
    """Feng et al. 2024, section 3.1, with the positive values of appendix B.

    z = sigmoid(W x + b); v = W x + b; g = v + 1/2 where v >= 0, else sigmoid(v);
    h = (1 - z) * h + z * g.
    """

    cell, gate_order, sigmoid_gates = "mingru", (0, 1), ("update",)

    def init_state(self, h: Floats) -> LayerState:
        """Make an initial state, which is positive."""
        positive: Floats = (h + np.float32(1)) / np.float32(2) + np.float32(MIN_STATE)
        return (positive,)

    def step(self, x: Floats, work: Floats, state: LayerState) -> None:  # noqa: ARG002
        """Update the state in place."""
        (h,) = state
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


CELLS: dict[Cell, type[Recurrent]] = {cls.cell: cls for cls in (Rnn, Lstm, Gru, MinGru)}


def _sigmoids_and_tanh(gates: Floats, sigmoids: int) -> None:
    """Apply sigmoid to the first columns, whose inputs are halved, and tanh to the rest."""
    np.tanh(gates, out=gates)
    halves = gates[:, :sigmoids]
    halves *= 0.5
    halves += 0.5


def _reordered(weight: Floats, rows: Ints, scale: Floats) -> Floats:
    """Reorder and scale the rows of a weight (rows, I), and transpose it to (I, rows)."""
    return np.ascontiguousarray((weight[rows] * scale[:, None]).T)
