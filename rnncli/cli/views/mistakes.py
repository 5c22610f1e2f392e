"""The examples that a model gets wrong, written as a table."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from rnncli.cli.console import Messenger
from rnncli.cli.output import open_output
from rnncli.tasks.evaluation import Cell, Mistakes
from rnncli.text.unicode import as_field

STDOUT = Path("-")

Row: TypeAlias = Mapping[str, Cell]


def write_mistakes(path: Path, mistakes: Mistakes, messenger: Messenger) -> None:
    """Write mistakes, one a row, as CSV, JSON lines or TSV by the suffix of the file."""
    format_row = _formatter(path)
    output = None if path == STDOUT else path
    with open_output(output, messenger) as write:
        if format_row is not _json:
            write(format_row({name: name for name in mistakes.columns}))
        for row in mistakes:
            write(format_row(row))
        write(None)
    if output is not None:
        messenger.announce(f"the {len(mistakes):,} mistakes are in {path}")


def _formatter(path: Path) -> Callable[[Row], str]:
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    return {".csv": _csv, ".jsonl": _json, ".ndjson": _json}.get(suffix, _tsv)


def _tsv(row: Row) -> str:
    return "\t".join(as_field(str(cell)) for cell in row.values())


def _csv(row: Row) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(row.values())  # so that both are quoted
    return line.getvalue().removesuffix("\r\n")


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False)
