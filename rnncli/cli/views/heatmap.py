"""A heatmap: the value of each row and column, as shades in a terminal.

::

               Where
               │ is
               │ │ the
               │ │ │ station?
            Où ██
           est   ██
            la     ▓▓
          gare       ██
             ?       ▓▓
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from rnncli.text.unicode import escape_controls

SHADES = " ░▒▓█"
LIMITS = (0.1, 0.3, 0.5, 0.7)  # smallest values of the shades but the first
LIST_ITEMS = 3  # columns in a line of a list: others have small shares
LIST_MARGIN = 20  # cells before the arrow of a list, unless a label is wider
LEGEND = (
    " ".join(
        f"{shade} {100 * limit:.0f} %" for shade, limit in zip(SHADES[1:], LIMITS, strict=True)
    )
    + " or more"
)


@dataclass(frozen=True)
class Heatmap:
    """Values from 0 to 1, with a label for each row and each column."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]  # of each row, a value a column


def table(heatmap: Heatmap) -> list[str]:
    """Return the lines of a table: each label of a column above a column of two cells."""
    labels = list(map(escape_controls, heatmap.rows))
    margin = max(map(cell_len, labels))
    lines = [
        " " * (margin + 1) + "│ " * i + escape_controls(label)
        for i, label in enumerate(heatmap.columns)
    ]
    for label, row in zip(labels, heatmap.values, strict=True):
        cells = "".join(2 * _shade(value) for value in row)
        lines.append(f"{_right_aligned(label, margin)} {cells}".rstrip())
    return lines


def ranked_list(heatmap: Heatmap) -> list[str]:
    """Return a line for each row, with the columns of its largest values: ``est ← is 62 %``."""
    labels = list(map(escape_controls, heatmap.rows))
    margin = min(max(map(cell_len, labels)), LIST_MARGIN)
    lines = []
    for label, row in zip(labels, heatmap.values, strict=True):
        ranked = sorted(zip(row, heatmap.columns, strict=True), key=lambda item: -item[0])
        items = [
            f"{escape_controls(column)} {100 * value:.0f} %"
            for value, column in ranked[:LIST_ITEMS]
            if value >= LIMITS[0]
        ]
        lines.append(f"{_right_aligned(label, margin)} ← {'  '.join(items) or '–'}")
    return lines


def _right_aligned(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


def _shade(value: float) -> str:
    return SHADES[sum(value >= limit for limit in LIMITS)]
