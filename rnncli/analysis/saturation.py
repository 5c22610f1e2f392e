"""How often gates are saturated: closed, or open.

As Karpathy, Johnson and Li (2015, section 4.2, figure 3) count it: a gate is left-saturated below
0.1, and right-saturated above 0.9. A forget gate that is always right-saturated keeps the memory of
its unit.
"""

from dataclasses import dataclass

import numpy as np

from rnncli.networks.cells_numpy import Recurrent
from rnncli.networks.numerics import Floats

CLOSED, OPEN = 0.1, 0.9


@dataclass(frozen=True)
class Saturation:
    """The shares of the steps in which the gate of each unit is saturated."""

    closed: Floats  # (H,) left-saturated
    open: Floats  # (H,) right-saturated


def saturation(gate: Floats) -> Saturation:
    """Count in how many of the steps a gate (T, H) is saturated, for each unit."""
    closed, open_ = (gate < CLOSED).mean(0), (gate > OPEN).mean(0)
    return Saturation(closed.astype(np.float32), open_.astype(np.float32))


def resting_gates(layer: Recurrent) -> dict[str, Floats]:
    """Return the gates (1, H) of a layer without input and with an empty state: of its biases."""
    bias = layer.bias[None]
    return layer.gates(bias, layer.empty_state(1)[0])
