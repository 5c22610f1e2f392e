"""Gradients by lag: against a closed form, finite differences, and degenerate cases."""

from typing import Any

import numpy as np
import pytest
import torch
from architectures import KINDS, randomise, small_architecture, stored
from torch import Tensor, nn

from rnncli.analysis.gradients import gradient_by_lag, load_network, network_gradient_by_lag
from rnncli.config import CELLS

LENGTH = 6


@pytest.fixture
def tokens() -> Tensor:
    return torch.arange(LENGTH).repeat(3, 1)


def test_the_gradient_of_a_leaky_sum_decays_exponentially(tokens: Tensor) -> None:
    embedding = nn.Embedding(LENGTH, 4)

    def loss() -> Tensor:
        h = torch.zeros(3, 4)
        for x in embedding(tokens).unbind(1):
            h = 0.5 * h + x
        return h.sum()

    expected = 0.5 ** np.arange(LENGTH)
    np.testing.assert_allclose(gradient_by_lag(embedding, loss), expected, rtol=1e-5)
    assert embedding.weight.grad is None
    assert not embedding._forward_hooks


def test_unused_inputs_have_no_gradient(tokens: Tensor) -> None:
    embedding = nn.Embedding(LENGTH, 4)
    result = gradient_by_lag(embedding, lambda: embedding(tokens)[:, -2:].square().sum())
    assert (result[:2] > 0).all()
    assert (result[2:] == 0).all()


def test_a_loss_that_is_no_function_of_the_last_input_is_refused(tokens: Tensor) -> None:
    embedding = nn.Embedding(LENGTH, 4)
    with pytest.raises(ValueError, match="last input"):
        gradient_by_lag(embedding, lambda: embedding(tokens)[:, 0].sum())
    with pytest.raises(ValueError, match="2 times"):
        gradient_by_lag(embedding, lambda: (embedding(tokens) + embedding(tokens)).sum())


def finite_differences(network: Any, tokens: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return the gradient norm at each lag by moving each embedded input a little both ways."""
    is_encoder = hasattr(network, "encoder")
    part = network.encoder if is_encoder else network.decoder
    ids = torch.from_numpy(tokens)
    moved = torch.zeros_like(part.embedding(ids[:, :-1]))
    handle = part.embedding.register_forward_hook(lambda *call: call[2] + moved)

    def value() -> Tensor:
        if is_encoder:
            size = part.layers[-1][0].hidden_size
            _, last = part(ids[:, :-1], torch.full((len(ids),), ids.shape[1] - 1))
            signs = torch.randn(len(ids), size, generator=torch.Generator().manual_seed(0))
            return (last[:, :size] * signs.double()).sum(1)
        features, _ = part.features(ids[:, :-1], [None] * len(part.layers))
        return nn.functional.cross_entropy(
            part.output(features[:, -1]), ids[:, -1], reduction="none"
        )

    gradient = torch.zeros_like(moved)
    with torch.no_grad():
        for t in range(moved.shape[1]):
            for e in range(moved.shape[2]):
                moved[:, t, e] = step
                above = value()
                moved[:, t, e] = -step
                gradient[:, t, e] = (above - value()) / (2 * step)
                moved[:, t, e] = 0
    handle.remove()
    norms = gradient.norm(dim=2).mean(0).flip(0)
    return (norms / norms[0]).numpy()


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "mingru"])  # float32 inside
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_network_agree_with_finite_differences(kind: str, cell: str) -> None:
    model = load_network(small_architecture(kind, cell, layers=2), None)
    torch.manual_seed(3)
    randomise(model)
    network = model.double()
    tokens = np.random.default_rng(5).integers(4, 9, (2, 12))
    by_lag = network_gradient_by_lag(network, tokens)
    assert by_lag.shape == (11,)
    assert (by_lag > 0).all()
    np.testing.assert_allclose(by_lag, finite_differences(network, tokens), rtol=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_loaded_with_its_weights_and_without_any_as_new(kind: str) -> None:
    architecture = small_architecture(kind)
    before = torch.get_rng_state()
    new, again = load_network(architecture, None), load_network(architecture, None)
    assert torch.equal(torch.get_rng_state(), before)
    for first, second in zip(new.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    randomise(new)
    weights = {name: tensor.numpy() for name, tensor in stored(new).items()}
    loaded = load_network(architecture, weights)
    for name, tensor in stored(loaded).items():
        np.testing.assert_array_equal(tensor.numpy(), weights[name])


def test_a_plain_network_vanishes_where_an_lstm_keeps() -> None:
    tokens = np.random.default_rng(6).integers(0, 11, (8, 65))
    by_cell = {
        cell: network_gradient_by_lag(
            load_network(small_architecture("generate", cell, hidden_size=32), None), tokens
        )
        for cell in ("rnn", "lstm")
    }
    assert by_cell["rnn"][63] < by_cell["lstm"][63]
