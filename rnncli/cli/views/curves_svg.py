"""Curves in SVG."""

from xml.etree.ElementTree import Element, SubElement

from rich.cells import cell_len

from rnncli.cli.views.curves import Curves
from rnncli.cli.views.svg_text import CHARACTER, LINE, add_text, shortened

WIDTH, HEIGHT = 480, 240  # pixels of the system of axes, as are all sizes here
MARGIN = 60  # around it, for labels
SHIFT = 4  # of the dots of each series from those of the one before, which they would cover
SAMPLE = 24  # of a line in the legend
SERIES_COLORS = 6  # that the style has


def draw_curves(curves: Curves, group: Element) -> tuple[int, int]:
    """Draw curves from the origin, and return the width and the height of the drawing."""
    bottom, right = MARGIN + HEIGHT, MARGIN + WIDTH
    axes = f"M{MARGIN} {MARGIN}v{HEIGHT}h{WIDTH}"
    SubElement(group, "path", {"class": "axes"}, d=axes)
    (first, last), (low, high) = curves.end_labels(0), curves.end_labels(1)
    for text, x, y, anchor in (
        (high, MARGIN - 8, MARGIN + 5, "end"),
        (low, MARGIN - 8, bottom + 5, "end"),
        (f"{curves.x} {first}", MARGIN, bottom + 22, "start"),
        (last, right, bottom + 22, "end"),
    ):
        SubElement(group, "text", {"x": str(x), "y": str(y), "text-anchor": anchor}).text = text
    x = add_text(group, f"{curves.y}:", MARGIN, MARGIN - 18) + CHARACTER
    for number, name in enumerate(curves.series):
        color = f"series-{number % SERIES_COLORS}"
        _draw_series(curves, name, color, group, 0 if curves.is_connected else SHIFT * number)
        kind = "line" if curves.is_connected else "dot"
        d = f"M{x} {MARGIN - 22}h{SAMPLE if curves.is_connected else 0.01}"
        SubElement(group, "path", {"class": f"{kind} {color}", "d": d})
        x = add_text(group, shortened(name), x + SAMPLE + 8, MARGIN - 18) + 2 * CHARACTER
    return max(right, x) + MARGIN, bottom + MARGIN


def _draw_series(curves: Curves, name: str, color: str, group: Element, shift: int) -> None:
    places = [
        (MARGIN + WIDTH * x + shift, MARGIN + HEIGHT * (1 - y)) for x, y in curves.scaled(name)
    ]
    if curves.is_connected:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        SubElement(group, "polyline", {"class": f"line {color}", "points": points})
    else:
        dots = "".join(f"M{x:.1f} {y:.1f}h.01" for x, y in places)
        SubElement(group, "path", {"class": f"dot {color}", "d": dots})
    taken: list[tuple[float, float, float]] = []  # start, end and base line of each label
    for (x, y), label in zip(places, curves.labels.get(name, ()), strict=False):
        left, right = x + 4, x + 4 + CHARACTER * cell_len(shortened(label))
        if all(
            right < start or end < left or abs(y - line) > LINE / 2 for start, end, line in taken
        ):
            taken.append((left, right, y))
            add_text(group, shortened(label), left, y - 4)
