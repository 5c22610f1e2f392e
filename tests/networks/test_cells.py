"""Recurrent cells in PyTorch: their initial weights, and the parallel scan of minGRU."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnncli import config
from rnncli.networks import architecture, cells_numpy
from rnncli.networks.cells_torch import CELLS, reverse


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_every_cell_can_be_chosen_trained_and_used():
    cells = set(config.CELLS)
    assert set(architecture.GATES) == set(CELLS) == set(cells_numpy.CELLS) == cells


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_reversing_twice_restores_each_sequence(lengths):
    x = torch.randn(len(lengths), 7, 2)
    backwards = reverse(x, torch.tensor(lengths))
    for row, other, length in zip(x, backwards, lengths, strict=True):
        assert torch.equal(other[:length], row[:length].flip(0))
        assert torch.equal(other[length:], row[length:])
    assert torch.equal(reverse(backwards, torch.tensor(lengths)), x)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_initial_recurrent_weights_are_orthogonal(cell):
    layer = CELLS[cell](8, 16)
    for gate in layer.weight_hh.detach().split(16):
        torch.testing.assert_close(gate @ gate.T, torch.eye(16))


def test_initial_forget_gates_are_open():
    layer = CELLS["lstm"](8, 16)
    bias = (layer.bias_ih + layer.bias_hh).detach().view(4, 16)  # input, forget, cell, output
    assert bias.tolist() == [[0.0] * 16, [1.0] * 16, [0.0] * 16, [0.0] * 16]


def test_the_gradient_of_an_lstm_vanishes_later_than_that_of_a_plain_rnn():
    def share_of_the_first_step(cell):
        layer = CELLS[cell](32, 32)
        x = torch.randn(8, 100, 32, requires_grad=True)
        layer(x)[0][:, -1].sum().backward()
        norms = x.grad.norm(dim=2).mean(0)  # of each step
        return (norms[0] / norms[-1]).item()

    plain = share_of_the_first_step("rnn")
    assert share_of_the_first_step("lstm") > 1e6 * plain
    assert share_of_the_first_step("gru") > 1e6 * plain


@pytest.mark.parametrize("cell", CELLS)
@torch.inference_mode()
def test_many_steps_at_once_equal_single_steps(cell):
    layer = CELLS[cell](4, 8)
    x = torch.randn(3, 12, 4)
    state = layer.init_state(torch.rand(3, 8))
    whole, last = layer(x, state)
    steps = []
    for step in x.split(1, dim=1):
        out, state = layer(step, state)
        steps.append(out)
    torch.testing.assert_close(torch.cat(steps, 1), whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-5)


# The parallel scan of minGRU


def step_by_step(layer, x, h):
    """Solve Feng et al. 2024, section 3.1, in float64, one step after the other."""
    weight, bias = layer.weight_ih.double(), layer.bias_ih.double()
    outputs = []
    for step in x.double().unbind(1):
        gate, value = (step @ weight.T + bias).chunk(2, dim=1)
        z = gate.sigmoid()
        h = (1 - z) * h + z * torch.where(value >= 0, value + 0.5, value.sigmoid())
        outputs.append(h)
    return torch.stack(outputs, 1).float()


@pytest.mark.parametrize("steps", [1, 2, 127, 128, 129, 1_000])
@pytest.mark.parametrize("scale", [0.1, 1.0, 8.0])
@torch.no_grad()
def test_the_parallel_scan_equals_the_recurrence(steps, scale):
    layer = CELLS["mingru"](4, 8)
    x = scale * torch.randn(2, steps, 4)
    out, (last,) = layer(x)
    expected = step_by_step(layer, x, torch.zeros(2, 8))
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(last, out[:, -1])


@torch.no_grad()
def test_the_parallel_scan_continues_from_a_state():
    layer = CELLS["mingru"](4, 8)
    x, h = torch.randn(2, 300, 4), 3 * torch.rand(2, 8) + 1e-4
    out, _ = layer(x, (h,))
    torch.testing.assert_close(out, step_by_step(layer, x, h), rtol=1e-4, atol=1e-5)


def test_the_parallel_scan_has_the_gradient_of_the_recurrence():
    layer = CELLS["mingru"](4, 8)
    x = torch.randn(2, 300, 4)
    weights = torch.randn(2, 300, 8)
    gradients = []
    for out in (layer(x)[0], step_by_step(layer, x, torch.zeros(2, 8))):
        layer.zero_grad()
        (out * weights).sum().backward()
        gradients.append(layer.weight_ih.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)
