"""Curves: points of several series in one system of axes, drawn in a terminal.

::

    1.07 ┤●
         │·●
         │ ··●●
         │   ···●●●
    0.39 ┤      ···●●●●●●●
         └────────────────
          step 20      400
          loss:  · training  ● held out
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from rich.cells import cell_len

from rnncli.text.unicode import escape_controls

MIN_POINTS = 3  # of each curve of losses: two make a line, which tells less than their numbers
HEIGHT, MAX_WIDTH = 8, 60  # cells of the drawing in a terminal
MARKS, ASCII_MARKS = "·●+×○◆", ".*+xo#"  # of each series; the last is drawn over the others
AXES, ASCII_AXES = ("┤", "│", "└", "─"), ("+", "|", "+", "-")  # label, side, corner, floor

Points: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """Series of points, and what the axes show."""

    series: Mapping[str, Points]  # in their order from left to right, or along a way
    x: str
    y: str
    log_x: bool = False
    log_y: bool = False
    is_connected: bool = True  # else each point stands alone
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of the points of a series

    def range(self, axis: int) -> tuple[float, float]:
        """Return the lowest and the highest value on an axis: 0 for x, 1 for y."""
        values = [point[axis] for points in self.series.values() for point in points]
        if (self.log_x, self.log_y)[axis]:
            values = [value for value in values if value > 0]
        return min(values, default=0.0), max(values, default=1.0)

    def scaled(self, name: str) -> list[tuple[float, float]]:
        """Return the points of a series with both coordinates from 0 to 1, upwards.

        Points that a logarithmic axis cannot show are left out.
        """
        across, up = self._scale(0), self._scale(1)
        return [
            (across(x), up(y))
            for x, y in self.series[name]
            if not (self.log_x and x <= 0) and not (self.log_y and y <= 0)
        ]

    def _scale(self, axis: int) -> Callable[[float], float]:
        """Return the function from a value on an axis to its place, from 0 to 1."""
        is_log = (self.log_x, self.log_y)[axis]
        convert = math.log if is_log else float
        low, high = map(convert, self.range(axis))
        return lambda value: (convert(value) - low) / ((high - low) or 1)

    def end_labels(self, axis: int) -> tuple[str, str]:
        """Return the lowest and the highest value on an axis, as they are written there."""
        low, high = self.range(axis)
        if (self.log_x, self.log_y)[axis]:
            return f"{low:.2g}", f"{high:.2g}"
        if axis == 0 and all(float(value).is_integer() for value in (low, high)):
            return f"{low:,.0f}", f"{high:,.0f}"
        return f"{low:.2f}", f"{high:.2f}"


def curves(metrics: Sequence[Mapping[str, Any]]) -> Curves | None:
    """Return the losses in the lines of metrics.jsonl; None where there are too few to draw."""
    losses = {
        name: [(line["step"], line[key]) for line in metrics if math.isfinite(line[key])]
        for name, key in (("training", "training_loss"), ("held out", "loss"))
    }
    if any(len({step for step, _ in points}) < MIN_POINTS for points in losses.values()):
        return None
    return Curves(losses, x="step", y="loss")


def lines(curves: Curves, width: int, *, ascii_only: bool = False) -> list[str]:
    """Return the lines of a drawing, at most ``width`` cells wide."""
    marks = ASCII_MARKS if ascii_only else MARKS
    label, side, corner, floor = ASCII_AXES if ascii_only else AXES
    low, high = curves.end_labels(1)
    margin = max(len(low), len(high))
    columns = max(min(width - margin - 3, MAX_WIDTH), 2)
    height = HEIGHT if len(curves.labels) == 0 else 2 * HEIGHT
    cells = [[" "] * columns for _ in range(height)]
    signs = {name: marks[i % len(marks)] for i, name in enumerate(curves.series)}
    for name, mark in signs.items():
        places = [
            (round(x * (columns - 1)), round((1 - y) * (height - 1)))
            for x, y in curves.scaled(name)
        ]
        for column, row in _line(places) if curves.is_connected else places:
            cells[row][column] = mark
        _write_labels(cells, places, curves.labels.get(name, ()))
    labels = [high, *[""] * (height - 2), low]
    drawn = [
        f"{text:>{margin}} {label if text else side}{''.join(row).rstrip()}"
        for text, row in zip(labels, cells, strict=True)
    ]
    first, last = curves.end_labels(0)
    drawn.append(f"{'':{margin}} {corner}{floor * columns}")
    start = f"{curves.x} {first}"
    drawn.append(f"{'':{margin}}  {start}{last:>{max(columns - len(start), len(last) + 1)}}")
    legend = "  ".join(f"{mark} {escape_controls(name)}" for name, mark in signs.items())
    drawn.append(f"{'':{margin}}  {curves.y}: {legend}")
    return drawn


def _line(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the cells of the lines between places, one for each column or row of a line."""
    yield from places[:1]
    for (x0, y0), (x1, y1) in pairwise(places):
        steps = max(abs(x1 - x0), abs(y1 - y0))
        for step in range(1, steps + 1):
            yield x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)


def _write_labels(
    cells: list[list[str]], places: Sequence[tuple[int, int]], labels: Sequence[str]
) -> None:
    """Write the label of each place over it, where no other label is in the way."""
    taken: set[tuple[int, int]] = set()
    for (column, row), label in zip(places, labels, strict=False):
        text = escape_controls(label)
        start = max(min(column, len(cells[row]) - len(text)), 0)
        area = {(row, start + i) for i in range(-1, len(text) + 1)}
        if cell_len(text) != len(text) or len(text) > len(cells[row]) or area & taken:
            continue
        taken |= area
        cells[row][start : start + len(text)] = text
