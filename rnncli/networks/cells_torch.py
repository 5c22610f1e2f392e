"""Recurrent cells in PyTorch, for training; a new cell is a class here and an entry in ``CELLS``.

Its counterpart for inference is in `cells_numpy.py`, its number of gates in `architecture.py`. No
Python loop runs over time.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnncli.config import Cell
from rnncli.networks.architecture import GATES, MIN_STATE, WITHOUT_RECURRENT_WEIGHTS

SCAN_STEPS = 16  # more lose the fifth digit of the logits, and are not faster

LayerState = tuple[Tensor, ...]  # (h,) or, for an LSTM, (h, c); each (N, H)


class Recurrent(nn.Module):
    """One recurrent layer in one direction.

    Initial input weights preserve the variance (Glorot and Bengio 2010), and initial recurrent
    weights are orthogonal in each gate (Saxe et al. 2014), so that gradients neither vanish nor
    explode.
    """

    cell: ClassVar[Cell]
    kernel: ClassVar[Callable[..., tuple[Tensor, ...]]]  # a fused kernel of PyTorch
    gate_biases: ClassVar[Mapping[int, float]] = {}  # initial ones, where they are not 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        gates = GATES[self.cell]
        rows = gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        for block in self.weight_ih.chunk(gates):
            nn.init.xavier_uniform_(block)
        if self.cell not in WITHOUT_RECURRENT_WEIGHTS:
            self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
            self.bias_hh = nn.Parameter(torch.zeros(rows))
            for block in self.weight_hh.chunk(gates):
                nn.init.orthogonal_(block)
        for gate, bias in self.gate_biases.items():
            nn.init.constant_(self.bias_ih.chunk(gates)[gate], bias)

    def forward(self, x: Tensor, state: LayerState | None = None) -> tuple[Tensor, LayerState]:
        """Return the outputs (N, T, H) of all steps and the last state; x is (N, T, I).

        Without a state, the layer starts from zeros. A fused kernel runs over all time steps.
        """
        weights: list[Tensor] = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        states = tuple(part.unsqueeze(0) for part in state or self.empty_state(x))  # (1, N, H) each
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        options = (True, 1, 0.0, self.training, False, True)
        out, *after = self.kernel(x, states if len(states) > 1 else states[0], weights, *options)
        return out, tuple(part[0] for part in after)

    def empty_state(self, x: Tensor) -> LayerState:
        """Return the state before the inputs x (N, T, I)."""
        return (x.new_zeros(x.shape[0], self.hidden_size),)

    def init_state(self, h: Tensor) -> LayerState:
        """Make an initial state from values (N, H) between -1 and 1."""
        return (h,)


class Rnn(Recurrent):
    """Elman 1990."""

    cell, kernel = "rnn", staticmethod(torch.rnn_tanh)


class Lstm(Recurrent):
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.

    Gates: input, forget, cell, output. Initial forget gates are open (Jozefowicz et al. 2015).
    """

    cell, kernel, gate_biases = "lstm", staticmethod(torch.lstm), {1: 1.0}

    def empty_state(self, x: Tensor) -> LayerState:
        """Return the state before the inputs x (N, T, I)."""
        return 2 * super().empty_state(x)

    def init_state(self, h: Tensor) -> LayerState:
        """Make an initial state, with zeros in the cell."""
        return h, torch.zeros_like(h)


class Gru(Recurrent):
    """Cho et al. 2014, with the reset gate after the product, as in cuDNN.

    Gates: reset, update, new. The initial bias of the update gate keeps the old state.
    """

    cell, kernel, gate_biases = "gru", staticmethod(torch.gru), {1: 1.0}


class MinGru(Recurrent):
    """Feng et al. 2024, section 3.1: the gates depend on the input alone.

    So a parallel scan replaces the loop over time. Gates: update, value; an update of 0 keeps the
    old state, as the initial bias mostly does.
    """

    cell, gate_biases = "mingru", {0: -1.0}

    def forward(self, x: Tensor, state: LayerState | None = None) -> tuple[Tensor, LayerState]:
        """Solve h_t = (1 - z_t) h_{t-1} + z_t g(v_t) for all t (Feng et al. 2024, appendix B).

        In logarithms, since the products of many gates would underflow; in float32 and in pieces
        of SCAN_STEPS, since long sums of logarithms lose precision.
        """
        outputs = []
        last = None if state is None else state[0]
        for piece in torch.split(x, SCAN_STEPS, dim=1):
            out = self._scan(piece, last)
            outputs.append(out.to(x.dtype))
            last = out[:, -1]
        return torch.cat(outputs, 1), (last,) if last is not None else self.empty_state(x)

    def init_state(self, h: Tensor) -> LayerState:
        """Make an initial state, which is positive."""
        return ((h + 1) / 2 + MIN_STATE,)

    def _scan(self, x: Tensor, h: Tensor | None) -> Tensor:
        """Return the states (N, T, H) after each step; all are positive, as h (N, H) is."""
        gate, value = F.linear(x, self.weight_ih, self.bias_ih).float().chunk(2, dim=2)  # (N, T, H)
        log_keep = -F.softplus(gate)  # log (1 - z)
        log_update = -F.softplus(-gate)  # log z
        # log g(v), where g(v) = v + 0.5 for v >= 0, else sigmoid(v): always positive
        log_value = torch.where(value >= 0, (F.relu(value) + 0.5).log(), -F.softplus(-value))
        log_kept = log_keep.cumsum(1)  # (N, T, H) log of the remaining share of the initial state
        terms = log_update + log_value - log_kept  # (N, T, H)
        total = terms.logcumsumexp(1)  # (N, T, H)
        if h is not None:
            total = torch.logaddexp(total, h.float().log().unsqueeze(1))
        return (log_kept + total).exp()


CELLS: dict[Cell, type[Recurrent]] = {cls.cell: cls for cls in (Rnn, Lstm, Gru, MinGru)}


Layer = TypeVar("Layer", bound=nn.Module)


class Layers(nn.ModuleList, Generic[Layer]):
    """A list of layers of one type."""

    def __iter__(self) -> Iterator[Layer]:
        return cast("Iterator[Layer]", super().__iter__())


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sequence within its length; the padding stays at the end.

    So padding does not influence a backward layer that reads the result.
    """
    steps = torch.arange(x.shape[1], device=x.device)  # (S,)
    ends = lengths.unsqueeze(1)  # (N, 1)
    index = torch.where(steps < ends, ends - 1 - steps, steps)  # (N, S)
    return x.gather(1, index.unsqueeze(2).expand_as(x))  # (N, S, H)


def last_step(x: Tensor, lengths: Tensor) -> Tensor:
    """Return the output at each sequence's last step (N, H)."""
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, x.shape[2])  # (N, 1, H)
    return x.gather(1, index).squeeze(1)
