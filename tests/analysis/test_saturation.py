"""The shares of saturated gates."""

import numpy as np

from rnncli.analysis.saturation import resting_gates, saturation
from rnncli.networks.cells_numpy import CELLS


def test_steps_are_counted_for_each_unit() -> None:
    gate = np.array([[0.05, 0.5], [0.95, 0.5], [0.99, 0.5], [0.91, 0.95]], np.float32)
    result = saturation(gate)
    assert result.closed.tolist() == [0.25, 0]
    assert result.open.tolist() == [0.75, 0.25]


def test_a_gate_at_rest_is_the_sigmoid_of_its_bias() -> None:
    shapes = {"weight_ih": (8, 3), "weight_hh": (8, 2), "bias_ih": (8,), "bias_hh": (8,)}
    weights = {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}
    gates = resting_gates(CELLS["lstm"](weights, ""))
    assert set(gates) == {"input", "forget", "output"}
    for values in gates.values():
        np.testing.assert_allclose(values, 1 / (1 + np.exp(-1.0)), atol=1e-6)
