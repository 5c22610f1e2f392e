"""The spectral radius of recurrent weights, where it is known."""

import numpy as np
import pytest
from architectures import small_architecture, stored

from rnncli.analysis.gradients import load_network
from rnncli.analysis.spectrum import spectral_radii, spectral_radius
from rnncli.config import CELLS


def test_the_radius_is_that_of_the_new_values() -> None:
    rotation = np.array([[0, -0.5], [0.5, 0]])  # eigenvalues 0.5 i and -0.5 i
    others = [2 * np.eye(2), 3 * np.eye(2)]
    assert spectral_radius("rnn", rotation) == pytest.approx(0.5)
    assert spectral_radius("gru", np.concatenate([*others, rotation])) == pytest.approx(0.5)
    lstm = np.concatenate([*others, rotation, np.eye(2)])
    assert spectral_radius("lstm", lstm) == pytest.approx(0.5)


@pytest.mark.parametrize("cell", CELLS)
def test_the_weights_of_a_new_network_are_orthogonal(cell: str) -> None:
    network = load_network(small_architecture("generate", cell, layers=2), None)
    weights = {name: tensor.numpy() for name, tensor in stored(network).items()}
    radii = spectral_radii(cell, weights)
    names = [] if cell == "mingru" else ["decoder.layers.0", "decoder.layers.1"]
    assert list(radii) == names
    assert all(radius == pytest.approx(1, abs=1e-4) for radius in radii.values())
