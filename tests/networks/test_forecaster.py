"""Forecasters: equal in NumPy and in PyTorch, and described by their architecture alone."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from architectures import in_numpy, randomise

from rnncli.config import CELLS
from rnncli.errors import ConfigError
from rnncli.networks.architecture import Architecture, Frames, Stack, from_json, parameters
from rnncli.networks.heads import Quantiles
from rnncli.networks.model_torch import build


def forecaster(cell="gru", layers=1, bidirectional=False):
    """Describe a network that forecasts seven values in segments of three."""
    encoder = Stack(cell, layers, 6, bidirectional)
    return Architecture(Frames(4, 5), encoder, None, Quantiles(7, 3, (0.1, 0.5, 0.9)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_numpy_forecasts_as_pytorch_does(cell, layers, bidirectional):
    torch.manual_seed(0)
    architecture = forecaster(cell, layers, bidirectional)
    model = build(architecture).eval()
    randomise(model)
    frames = np.random.default_rng(0).normal(size=(5, 8, 4)).astype(np.float32)
    with torch.inference_mode():
        expected = model.forecast(torch.from_numpy(frames)).numpy()
    network = in_numpy(model)
    quantiles = network.forecast(frames)
    assert quantiles.shape == (5, 7, 3)
    np.testing.assert_allclose(quantiles, np.sort(expected, -1), rtol=0, atol=1e-4)
    np.testing.assert_allclose(network.forecast(frames[2:3]), quantiles[2:3], rtol=0, atol=1e-5)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    assert shapes == parameters(architecture)
    assert from_json(asdict(architecture)) == architecture


@pytest.mark.parametrize("levels", [(), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5)])
def test_levels_rise_between_0_and_1(levels):
    with pytest.raises(ConfigError, match="levels"):
        Quantiles(7, 3, levels)
