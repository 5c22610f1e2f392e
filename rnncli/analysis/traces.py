"""The hidden states and gates of a recurrent layer at each step of a text."""

from dataclasses import dataclass

import numpy as np

from rnncli.networks.cells_numpy import LayerState, Recurrent
from rnncli.networks.numerics import Floats


@dataclass(frozen=True)
class Trace:
    """The states and gates of a layer in one direction."""

    hidden_states: Floats  # (T, H) after each step
    gates: dict[str, Floats]  # (T, H) each, by name; see `Recurrent.gates`


def trace(
    layer: Recurrent, inputs: Floats, state: LayerState | None = None, *, backward: bool = False
) -> Trace:
    """Run a layer over a text, and return its hidden states and gates.

    ``inputs`` (T, gates H) are those of `Recurrent.project`. A backward layer reads the first row
    last.
    """
    state = layer.empty_state(1) if state is None else state
    hidden_states = np.empty((len(inputs), layer.hidden_size), np.float32)
    spans = [slice(t, t + 1) for t in range(len(inputs))]
    layer(inputs, spans, state, hidden_states, backward)
    if backward:
        before = np.concatenate([hidden_states[1:], state[0]])
    else:
        before = np.concatenate([state[0], hidden_states[:-1]])
    return Trace(hidden_states, layer.gates(inputs, before))
