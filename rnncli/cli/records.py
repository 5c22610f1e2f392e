"""What a record of a stream is: a line, or a row of CSV, TSV or JSONL of which a column is read.

A row goes out as it came in, to the byte, with the results behind it: nothing is parsed and
written anew, so that quotes, numbers and columns that nobody asked for stay as they are.
"""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncli.errors import DataError

MAX_CELL_LINES = 10_000  # in one cell; beyond, a quotation mark was forgotten

csv.field_size_limit(2**31 - 1)  # a text may be long; the largest that every platform takes


@dataclass(frozen=True)
class Record:
    """A text to answer, and the record that it stands in."""

    text: str
    raw: str
    columns: dict[str, Any]  # none where a record is a line of text


@dataclass(frozen=True)
class Answer:
    """What a command says of a text."""

    line: str  # where records are lines of text
    fields: dict[str, Any]  # the results by their names


class Format(ABC):
    """Cut lines into records, and put answers beside them."""

    @abstractmethod
    def records(self, lines: Sequence[str]) -> list[Record]:
        """Return the records that these lines complete."""

    @abstractmethod
    def join(self, record: Record, answer: Answer) -> str:
        """Return what goes out for a record."""

    def header(self, names: Sequence[str]) -> str | None:  # noqa: ARG002 - most have none
        """Return the line that goes before the first record; ``names`` are those of the results."""
        return None

    def finish(self) -> None:  # noqa: B027 - most have nothing to complain of
        """Complain where the last record is not complete.

        Raises:
            DataError: it is not.

        """


class Lines(Format):
    """A text a line."""

    def records(self, lines: Sequence[str]) -> list[Record]:
        """Return a record for each line."""
        return [Record(line, line, {}) for line in lines]

    def join(self, record: Record, answer: Answer) -> str:  # noqa: ARG002
        """Return the answer, which has the text in it where that is wanted."""
        return answer.line


class JsonLines(Format):
    """An object a line; results become members of it."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._number = 0

    def records(self, lines: Sequence[str]) -> list[Record]:
        """Return a record for each line; a blank one is a blank text.

        Raises:
            DataError: a line is no object, or has no such member.

        """
        return [self._record(line) for line in lines]

    def _record(self, line: str) -> Record:
        self._number += 1
        if not line.strip():
            return Record("", "", {})
        try:
            columns = json.loads(line)
        except (ValueError, RecursionError):
            columns = None
        if not isinstance(columns, dict):
            raise DataError(
                f"line {self._number:,} is no JSON object",
                'write one object a line, such as {"text": "Well done."}',
            )
        if self._column not in columns:
            raise _no_column(self._column, columns, f" in line {self._number:,}")
        text = columns[self._column]
        return Record("" if text is None else str(text), line, columns)

    def join(self, record: Record, answer: Answer) -> str:
        """Return the object with more members."""
        if not record.raw:
            return ""
        body = record.raw.rstrip().removesuffix("}").rstrip()
        added = {free_name(name, record.columns): value for name, value in answer.fields.items()}
        comma = "" if body.endswith("{") else ", "
        return body + comma + json.dumps(added, ensure_ascii=False)[1:]


# csv.reader ends records at a lone \r and, in Python 3.10, fails on NUL: both are masked while it
# reads. A mark follows the last line: it is a record of its own, unless a cell is still open.
# Decoded text holds no lone surrogates, so these are free to stand for something else.
_RETURN, _NUL, _END = "\udc0d", "\udc00", "\udcff"


class Delimited(Format):
    """Rows of cells under a header: CSV, where quoted cells may hold newlines, or TSV."""

    def __init__(self, column: str, delimiter: str) -> None:
        self._column = column
        self._delimiter = delimiter
        self._quoted = delimiter != "\t"
        self._names: list[str] = []
        self._header = ""
        self._open: list[str] = []  # lines of a record that has not ended
        self._line = 1  # the number of its first

    def records(self, lines: Sequence[str]) -> list[Record]:
        """Return the rows that these lines complete; a blank line is a blank text.

        Raises:
            DataError: a row has more or fewer cells than the header, or there is no such column.

        """
        found = []
        for raw, cells in self._rows([*self._open, *lines]):
            if self._names:
                found.append(self._record(raw, cells))
            else:
                self._read_header(raw, cells)
            self._line += raw.count("\n") + 1
        if len(self._open) > MAX_CELL_LINES:
            self.finish()
        return found

    def finish(self) -> None:
        """Complain where a quoted cell is still open.

        Raises:
            DataError: it is.

        """
        if self._open:
            raise DataError(
                f"line {self._line:,}: a quotation mark opens a cell, and none closes it",
                'close it, or write "" for a quotation mark inside a quoted text',
            )

    def header(self, names: Sequence[str]) -> str | None:
        """Return the header with the names of the results behind it."""
        return self._extended(self._header, [free_name(name, self._names) for name in names])

    def join(self, record: Record, answer: Answer) -> str:
        """Return the row with more cells, one for each result that is a single value."""
        if not record.raw:
            return ""
        return self._extended(record.raw, [str(x) for x in answer.fields.values() if _is_one(x)])

    def _rows(self, lines: list[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield each complete row, as it came and as its cells; keep what is not complete."""
        self._open = []
        if not self._quoted:
            yield from ((line, line.split(self._delimiter) if line else []) for line in lines)
            return
        taken: list[str] = []

        def fed() -> Iterator[str]:
            for line in lines:
                taken.append(line)
                yield line.replace("\r", _RETURN).replace("\0", _NUL) + "\n"
            yield _END

        for cells in csv.reader(fed(), delimiter=self._delimiter):
            if cells == [_END]:
                return
            if cells and cells[-1].endswith(_END):
                self._open = taken
                return
            yield "\n".join(taken), [c.replace(_RETURN, "\r").replace(_NUL, "\0") for c in cells]
            taken.clear()

    def _read_header(self, raw: str, cells: list[str]) -> None:
        self._names, self._header = [cell.strip() for cell in cells], raw
        if self._column not in self._names:
            raise _no_column(self._column, self._names, " in the first line")

    def _record(self, raw: str, cells: list[str]) -> Record:
        if not cells:
            return Record("", "", {})
        if len(cells) != len(self._names):
            raise DataError(
                f"line {self._line:,} has {len(cells)} cells, the first line {len(self._names)}",
                "put a text that holds the delimiter in double quotes"
                if self._quoted
                else "put one tab between two cells and none inside a cell",
            )
        columns = dict(zip(self._names, cells, strict=True))
        return Record(columns[self._column], raw, columns)

    def _extended(self, raw: str, cells: Sequence[str]) -> str:
        if not self._quoted:
            flat = (cell.replace("\t", " ").replace("\n", " ") for cell in cells)
            return "\t".join([raw, *flat])
        added = io.StringIO()
        csv.writer(added, delimiter=self._delimiter, lineterminator="").writerow(cells)
        return raw + self._delimiter + added.getvalue()


def format_of(column: str | None, file: Path | None, first: str) -> Format:
    """Return the format of records, by the name of their file, else by their first line."""
    if column is None:
        return Lines()
    name = file.name.lower().removesuffix(".gz") if file is not None else ""
    suffix = Path(name).suffix
    if suffix in (".jsonl", ".ndjson") or first.lstrip().startswith("{"):
        return JsonLines(column)
    if suffix == ".tsv" or (suffix != ".csv" and "\t" in first and "," not in first):
        return Delimited(column, "\t")
    return Delimited(column, next((mark for mark in ",;\t" if mark in first), ","))


def _is_one(value: object) -> bool:
    return not isinstance(value, dict | list)


def free_name(name: str, taken: Mapping[str, Any] | Sequence[str]) -> str:
    """Return a name for a result that no column has."""
    while name in taken:
        name = f"predicted_{name}"
    return name


def _no_column(column: str, names: Mapping[str, Any] | Sequence[str], where: str) -> DataError:
    return DataError(
        f"there is no column {column!r}{where}", f"--column {' or '.join(names) or 'NAME'}"
    )
