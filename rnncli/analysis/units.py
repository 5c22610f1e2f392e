"""The hidden units of a network: their names, and the network with some of them clamped."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rnncli.errors import ConfigError
from rnncli.networks.cells_numpy import Clamp, Recurrent

STATES = ("h", "c")  # the hidden state and, of an LSTM, the cell state
DIRECTIONS = {"0": "forward", "1": "backward"}
MAX_CLAMP = 1e4  # far above any state; squares of more overflow
_EDIT = re.compile(r"(?:(?P<layer>.*)\.)?(?P<state>[hc])(?P<unit>\d{1,9})=(?P<value>.+)", re.ASCII)


@dataclass(frozen=True)
class Unit:
    """A unit of the hidden state h or of the cell state c of a layer."""

    layer: str  # as `layer_names` calls it; empty where there is one only
    state: str
    number: int

    def __str__(self) -> str:
        name = f"{self.state}{self.number}"
        return f"{self.layer}.{name}" if self.layer else name


@dataclass(frozen=True)
class Edit:
    """A unit that is clamped to a value."""

    unit: Unit
    value: float


def layer_names(layers: Sequence[Recurrent]) -> dict[str, Recurrent]:
    """Name the layers of a network by what tells them apart.

    ``encoder.layers.0.1`` is "backward" in an encoder of one layer and "0.backward" in a larger
    one; a single layer has an empty name.
    """
    paths = [layer.name.split(".") for layer in layers]  # encoder or decoder, layers, number, ...
    parts = len({path[0] for path in paths}) > 1
    numbers = len({path[2] for path in paths}) > 1
    names = {}
    for path, layer in zip(paths, layers, strict=True):
        words = [path[0]] if parts else []
        words += [path[2]] if numbers else []
        words += [DIRECTIONS[direction] for direction in path[3:]] if len(layers) > 1 else []
        names[".".join(words)] = layer
    return names


def units_of(names: Mapping[str, Recurrent]) -> list[Unit]:
    """Return all units, layer by layer: h, and then c."""
    return [
        Unit(name, state, number)
        for name, layer in names.items()
        for state, _ in zip(STATES, layer.empty_state(0), strict=False)
        for number in range(layer.hidden_size)
    ]


def parse_edit(text: str, layers: Sequence[Recurrent]) -> Edit:
    """Parse ``c17=0.5``, or ``backward.c17=0.5`` where there are several layers.

    Raises:
        ConfigError: there is no such unit, or the value is no number.

    """
    names = layer_names(layers)
    match = _EDIT.fullmatch(text.strip())
    example = Unit(next(iter(names)), "h", 0)
    if match is None:
        raise ConfigError(f"{text!r} names no unit and its value", f"--edit {example}=1")
    unit = Unit(match["layer"] or "", match["state"], int(match["unit"]))
    if unit.layer not in names:
        missing = f"there is no layer {unit.layer!r}" if unit.layer else f"{unit} names no layer"
        there = f"there are {', '.join(names)}" if len(names) > 1 else "the only one has no name"
        raise ConfigError(f"{missing}; {there}", f"--edit {example}={match['value']}")
    layer = names[unit.layer]
    if unit.number >= layer.hidden_size or STATES.index(unit.state) >= len(layer.empty_state(0)):
        last = ", ".join(
            f"{Unit(unit.layer, state, 0)} to {Unit(unit.layer, state, layer.hidden_size - 1)}"
            for state, _ in zip(STATES, layer.empty_state(0), strict=False)
        )
        raise ConfigError(f"there is no unit {unit}; there are {last}", f"--edit {example}=1")
    try:
        value = float(match["value"])
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_CLAMP:
        raise ConfigError(f"{match['value']!r} is no value of a unit", f"--edit {unit}=1")
    return Edit(unit, value)


@contextmanager
def clamped(layers: Sequence[Recurrent], edits: Sequence[Edit]) -> Iterator[None]:
    """Clamp units of a network within a ``with``."""
    names = layer_names(layers)
    for name, layer in names.items():
        layer.clamps = tuple(
            Clamp(STATES.index(edit.unit.state), edit.unit.number, edit.value)
            for edit in edits
            if edit.unit.layer == name
        )
    try:
        yield
    finally:
        for layer in names.values():
            layer.clamps = ()
