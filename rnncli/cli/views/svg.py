"""Figures as an SVG drawing, one below the other, in colours of light and of dark screens."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rnncli.cli.views.curves import Curves
from rnncli.cli.views.curves_svg import draw_curves
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.heatmap import Heatmap
from rnncli.cli.views.heatmap_svg import draw_heatmap
from rnncli.cli.views.highlight import Highlight
from rnncli.cli.views.svg_text import LINE, MARGIN, add_text
from rnncli.cli.views.text_svg import draw_highlight, draw_table

WIDTH = 80  # characters of a caption's line

STYLE = """
text { font: 14px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; white-space: pre }
.title { font-weight: bold }
.caption { fill: #59636e }
.paper { fill: #ffffff }
.grid { fill: none; stroke: #d8dee4 }
.axes { fill: none; stroke: #8c959f }
.positive { fill: #0550ae }
.negative { fill: #bc4c00 }
.line { fill: none; stroke-width: 2 }
.series-0 { stroke: #8c959f }
.series-1 { stroke: #0550ae }
.series-2 { stroke: #bc4c00 }
.series-3 { stroke: #1a7f37 }
.series-4 { stroke: #8250df }
.series-5 { stroke: #bf3989 }
.dot { stroke-width: 7; stroke-linecap: round; stroke-opacity: 0.6 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.caption { fill: #9198a1 }
.paper { fill: #0d1117 }
.grid { stroke: #30363d }
.positive { fill: #6cb6ff }
.negative { fill: #ffa657 }
.series-1 { stroke: #6cb6ff }
.series-2 { stroke: #ffa657 }
.series-3 { stroke: #56d364 }
.series-4 { stroke: #bc8cff }
.series-5 { stroke: #ff7bc0 }
}
"""


def svg(figures: Sequence[Figure]) -> str:
    """Return all figures as an SVG document."""
    root = Element("svg", xmlns="http://www.w3.org/2000/svg")
    SubElement(root, "style").text = STYLE
    SubElement(root, "rect", {"class": "paper"}, width="100%", height="100%")
    width = top = 0
    for figure in figures:
        group = SubElement(root, "g", transform=f"translate(0 {top})")
        right, height = _draw(figure, group)
        width, top = max(width, right), top + height
    root.attrib |= {"width": str(width), "height": str(top), "viewBox": f"0 0 {width} {top}"}
    indent(root, "")
    return tostring(root, encoding="unicode")


def picture_svg(figure: Figure) -> str:
    """Return the picture of a figure alone, for a page that has the style of `svg`."""
    root = Element("svg", xmlns="http://www.w3.org/2000/svg")
    width, height = _draw_picture(figure, root)
    root.attrib |= {"width": str(width), "height": str(height), "role": "img"}
    root.attrib |= {"viewBox": f"0 0 {width} {height}"}
    return tostring(root, encoding="unicode")


def _draw(figure: Figure, group: Element) -> tuple[int, int]:
    """Draw a figure from the origin, and return its width and its height."""
    top = right = 0
    if figure.title:
        top = MARGIN + LINE
        right = add_text(group, figure.title, MARGIN, top, "title")
        top += LINE // 2
    width, height = _draw_picture(figure, SubElement(group, "g", transform=f"translate(0 {top})"))
    top, right = top + height, max(right, width)
    for line in _wrapped(figure.note):
        right = max(right, add_text(group, line, MARGIN, top, "caption"))
        top += LINE
    return right + MARGIN, top + (LINE if figure.note else 0)


def _draw_picture(figure: Figure, group: Element) -> tuple[int, int]:
    match figure.picture:
        case Heatmap():
            return draw_heatmap(figure.picture, group)
        case Curves():
            return draw_curves(figure.picture, group)
        case Highlight():
            return draw_highlight(figure.picture, group)
        case table:
            return draw_table(table, group)


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, WIDTH)
