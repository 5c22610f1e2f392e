"""Units: their names, and networks in which some are clamped."""

from typing import Any

import numpy as np
import pytest
import torch
from architectures import KINDS, in_numpy, randomise, small_architecture

from rnncli.analysis.gradients import load_network
from rnncli.analysis.traces import record
from rnncli.analysis.units import Edit, Unit, clamped, layer_names, parse_edit, units_of
from rnncli.config import CELLS
from rnncli.errors import ConfigError
from rnncli.networks.model_numpy import Network


def network(kind: str, cell: str = "lstm", **sizes: Any) -> Network:
    """Return a network with random weights."""
    model = load_network(small_architecture(kind, cell, **sizes), None)
    torch.manual_seed(1)
    randomise(model)
    return in_numpy(model)


@pytest.mark.parametrize(
    ("kind", "sizes", "names"),
    [
        ("generate", {}, [""]),
        ("generate", {"layers": 2}, ["0", "1"]),
        ("classify", {"bidirectional": False}, [""]),
        ("classify", {}, ["forward", "backward"]),
        ("classify", {"layers": 2}, ["0.forward", "0.backward", "1.forward", "1.backward"]),
        ("translate", {}, ["encoder.forward", "encoder.backward", "decoder"]),
    ],
)
def test_layers_are_named_by_what_tells_them_apart(
    kind: str, sizes: dict[str, Any], names: list[str]
) -> None:
    layers = network(kind, **sizes).layers
    assert list(layer_names(layers)) == names
    assert list(layer_names(layers).values()) == list(layers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_name_of_each_unit_can_be_typed(kind: str, cell: str) -> None:
    layers = network(kind, cell).layers
    units = units_of(layer_names(layers))
    assert len(units) == sum(layer.hidden_size for layer in layers) * (1 + (cell == "lstm"))
    for unit in units:
        assert parse_edit(f"{unit}=-0.5", layers) == Edit(unit, -0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("c17", "names no unit"),
        ("c99=1", "no unit c99; there are h0 to h5, c0 to c5"),
        ("x1=1", "names no unit"),
        ("forward.c1=1", "the only one has no name"),
        ("c1=nan", "'nan' is no value"),
        ("c1=1e9", "no value"),
        ("c1=high", "no value"),
        ("c\u0661=1", "names no unit"),
    ],
)
def test_what_is_no_edit_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        parse_edit(text, network("generate").layers)
    assert str(raised.value.hint).startswith("--edit ")


def test_an_edit_of_no_layer_names_those_that_there_are() -> None:
    layers = network("classify").layers
    with pytest.raises(ConfigError, match="there are forward, backward"):
        parse_edit("c1=1", layers)


@pytest.mark.parametrize(("cell", "state"), [*((cell, "h") for cell in CELLS), ("lstm", "c")])
def test_a_clamped_unit_keeps_its_value_and_the_others_follow(cell: str, state: str) -> None:
    model: Any = network("generate", cell, layers=2)
    tokens = np.arange(4, 10)[None]
    edit = Edit(Unit("0", state, 3), 0.75)
    with record(model.layers) as before:
        plain, _ = model.decode(tokens, model.empty_state(1))
    with clamped(model.layers, [edit]), record(model.layers) as traces:
        logits, _ = model.decode(tokens, model.empty_state(1))
    changed, others = traces
    np.testing.assert_array_equal(changed.states[state][:, 3], np.float32(0.75))
    assert np.abs(others.hidden_states - before[1].hidden_states).max() > 1e-3
    assert np.abs(logits - plain).max() > 1e-3
    if state == "c":  # h = o tanh(c)
        expected = changed.gates["output"][:, 3] * np.tanh(0.75)
        np.testing.assert_allclose(changed.hidden_states[:, 3], expected, rtol=1e-5)
    again, _ = model.decode(tokens, model.empty_state(1))
    np.testing.assert_array_equal(again, plain)
