"""The spectral radius of recurrent weights.

In a plain recurrent network, gradients vanish where it is below 1, and can explode only above
(Pascanu, Mikolov and Bengio 2013, section 2.1). In a cell with gates, these decide: there the
weights are those of the new values.
"""

from collections.abc import Mapping

import numpy as np

from rnncli.config import Cell
from rnncli.networks.architecture import GATES
from rnncli.networks.numerics import Floats

# The block of rows that makes new values of the state. A minGRU has no recurrent weights.
NEW_VALUES: Mapping[Cell, int] = {"rnn": 0, "lstm": 2, "gru": 2}


def spectral_radius(cell: Cell, weight_hh: Floats) -> float:
    """Return the largest absolute eigenvalue of the weights (gates H, H) that make new values."""
    block = np.split(weight_hh.astype(np.float64), GATES[cell])[NEW_VALUES[cell]]
    return float(np.abs(np.linalg.eigvals(block)).max())


def spectral_radii(cell: Cell, weights: Mapping[str, Floats]) -> dict[str, float]:
    """Return the spectral radius of each layer, by its name; none of a minGRU."""
    if cell not in NEW_VALUES:
        return {}
    suffix = ".weight_hh"
    return {
        name.removesuffix(suffix): spectral_radius(cell, weight)
        for name, weight in weights.items()
        if name.endswith(suffix)
    }
