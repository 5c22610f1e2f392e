"""Highlighted texts and tables in SVG."""

from itertools import chain
from xml.etree.ElementTree import Element, SubElement

from rich.cells import cell_len

from rnncli.cli.views.highlight import Highlight, legend
from rnncli.cli.views.svg_text import CHARACTER, LINE, MARGIN, add_text, printable
from rnncli.cli.views.table import Table

WIDTH = 80  # characters of a line of text
GAP = 3  # characters between the columns of a table
MARK = 15  # pixels: how far the letters' baseline is below the top of their line


def draw_highlight(highlight: Highlight, group: Element) -> tuple[int, int]:
    """Draw a text from the origin, and return its width and its height.

    Parts stand on their colour, the stronger the more opaque; negative ones are underlined, too.
    """
    top = MARGIN
    for text, scores in chain(highlight.rows(WIDTH), legend(highlight.scale).rows(WIDTH)):
        x = MARGIN
        for character, score in zip(printable(text).replace("\t", " "), scores, strict=True):
            width = CHARACTER * cell_len(character)
            if strength := highlight.scale.strength(score):
                kind = "negative" if score < 0 else "positive"
                opacity = f"{0.6 * strength / len(highlight.scale.limits):.2f}"
                box = {"x": str(x), "y": str(top), "width": str(width), "height": str(LINE - 2)}
                SubElement(group, "rect", {"class": kind, **box, "fill-opacity": opacity})
                if score < 0:
                    line = {**box, "y": str(top + LINE - 3), "height": "2"}
                    SubElement(group, "rect", {"class": kind, **line})
            add_text(group, character, x, top + MARK)
            x += width
        top += LINE + 4
    return 2 * MARGIN + CHARACTER * WIDTH, top + MARGIN


def draw_table(table: Table, group: Element) -> tuple[int, int]:
    """Draw a table from the origin, and return its width and its height."""
    rows = [[printable(cell) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    y = MARGIN
    for number, row in enumerate(rows):
        x = MARGIN
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            is_text = column < table.text_columns
            indent = 0 if is_text else CHARACTER * (width - cell_len(cell))
            if cell:
                add_text(group, cell, x + indent, y, "caption" if number == 0 else "")
            x += CHARACTER * (width + GAP)
        y += LINE
    right = MARGIN + CHARACTER * (sum(widths) + GAP * (len(widths) - 1))
    SubElement(group, "path", {"class": "grid", "d": f"M{MARGIN} {MARGIN + 6}H{right}"})
    return right + MARGIN, y + 4
