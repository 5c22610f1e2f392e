"""Traces of recurrent layers, against the equations of the cells and PyTorch."""

import numpy as np
import pytest
import torch
from architectures import KINDS, in_numpy, randomise, small_architecture
from torch import nn

from rnncli.analysis.traces import Trace, record, trace
from rnncli.config import CELLS
from rnncli.networks.cells_numpy import CELLS as NUMPY_CELLS
from rnncli.networks.cells_numpy import Recurrent
from rnncli.networks.cells_torch import CELLS as TORCH_CELLS
from rnncli.networks.cells_torch import Recurrent as TorchRecurrent
from rnncli.networks.model_torch import build

STEPS, WIDTH, UNITS = 7, 3, 5


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.fixture(params=CELLS)
def layers(request: pytest.FixtureRequest) -> tuple[Recurrent, TorchRecurrent, np.ndarray]:
    """Return a layer with random weights in NumPy and in PyTorch, and its input."""
    torch.manual_seed(0)
    module = TORCH_CELLS[request.param](WIDTH, UNITS)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.7)
    weights = {f"layer.{name}": p.detach().numpy() for name, p in module.named_parameters()}
    x = torch.randn(STEPS, WIDTH).numpy()
    return NUMPY_CELLS[request.param](weights, "layer."), module, x


def traced(layer: Recurrent, x: np.ndarray, *, backward: bool = False) -> Trace:
    return trace(layer, layer.project(x), backward=backward)


def test_hidden_states_equal_those_in_pytorch(
    layers: tuple[Recurrent, TorchRecurrent, np.ndarray],
) -> None:
    layer, module, x = layers
    with torch.no_grad():
        expected = module(torch.from_numpy(x)[None])[0][0].numpy()
    np.testing.assert_allclose(traced(layer, x).hidden_states, expected, atol=1e-5)
    backward = traced(layer, x[::-1], backward=True)
    np.testing.assert_allclose(backward.hidden_states[::-1], expected, atol=1e-5)


def test_states_follow_from_the_gates_by_the_equations_of_the_cell(
    layers: tuple[Recurrent, TorchRecurrent, np.ndarray],
) -> None:
    layer, module, x = layers
    result = traced(layer, x)
    weights = {name: p.detach().numpy() for name, p in module.named_parameters()}
    inputs = x @ weights["weight_ih"].T + weights["bias_ih"]
    h, c = np.zeros(UNITS), np.zeros(UNITS)
    for t in range(STEPS):
        gate = {name: values[t] for name, values in result.gates.items()}
        assert all((values > 0).all() and (values < 1).all() for values in gate.values())
        w = inputs[t].reshape(-1, UNITS)
        if layer.cell == "mingru":
            v = w[1]
            h = (1 - gate["update"]) * h + gate["update"] * np.where(v >= 0, v + 0.5, sigmoid(v))
        else:
            u = (h @ weights["weight_hh"].T + weights["bias_hh"]).reshape(-1, UNITS)
        if layer.cell == "lstm":
            c = gate["forget"] * c + gate["input"] * np.tanh(w[2] + u[2])
            h = gate["output"] * np.tanh(c)
        elif layer.cell == "gru":
            candidate = np.tanh(w[2] + gate["reset"] * u[2])
            h = (1 - gate["update"]) * candidate + gate["update"] * h
        elif layer.cell == "rnn":
            h = np.tanh(w[0] + u[0])
        np.testing.assert_allclose(result.hidden_states[t], h, atol=1e-5)
        if result.cell_states is not None:
            np.testing.assert_allclose(result.cell_states[t], c, atol=1e-5)
    assert list(result.states) == (["h", "c"] if layer.cell == "lstm" else ["h"])


def test_changes_sum_to_the_last_state(
    layers: tuple[Recurrent, TorchRecurrent, np.ndarray],
) -> None:
    layer, _, x = layers
    for backward, last in ((False, -1), (True, 0)):
        result = traced(layer, x, backward=backward)
        total = result.changes().sum(0)
        np.testing.assert_allclose(total, result.hidden_states[last], atol=1e-5)


def test_a_trace_can_continue_from_a_state(
    layers: tuple[Recurrent, TorchRecurrent, np.ndarray],
) -> None:
    layer, _, x = layers
    whole, inputs = traced(layer, x), layer.project(x)
    out = np.empty((3, UNITS), np.float32)
    state = layer(inputs[:3], [slice(t, t + 1) for t in range(3)], layer.empty_state(1), out)
    rest = trace(layer, inputs[3:], state)
    np.testing.assert_allclose(rest.hidden_states, whole.hidden_states[3:], atol=1e-6)
    for name, values in rest.gates.items():
        np.testing.assert_allclose(values, whole.gates[name][3:], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_all_layers_and_directions_of_a_network_are_recorded(kind: str, cell: str) -> None:
    torch.manual_seed(0)
    model = build(small_architecture(kind, cell, layers=2)).eval()
    randomise(model)
    network = in_numpy(model)
    outputs: dict[str, np.ndarray] = {}
    for name, module in model.named_modules():
        if isinstance(module, TorchRecurrent):
            module.register_forward_hook(
                lambda _module, _args, out, name=name: outputs.update({name: out[0][0].numpy()})
            )
    source, target = np.array([[4, 7, 5, 9, 6]]), np.array([[2, 4, 8]])
    tensors = [torch.from_numpy(each) for each in (source, np.array([5]), target)]
    with torch.inference_mode(), record(network.layers) as traces:
        if kind == "classify":
            network.classify(source, np.array([5]))
            model.classify(*tensors[:2])
        elif kind == "generate":
            network.decode(source, network.empty_state(1))
            model.decoder.features(tensors[0], [None, None])
        else:
            network.decode(target, network.encode(source, np.array([5])))
            model.features(*tensors)
    assert {each.layer for each in traces} == set(outputs)
    assert len(traces) == len(outputs)
    for each in traces:
        expected = outputs[each.layer][:: -1 if each.backward else 1]
        np.testing.assert_allclose(each.hidden_states, expected, atol=1e-4)
        assert each.backward == each.layer.startswith("encoder") * each.layer.endswith(".1")
    network.layers[0](np.zeros((1, len(network.layers[0].bias)), np.float32), [slice(0, 1)],
                      network.layers[0].empty_state(1), np.empty((1, 6), np.float32))  # fmt: skip
    assert len(traces) == len(outputs), "nothing is recorded after the block"
