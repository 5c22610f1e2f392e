"""What a record of a stream is: a line, or a row of CSV, TSV or JSONL of which a column is read.

A row goes out as it came in, to the byte, with the results behind it: nothing is parsed and
written anew, so that quotes, numbers and columns that nobody asked for stay as they are.
"""

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncli.cli.output import Line, Output
from rnncli.errors import DataError
from rnncli.text.unicode import as_field

MAX_CELL_LINES = 10_000  # in one cell; beyond, a quotation mark was forgotten

csv.field_size_limit(2**31 - 1)  # a text may be long; the largest that every platform takes


@dataclass(frozen=True)
class Record:
    """A text to answer, and the record that it stands in."""

    text: str
    raw: str
    columns: dict[str, Any]  # none where a record is a line of text


class Format(ABC):
    """Cut lines into records, and put answers beside them."""

    @abstractmethod
    def records(self, lines: Sequence[str]) -> Iterator[Record]:
        """Yield the records that these lines complete."""

    @abstractmethod
    def join(self, record: Record, answer: Output) -> Line:
        """Return what goes out for a record."""

    def as_json(self, record: Record, answer: Output, key: str) -> str:
        """Return a record as an object; ``key`` is what its text is called."""
        columns = record.columns or {key: record.text}
        fields = {free_name(name, columns): value for name, value in answer.fields.items()}
        return json.dumps({**columns, **fields}, ensure_ascii=False)

    def header(self) -> str | None:
        """Return the line that goes before the first record, if there is one."""
        return None

    def finish(self) -> None:  # noqa: B027 - most have nothing to complain of
        """Complain where the last record is not complete.

        Raises:
            DataError: it is not.

        """


class Lines(Format):
    """A text a line."""

    def records(self, lines: Sequence[str]) -> Iterator[Record]:
        """Yield a record for each line."""
        for line in lines:
            text = line.removesuffix("\r")
            yield Record(text, text, {})

    def join(self, record: Record, answer: Output) -> Line:  # noqa: ARG002
        """Return the answer, which has the text in it where that is wanted."""
        return answer.line


class JsonLines(Format):
    """An object a line; results become members of it."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._number = 0

    def records(self, lines: Sequence[str]) -> Iterator[Record]:
        """Yield a record for each line; a blank one is a blank text.

        Raises:
            DataError: a line is no object, or has no such member.

        """
        return map(self._record, lines)

    def _record(self, line: str) -> Record:
        self._number += 1
        if not line.strip():
            return Record("", "", {})
        try:
            columns = json.loads(line, parse_int=str, parse_float=str)  # as they are spelled
        except (ValueError, RecursionError):
            columns = None
        if not isinstance(columns, dict):
            raise DataError(
                f"line {self._number:,} is no JSON object",
                'write one object a line, such as {"text": "Well done."}',
            )
        if self._column not in columns:
            raise _no_column(self._column, columns, f" in line {self._number:,}")
        text = columns[self._column] or ""
        if not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False)
        return Record(text, line, columns)

    def join(self, record: Record, answer: Output) -> str:
        """Return the object with more members."""
        if not record.raw:
            return ""
        body = record.raw.rstrip().removesuffix("}").rstrip()
        added = {free_name(name, record.columns): value for name, value in answer.fields.items()}
        return body + ", " + json.dumps(added, ensure_ascii=False)[1:]

    def as_json(self, record: Record, answer: Output, key: str) -> str:  # noqa: ARG002
        """Return the object with more members."""
        return self.join(record, answer)


# csv.reader ends records at a lone \r and, in Python 3.10, fails on NUL: both are masked while it
# reads. A mark follows the last line: it is a record of its own, unless a cell is still open.
# Decoded text holds no lone surrogates, so these are free to stand for something else.
_RETURN, _NUL, _END = "\udc0d", "\udc00", "\udcff"


class Delimited(Format):
    """Rows of cells under a header: CSV, where quoted cells may hold newlines, or TSV."""

    def __init__(self, column: str, delimiter: str, quoted: bool, results: Sequence[str]) -> None:
        """Read a column; ``results`` are the names of those that are added.

        In cells that may be ``quoted``, quotation marks are no text.
        """
        self._column = column
        self._delimiter = delimiter
        self._quoted = quoted
        self._results = results
        self._names: list[str] = []
        self._header = ""
        self._open: list[str] = []  # lines of a record that has not ended
        self._line = 1  # the number of its first

    def records(self, lines: Sequence[str]) -> Iterator[Record]:
        """Yield the rows that these lines complete; a blank line is a blank text.

        Raises:
            DataError: a row has more or fewer cells than the header, or there is no such column.

        """
        for raw, cells in self._rows([*self._open, *lines]):
            if self._names:
                yield self._record(raw, cells)
            else:
                self._read_header(raw, cells)
            self._line += raw.count("\n") + 1
        if len(self._open) > MAX_CELL_LINES:
            self.finish()

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

    def header(self) -> str | None:
        """Return the header with the names of the results behind it."""
        return self._extended(
            self._header, [free_name(name, self._names) for name in self._results]
        )

    def join(self, record: Record, answer: Output) -> str:
        """Return the row with more cells, one for each result."""
        if not record.raw:
            return ""
        values = [answer.cells.get(name, answer.fields[name]) for name in self._results]
        return self._extended(record.raw, ["" if x is None else str(x) for x in values])

    def _rows(self, lines: list[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield each complete row, as it came and as its cells; keep what is not complete."""
        self._open = []
        if not self._quoted:
            for line in lines:
                row = line.removesuffix("\r")
                yield row, row.split(self._delimiter) if row else []
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
            raw, cells = "\n".join(taken), [_unmasked(cell) for cell in cells]
            taken.clear()
            if raw.endswith("\r"):  # of the line's end, while in a cell it is text
                raw, cells[-1] = raw[:-1], cells[-1][:-1]
            yield raw, cells if raw else []

    def _read_header(self, raw: str, cells: list[str]) -> None:
        self._names, self._header = [cell.strip() for cell in cells], raw
        if self._column not in self._names:
            raise _no_column(self._column, self._names, " in the first line")
        if self._names.count(self._column) > 1:
            raise DataError(
                f"several columns are called {self._column!r}", "give each a name of its own"
            )

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
            return "\t".join([raw, *map(as_field, cells)])
        return self._delimiter.join([raw, *map(self._quote, cells)])

    def _quote(self, cell: str) -> str:
        # csv.writer leaves a \r bare where lines end otherwise, and csv.reader ends a row there.
        if any(mark in cell for mark in (self._delimiter, '"', "\n", "\r")):
            return '"' + cell.replace('"', '""') + '"'
        return cell


def format_of(
    column: str | None, file: Path | None, first: str, results: Sequence[str] = ()
) -> Format:
    """Return the format of records, by the name of their file, else by their first line.

    ``results`` are the names of the columns that are added.
    """
    if column is None:
        return Lines()
    name = file.name.lower().removesuffix(".gz") if file is not None else ""
    suffix = Path(name).suffix
    if suffix in (".jsonl", ".ndjson"):
        return JsonLines(column)
    if suffix not in (".csv", ".tsv"):
        if first.lstrip().startswith("{"):
            return JsonLines(column)
        suffix = ".tsv" if "\t" in first and "," not in first else ".csv"
    if suffix == ".tsv":
        return Delimited(column, "\t", quoted=False, results=results)
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    return Delimited(column, delimiter, quoted=True, results=results)


def _unmasked(cell: str) -> str:
    return cell.replace(_RETURN, "\r").replace(_NUL, "\0")


def free_name(name: str, taken: Mapping[str, Any] | Sequence[str]) -> str:
    """Return a name for a result that no column has."""
    while name in taken:
        name = f"predicted_{name}"
    return name


def _no_column(column: str, names: Mapping[str, Any] | Sequence[str], where: str) -> DataError:
    return DataError(
        f"there is no column {column!r}{where}", f"--column {' or '.join(names) or 'NAME'}"
    )
