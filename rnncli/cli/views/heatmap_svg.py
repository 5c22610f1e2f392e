"""Heatmaps in SVG.

As in Bahdanau, Cho and Bengio (2015, figure 3), the labels of the columns are written above and
those of the rows at the left. The larger a value, the more opaque its cell.
"""

from xml.etree.ElementTree import Element, SubElement

from rich.cells import cell_len

from rnncli.cli.views.heatmap import Heatmap
from rnncli.cli.views.svg_text import CHARACTER, LINE, MARGIN, add_text, printable, shortened

CELL, SMALL_CELL = 22, 12  # pixels, as are all sizes here; the latter in large heatmaps
LARGE = 600  # cells of a large heatmap
LEVELS = 12  # of opacity in a large one
GAP = 8  # between labels and cells
SLOPE = 0.71  # of the labels of columns, written upwards at 45 degrees: its sine and its cosine
MIN_SHARE = 0.01  # of the strongest colour: less could not be seen


def draw_heatmap(heatmap: Heatmap, group: Element) -> tuple[int, int]:
    """Draw a heatmap from the origin, and return its width and its height."""
    columns, rows = (list(map(shortened, side)) for side in (heatmap.columns, heatmap.rows))
    size = CELL if len(rows) * len(columns) <= LARGE else SMALL_CELL
    left = MARGIN + CHARACTER * max(map(cell_len, rows)) + GAP
    top = MARGIN + round(SLOPE * CHARACTER * max(map(cell_len, columns))) + GAP
    middles = [left + size * i + size // 2 for i in range(len(columns))]
    for x, label in zip(middles, columns, strict=True):
        place = f"translate({x + 4} {top - GAP}) rotate(-45)"
        SubElement(group, "text", transform=place).text = label
    for i, label in enumerate(rows):
        y = top + size * i + size // 2 + 5
        attributes = {"x": str(left - GAP), "y": str(y), "text-anchor": "end"}
        SubElement(group, "text", attributes).text = label
    draw = _draw_cells if size == CELL else _draw_levels
    draw(heatmap, group, left, top, size)
    width, height = size * len(columns), size * len(rows)
    SubElement(group, "path", {"class": "grid", "d": _grid(left, top, width, height, size)})
    add_text(group, _legend(heatmap), MARGIN, top + height + LINE, "caption")
    ends = [
        x + SLOPE * CHARACTER * cell_len(label) for x, label in zip(middles, columns, strict=True)
    ]
    right = max(left + width, round(max(ends)))
    return right + MARGIN, top + height + LINE + MARGIN


def _legend(heatmap: Heatmap) -> str:
    strongest = heatmap.format(heatmap.maximum)
    if not heatmap.is_signed:
        return f"full colour: {strongest}; none: 0 %"
    return f"blue: to {strongest}; orange, with a hole: to {heatmap.format(-heatmap.maximum)}"


def _draw_cells(heatmap: Heatmap, group: Element, left: int, top: int, size: int) -> None:
    """Draw the cells, each with its value, which shows when the pointer rests on it."""
    signs = ("positive", "negative") if heatmap.is_signed else ("positive",)
    groups = {sign: SubElement(group, "g", {"class": sign}) for sign in signs}
    for i, (label, values) in enumerate(zip(heatmap.rows, heatmap.values, strict=True)):
        for j, (column, value) in enumerate(zip(heatmap.columns, values, strict=True)):
            share = min(abs(value) / heatmap.maximum, 1)
            if share < MIN_SHARE:
                continue
            cell = {
                "x": str(left + size * j),
                "y": str(top + size * i),
                "width": str(size),
                "height": str(size),
                "fill-opacity": f"{share:.2f}",
            }
            parent = groups["negative" if value < 0 else "positive"]
            title = SubElement(SubElement(parent, "rect", cell), "title")
            title.text = printable(f"{label} ← {column} {heatmap.format(value)}")
            if value < 0:
                hole = {
                    "class": "paper",
                    "d": _square(*_hole(left + size * j, top + size * i, size)),
                }
                SubElement(group, "path", hole)


def _draw_levels(heatmap: Heatmap, group: Element, left: int, top: int, size: int) -> None:
    """Draw the cells of a large heatmap, all those of one opacity as one path: a smaller file."""
    levels: dict[tuple[str, int], list[str]] = {}
    for i, values in enumerate(heatmap.values):
        for j, value in enumerate(values):
            level = round(min(abs(value) / heatmap.maximum, 1) * LEVELS)
            sign = "negative" if value < 0 else "positive"
            x, y = left + size * j, top + size * i
            hole = _square(*_hole(x, y, size)) if value < 0 else ""
            levels.setdefault((sign, level), []).append(_square(x, y, size) + hole)
    for (sign, level), cells in sorted(levels.items()):
        if level:
            opacity = f"{level / LEVELS:.2f}"
            path = {"class": sign, "fill-opacity": opacity, "fill-rule": "evenodd"}
            SubElement(group, "path", {**path, "d": "".join(cells)})


def _hole(x: int, y: int, size: int) -> tuple[int, int, int]:
    """Return the place and the size of the hole in a negative cell: it needs no colours."""
    third = size // 3
    return x + third, y + third, third


def _square(x: int, y: int, size: int) -> str:
    return f"M{x} {y}h{size}v{size}h-{size}z"


def _grid(left: int, top: int, width: int, height: int, size: int) -> str:
    """Return the path of the lines around all cells."""
    down = [f"M{x} {top}v{height}" for x in range(left, left + width + 1, size)]
    across = [f"M{left} {y}h{width}" for y in range(top, top + height + 1, size)]
    return "".join([*down, *across])
