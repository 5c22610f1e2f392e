"""The loss curves of a training, drawn in a terminal and as SVG.

::

    1.07 ┤●
         │·●
         │ ··●●
         │   ···●●●
    0.39 ┤      ···●●●●●●●
         └────────────────
          step 20      400
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

MIN_POINTS = 3  # of each curve: two make a line, which tells less than their numbers
HEIGHT, MAX_WIDTH = 8, 60  # cells of the drawing in a terminal
MARKS = {"training": "·", "held out": "●"}  # the last is drawn over the others
ASCII_MARKS = {"training": ".", "held out": "*"}
AXES, ASCII_AXES = ("┤", "│", "└", "─"), ("+", "|", "+", "-")  # label, side, corner, floor

SVG_WIDTH, SVG_HEIGHT = 480, 240  # pixels of the drawing, as are all sizes of SVG here
MARGIN = 60  # around it, for labels
STYLE = """
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.paper { fill: #ffffff }
.axes { fill: none; stroke: #8c959f }
.training { fill: none; stroke: #8c959f; stroke-width: 2 }
.held-out { fill: none; stroke: #0550ae; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.paper { fill: #0d1117 }
.held-out { stroke: #6cb6ff }
}
"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """Losses by step, at several steps."""

    losses: Mapping[str, Points]  # (step, loss), by "training" and "held out"

    @property
    def steps(self) -> tuple[float, float]:
        """Return the first and the last step."""
        steps = [step for points in self.losses.values() for step, _ in points]
        return min(steps), max(steps)

    @property
    def range(self) -> tuple[float, float]:
        """Return the lowest and the highest loss."""
        losses = [loss for points in self.losses.values() for _, loss in points]
        return min(losses), max(losses)

    def scaled(self, name: str) -> list[tuple[float, float]]:
        """Return the points of a curve with both coordinates from 0 to 1, upwards."""
        (first, last), (low, high) = self.steps, self.range
        return [
            ((step - first) / (last - first), (loss - low) / ((high - low) or 1))
            for step, loss in self.losses[name]
        ]


def curves(metrics: Sequence[Mapping[str, Any]]) -> Curves | None:
    """Return the curves of the lines of metrics.jsonl; None where there are too few to draw."""
    losses = {
        name: [(line["step"], line[key]) for line in metrics if math.isfinite(line[key])]
        for name, key in (("training", "training_loss"), ("held out", "loss"))
    }
    if any(len({step for step, _ in points}) < MIN_POINTS for points in losses.values()):
        return None
    return Curves(losses)


def lines(curves: Curves, width: int, *, ascii_only: bool = False) -> list[str]:
    """Return the lines of a drawing, at most ``width`` cells wide."""
    marks = ASCII_MARKS if ascii_only else MARKS
    label, side, corner, floor = ASCII_AXES if ascii_only else AXES
    low, high = (f"{loss:.2f}" for loss in curves.range)
    margin = max(len(low), len(high))
    columns = min(width - margin - 3, MAX_WIDTH)
    cells = [[" "] * columns for _ in range(HEIGHT)]
    for name, mark in marks.items():
        points = curves.scaled(name)
        for column in range(columns):
            height = _interpolated(points, column / max(columns - 1, 1))
            if height is not None:
                cells[round((1 - height) * (HEIGHT - 1))][column] = mark
    labels = [high, *[""] * (HEIGHT - 2), low]
    drawn = [
        f"{text:>{margin}} {label if text else side}{''.join(row).rstrip()}"
        for text, row in zip(labels, cells, strict=True)
    ]
    first, last = (f"{step:,.0f}" for step in curves.steps)
    drawn.append(f"{'':{margin}} {corner}{floor * columns}")
    drawn.append(f"{'':{margin}}  {f'step {first}'}{last:>{columns - len(first) - 5}}")
    drawn.append(f"{'':{margin}}  loss: " + "  ".join(f"{m} {n}" for n, m in marks.items()))
    return drawn


def svg(curves: Curves) -> str:
    """Return the drawing as an SVG document."""
    width, height = SVG_WIDTH + 2 * MARGIN, SVG_HEIGHT + 2 * MARGIN
    root = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}")
    root.attrib |= {"width": str(width), "height": str(height)}
    SubElement(root, "style").text = STYLE
    SubElement(root, "rect", {"class": "paper"}, width="100%", height="100%")
    axes = f"M{MARGIN} {MARGIN}v{SVG_HEIGHT}h{SVG_WIDTH}"
    SubElement(root, "path", {"class": "axes"}, d=axes)
    low, high = (f"{loss:.2f}" for loss in curves.range)
    first, last = (f"{step:,.0f}" for step in curves.steps)
    bottom, right = MARGIN + SVG_HEIGHT, MARGIN + SVG_WIDTH
    for text, x, y, anchor in (
        (high, MARGIN - 8, MARGIN + 5, "end"),
        (low, MARGIN - 8, bottom + 5, "end"),
        (f"step {first}", MARGIN, bottom + 22, "start"),
        (last, right, bottom + 22, "end"),
    ):
        SubElement(root, "text", {"x": str(x), "y": str(y), "text-anchor": anchor}).text = text
    for number, name in enumerate(curves.losses):
        kind = {"class": name.replace(" ", "-")}
        points = [
            f"{MARGIN + SVG_WIDTH * x:.1f},{bottom - SVG_HEIGHT * y:.1f}"
            for x, y in curves.scaled(name)
        ]
        SubElement(root, "polyline", {**kind, "points": " ".join(points)})
        x, y = MARGIN + 150 * number, MARGIN - 22
        SubElement(root, "path", {**kind, "d": f"M{x} {y}h24"})
        SubElement(root, "text", {"x": str(x + 32), "y": str(y + 4)}).text = f"{name} loss"
    indent(root, "")
    return tostring(root, encoding="unicode")


def _interpolated(points: Points, x: float) -> float | None:
    """Return the height of a curve at ``x``; None before its first point and after its last."""
    at = bisect_left(points, (x, -math.inf))
    if at < len(points) and points[at][0] == x:
        return points[at][1]
    if at in (0, len(points)):
        return None
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
