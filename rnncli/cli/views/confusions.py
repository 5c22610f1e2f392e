"""The confusion matrix of a classifier, for a terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from rnncli.cli.views.table import print_table
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

MAX_CONFUSIONS = 20  # pairs of labels, where there is no matrix
COLUMN_SPACE = 3  # characters between the columns of a table


def print_confusions(
    labels: Sequence[str], matrix: Sequence[Sequence[int]], console: "Console"
) -> None:
    """Print a row for each right label and a column for each answer, as far as they fit."""
    pairs = zip(labels, matrix, strict=True)
    rows = [["", *labels], *([label, *map(str, row)] for label, row in pairs)]
    if sum(width + COLUMN_SPACE for width in _widths(rows)) <= console.width:
        console.print("rows: the right label; columns: the answer")
        print_table(console, rows[0], rows[1:])
        return
    numbers = [str(number) for number in range(1, len(labels) + 1)]
    pairs = zip(numbers, matrix, strict=True)
    rows = [["", *numbers], *([n, *(str(texts or "-") for texts in row)] for n, row in pairs)]
    widths = _widths(rows)
    if sum(widths) + len(widths) <= console.width:
        console.print("rows: the right label; columns: the answer")
        named = [f"{n} {label}" for n, label in zip(numbers, labels, strict=True)]
        console.print(f"{_filled(map(escape_controls, named), console.width)}\n")
        for row in rows:
            cells = zip(row, widths, strict=True)
            console.print(" ".join(cell.rjust(width) for cell, width in cells))
        return
    console.print("most frequent mistakes")
    confusions = [
        (texts, right, answer)
        for right, row in zip(labels, matrix, strict=True)
        for answer, texts in zip(labels, row, strict=True)
        if texts and right != answer
    ]
    confusions.sort(key=lambda confusion: -confusion[0])
    print_table(
        console,
        ["right label", "answer", "texts"],
        [[right, answer, str(texts)] for texts, right, answer in confusions[:MAX_CONFUSIONS]],
    )


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide the columns of a table are, where no cell is broken into lines."""
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _filled(entries: Iterable[str], width: int) -> str:
    """Return entries with commas between them, in lines that break none of them."""
    lines, line = list[str](), ""
    for entry in entries:
        if line and cell_len(f"{line}, {entry},") > width:
            lines.append(f"{line},")
            line = ""
        line += f", {entry}" if line else entry
    return "\n".join([*lines, line])
