"""The texts that a model gets wrong, as a table."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rnncli.cli.console import Screen
from rnncli.cli.output import open_output, require_folder
from rnncli.text.unicode import as_field

STDOUT = Path("-")

Cells: TypeAlias = Sequence[str | float]
Form: TypeAlias = Callable[[Cells], str]


def require_place(path: Path | None) -> None:
    """Check that there can be a file, before much time goes into what it will hold.

    Raises:
        DataError: there is no folder for it, or a folder in its place.

    """
    if path is not None and path != STDOUT:
        require_folder(path, "--errors")


def write_mistakes(
    path: Path, columns: Sequence[str], mistakes: Iterable[Cells], screen: Screen
) -> None:
    """Write mistakes, one a row; the ending of the file says in what form."""
    name = path.name.lower().removesuffix(".gz")
    as_json = partial(_json, columns)
    forms: dict[str, Form] = {".csv": _csv, ".jsonl": as_json, ".ndjson": as_json}
    write_row = forms.get(Path(name).suffix, _tsv)
    output = None if path == STDOUT else path
    number = 0
    with open_output(output, screen) as write:
        if write_row is not as_json:
            write(write_row(columns))
        for number, cells in enumerate(mistakes, 1):  # noqa: B007
            write(write_row(cells))
        write(None)
    if output is not None:
        screen.say(f"the {number:,} mistakes are in {path}")


def _tsv(cells: Cells) -> str:
    return "\t".join(as_field(str(cell)) for cell in cells)


def _csv(cells: Cells) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # so that both are put in quotes
    return line.getvalue().removesuffix("\r\n")


def _json(columns: Sequence[str], cells: Cells) -> str:
    return json.dumps(dict(zip(columns, cells, strict=True)), ensure_ascii=False)
