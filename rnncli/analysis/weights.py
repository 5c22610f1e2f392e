"""How large the weights of a network are, part by part."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncli.networks.numerics import Floats
from rnncli.text.vectors import STEP


@dataclass(frozen=True)
class Part:
    """A part of a network: weights whose names begin alike."""

    name: str  # such as "encoder.layers.0.1"
    shapes: Mapping[str, tuple[int, ...]]  # of each parameter
    parameters: int
    root_mean_square: float  # of all its weights
    largest: float  # absolute value


def parts(weights: Mapping[str, Floats]) -> list[Part]:
    """Group the weights of a network by the beginnings of their names, in their order."""
    groups: dict[str, dict[str, Floats]] = {}
    for name, values in weights.items():
        part, _, parameter = name.rpartition(".")
        groups.setdefault(part, {})[parameter] = values
    return [_part(name, group) for name, group in groups.items()]


def _part(name: str, group: Mapping[str, Floats]) -> Part:
    count = sum(values.size for values in group.values())
    scaled = [values if values.dtype.kind == "f" else values * STEP for values in group.values()]
    squares = sum(float(np.square(values, dtype=np.float64).sum()) for values in scaled)
    return Part(
        name,
        {parameter: values.shape for parameter, values in group.items()},
        count,
        math.sqrt(squares / max(count, 1)),
        max(float(np.abs(values).max(initial=0)) for values in scaled),
    )
