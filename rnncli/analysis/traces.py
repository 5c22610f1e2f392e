"""The states and gates of recurrent layers at each step of a text."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from rnncli.networks.architecture import Direction, Half, State
from rnncli.networks.cells_numpy import LayerState, Recurrent
from rnncli.networks.numerics import Floats


@dataclass(frozen=True)
class Trace:
    """The states and gates of a layer in one direction."""

    layer: str  # its name, as in those of its weights: "encoder.layers.0.1"
    backward: bool  # whether it reads the last token first
    hidden_states: Floats  # (T, H) after each step
    cell_states: Floats | None  # (T, H) of an LSTM
    gates: dict[str, Floats]  # (T, H) each, by name; see `Recurrent.gates`

    @property
    def half(self) -> Half:
        """The half of the network that the layer belongs to."""
        return "decoder" if self.layer.startswith("decoder.") else "encoder"

    @property
    def number(self) -> int:
        """The number of the layer in its half, from 0."""
        return int(self.layer.split(".")[2])

    @property
    def direction(self) -> Direction:
        """The direction in which the layer reads."""
        return "backward" if self.backward else "forward"

    @property
    def states(self) -> dict[State, Floats]:
        """The states by their letters: h and, of an LSTM, c."""
        if self.cell_states is None:
            return {"h": self.hidden_states}
        return {"h": self.hidden_states, "c": self.cell_states}

    def changes(self) -> Floats:
        """Return by how much each hidden state differs from the one before, as (T, H)."""
        h = self.hidden_states
        start = np.zeros((1, h.shape[1]), np.float32)
        order = [h[1:], start] if self.backward else [start, h[:-1]]
        changes: Floats = h - np.concatenate(order)
        return changes


@dataclass(frozen=True)
class Reading:
    """The tokens of a text that one half of a network read, and the traces of its layers."""

    half: Half
    tokens: tuple[str, ...]  # T
    traces: tuple[Trace, ...]


def trace(
    layer: Recurrent, inputs: Floats, state: LayerState | None = None, *, backward: bool = False
) -> Trace:
    """Run a layer over a text, and return its states and gates.

    ``inputs`` (T, gates H) are those of `Recurrent.project`. A backward layer reads the first row
    last.
    """
    state = before = layer.empty_state(1) if state is None else state
    states = np.empty((len(state), len(inputs), layer.hidden_size), np.float32)  # h, and c
    order = range(len(inputs))
    for t in reversed(order) if backward else order:
        state = layer(inputs[t : t + 1], [slice(0, 1)], state, states[0, t : t + 1])
        states[:, t] = np.concatenate(state)
    h = states[0]
    previous = [h[1:], before[0]] if backward else [before[0], h[:-1]]
    gates = layer.gates(inputs, np.concatenate(previous))
    return Trace(layer.name, backward, h, states[1] if len(states) > 1 else None, gates)


@contextmanager
def record(layers: Iterable[Recurrent]) -> Iterator[list[Trace]]:
    """Trace all runs of layers within a ``with``, each over one text; the value fills with them."""
    layers, traces = list(layers), []

    def trace_run(layer: Recurrent, inputs: Floats, state: LayerState, backward: bool) -> None:
        layer.forward_pre_hook = None  # which would trace itself
        traces.append(trace(layer, inputs, state, backward=backward))
        layer.forward_pre_hook = trace_run

    for layer in layers:
        layer.forward_pre_hook = trace_run
    try:
        yield traces
    finally:
        for layer in layers:
            layer.forward_pre_hook = None
