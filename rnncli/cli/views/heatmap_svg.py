"""Heatmaps as an SVG drawing, one below the other.

As in Bahdanau, Cho and Bengio (2015, figure 3), the labels of the columns are written above and
those of the rows at the left. The larger a value, the more opaque its cell.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rich.cells import cell_len, set_cell_size

from rnncli.cli.views.heatmap import Heatmap
from rnncli.text.unicode import escape_controls

CELL = 22  # pixels, as are all sizes here
CHARACTER = 9  # the width of a Latin letter; a Chinese one takes twice as much
GAP = 8  # between labels and cells
MARGIN = 20  # around each heatmap
SLOPE = 0.71  # of the labels of columns, written upwards at 45 degrees: its sine and its cosine
MAX_LABEL = 30  # characters; the whole label shows when the pointer rests on a cell
MIN_VALUE = 0.01  # that is drawn: less could not be seen

# Colours of light and of dark screens.
STYLE = """
text { font: 14px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.paper { fill: #ffffff }
.grid { fill: none; stroke: #d8dee4 }
.cells { fill: #0550ae }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.paper { fill: #0d1117 }
.grid { stroke: #30363d }
.cells { fill: #6cb6ff }
}
"""

_NO_XML = dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")


def svg(heatmaps: Sequence[Heatmap]) -> str:
    """Return all heatmaps as an SVG document."""
    root = Element("svg", xmlns="http://www.w3.org/2000/svg")
    SubElement(root, "style").text = STYLE
    SubElement(root, "rect", {"class": "paper"}, width="100%", height="100%")
    width = top = 0
    for heatmap in heatmaps:
        group = SubElement(root, "g", transform=f"translate(0 {top})")
        right, height = _draw(heatmap, group)
        width, top = max(width, right), top + height
    root.attrib |= {"width": str(width), "height": str(top), "viewBox": f"0 0 {width} {top}"}
    indent(root, "")
    return tostring(root, encoding="unicode")


def _draw(heatmap: Heatmap, group: Element) -> tuple[int, int]:
    """Draw a heatmap from the origin, and return its width and its height."""
    columns, rows = (list(map(_shortened, side)) for side in (heatmap.columns, heatmap.rows))
    left = MARGIN + CHARACTER * max(map(cell_len, rows)) + GAP
    top = MARGIN + round(SLOPE * CHARACTER * max(map(cell_len, columns))) + GAP
    middles = [left + CELL * i + CELL // 2 for i in range(len(columns))]
    for x, label in zip(middles, columns, strict=True):
        place = f"translate({x + 4} {top - GAP}) rotate(-45)"
        SubElement(group, "text", transform=place).text = label
    for i, label in enumerate(rows):
        attributes = {"x": str(left - GAP), "y": str(top + CELL * i + 16), "text-anchor": "end"}
        SubElement(group, "text", attributes).text = label
    _draw_cells(heatmap, SubElement(group, "g", {"class": "cells"}), left, top)
    width, height = CELL * len(columns), CELL * len(rows)
    SubElement(group, "path", {"class": "grid", "d": _grid(left, top, width, height)})
    ends = [
        x + SLOPE * CHARACTER * cell_len(label) for x, label in zip(middles, columns, strict=True)
    ]
    right = max(left + width, round(max(ends)))
    return right + MARGIN, top + height + MARGIN


def _draw_cells(heatmap: Heatmap, group: Element, left: int, top: int) -> None:
    for i, (label, values) in enumerate(zip(heatmap.rows, heatmap.values, strict=True)):
        for j, (column, value) in enumerate(zip(heatmap.columns, values, strict=True)):
            if value < MIN_VALUE:
                continue
            cell = {
                "x": str(left + CELL * j),
                "y": str(top + CELL * i),
                "width": str(CELL),
                "height": str(CELL),
                "fill-opacity": f"{min(value, 1):.2f}",
            }
            title = SubElement(SubElement(group, "rect", cell), "title")
            title.text = _printable(f"{label} ← {column} {100 * value:.0f} %")


def _grid(left: int, top: int, width: int, height: int) -> str:
    """Return the path of the lines around all cells."""
    down = [f"M{x} {top}v{height}" for x in range(left, left + width + 1, CELL)]
    across = [f"M{left} {y}h{width}" for y in range(top, top + height + 1, CELL)]
    return "".join([*down, *across])


def _shortened(label: str) -> str:
    """Return a label, or the beginning of a long one."""
    label = _printable(label)
    if cell_len(label) <= MAX_LABEL:
        return label
    return set_cell_size(label, MAX_LABEL - 1).rstrip() + "…"


def _printable(text: str) -> str:
    """Return a text with visible symbols for characters that XML cannot hold."""
    return escape_controls(text).translate(_NO_XML)
