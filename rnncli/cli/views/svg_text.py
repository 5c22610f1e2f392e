"""Texts in SVG: their sizes, and characters that XML cannot hold."""

from xml.etree.ElementTree import Element, SubElement

from rich.cells import cell_len, set_cell_size

from rnncli.text.unicode import escape_controls

CHARACTER = 9  # pixels: the width of a Latin letter; a Chinese one takes twice as much
LINE = 20  # pixels: the height of a line of text
MARGIN = 20  # pixels around each figure
MAX_LABEL = 30  # characters; of some, the whole shows when the pointer rests on a cell

_NO_XML = dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")


def add_text(group: Element, text: str, x: float, y: float, kind: str = "") -> int:
    """Add a line of text, of a class of the style, and return its right end."""
    attributes = {"x": f"{x:g}", "y": f"{y:g}"} | ({"class": kind} if kind else {})
    text = printable(text)
    SubElement(group, "text", attributes).text = text
    return round(x) + CHARACTER * cell_len(text)


def shortened(label: str) -> str:
    """Return a label, or the beginning of a long one."""
    label = printable(label)
    if cell_len(label) <= MAX_LABEL:
        return label
    return set_cell_size(label, MAX_LABEL - 1).rstrip() + "…"


def printable(text: str) -> str:
    """Return a text with visible symbols for characters that XML cannot hold."""
    return escape_controls(text).translate(_NO_XML)
