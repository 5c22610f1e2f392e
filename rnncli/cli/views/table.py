"""Tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rnncli.cli.views.screen import printable_on

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first columns hold texts, the others numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1


def print_table(console: "Console", header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column holds names, the others numbers."""
    draw_table(Table(header, rows), console)


def draw_table(table: Table, console: "Console") -> None:
    """Print a table on a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_header=any(table.header))
    for i, name in enumerate(table.header):
        justify: Literal["left", "right"] = "left" if i < table.text_columns else "right"
        drawn.add_column(printable_on(console, name), justify=justify)
    for row in table.rows:
        drawn.add_row(*(printable_on(console, cell) for cell in row))
    console.print(drawn)
