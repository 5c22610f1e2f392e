"""The texts that a classifier gets wrong, as a table."""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rnncli.cli.console import Screen
from rnncli.cli.streams import Stream, opened_output
from rnncli.errors import DataError
from rnncli.tasks.base import column_values

if TYPE_CHECKING:
    from datasets import Dataset

COLUMNS = ("label", "answer", "probability", "text")
STDOUT = Path("-")

Cells: TypeAlias = Sequence[str | float]


def require_place(path: Path | None) -> None:
    """Check that there is a folder for a file, before much time goes into what it will hold.

    Raises:
        DataError: there is none.

    """
    if path is not None and path != STDOUT and not path.resolve().parent.is_dir():
        raise DataError(
            f"{path} has no folder: {path.parent} does not exist",
            "name a file in a folder that is there: --errors FILE",
        )


def write_mistakes(
    path: Path, rows: "Dataset", answers: list[str], probabilities: list[float], screen: Screen
) -> None:
    """Write texts with their right labels and what was answered; the ending says in what form."""
    name = path.name.lower().removesuffix(".gz")
    write_row = {".csv": _csv, ".jsonl": _json, ".ndjson": _json}.get(Path(name).suffix, _tsv)
    output = None if path == STDOUT else path
    with opened_output(Stream([], None, output, None, False, 1, screen)) as write:
        if write_row is not _json:
            write(write_row(COLUMNS))
        labels, texts = column_values(rows, "label"), column_values(rows, "text")
        for label, answer, p, text in zip(labels, answers, probabilities, texts, strict=True):
            write(write_row((label, answer, round(p, 6), text)))
        write(None)
    if output is not None:
        screen.say(f"the {len(answers):,} mistakes are in {path}")


def _tsv(cells: Cells) -> str:
    return "\t".join(re.sub(r"[\t\n\r]", " ", str(cell)) for cell in cells)


def _csv(cells: Cells) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # so that both are put in quotes
    return line.getvalue().removesuffix("\r\n")


def _json(cells: Cells) -> str:
    return json.dumps(dict(zip(COLUMNS, cells, strict=True)), ensure_ascii=False)
