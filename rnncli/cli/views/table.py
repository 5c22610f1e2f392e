"""Tables for a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console


def print_table(console: "Console", header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column holds names, the others numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(escape_controls(name), justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*map(escape_controls, row))
    console.print(table)
