"""Records that are rows of CSV, TSV or JSONL, of which a column is read.

A row is written as it was read, to the byte, with the results after it: quotes, numbers and the
other columns stay as they are.
"""

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path

from rnncli.cli.hints import typed_words
from rnncli.cli.output import Line, Output
from rnncli.cli.records import Format, Record, free_name
from rnncli.config import TASK_COLUMNS
from rnncli.data.json_lines import NAMED_OBJECTS
from rnncli.errors import DataError
from rnncli.messages import name_list, nearest
from rnncli.text.csv_dialect import CsvDialect, sep_line_delimiter, sniff_delimiter
from rnncli.text.files import BYTE_ORDER_MARK, STDIN, File, decode, read_file, split_lines
from rnncli.text.pipes import name_in_messages
from rnncli.text.tables import (
    JsonRow,
    LineSource,
    Row,
    csv_rows,
    flattened,
    format_of_name,
    guess_format,
    json_rows,
    tsv_rows,
)
from rnncli.text.unicode import as_field, replace_surrogates


class JsonLines(Format):
    """An object a line; results become members of it."""

    def __init__(self, column: str, input_name: str = STDIN) -> None:
        self._column = column
        self._input_name = input_name

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Yield a record for each line; a blank one is a blank text, and so is a missing member.

        Objects before the first with such a member wait for it.

        Raises:
            DataError: a line is no object, or none of the first objects has such a member.
        """
        rows = json_rows(LineSource(lines, self._input_name, self._decode))
        sparse: list[JsonRow] = []  # rows, the first of which is an object without the member
        for row in rows:
            if row.is_blank and not sparse:
                yield self._record(row)
                continue
            sparse.append(row)
            if self._column in flattened(row.values):
                yield from map(self._record, chain(sparse, rows))
                return
            if len(sparse) == NAMED_OBJECTS:
                break
        if sparse:
            names = dict.fromkeys(name for row in sparse for name in flattened(row.values))
            where = f"{self._input_name}, line {sparse[0].line:,}"
            raise _no_column(self._column, names, where)

    def _record(self, row: JsonRow) -> Record:
        text = flattened(row.values).get(self._column) or ""
        if not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False)
        return Record(replace_surrogates(text), row.values, row.raw)

    def join(self, record: Record, output: Output) -> Line:
        """Return the object with more members."""
        if not record.columns:
            return record.raw
        body = record.raw.rstrip()
        added = {free_name(name, record.columns): value for name, value in output.fields.items()}
        members = json.dumps(added, ensure_ascii=False)[1:].encode("utf-8", "replace")
        return body.removesuffix(b"}").rstrip() + b", " + members + record.raw[len(body) :]

    def as_json(self, record: Record, output: Output, key: str) -> Line:  # noqa: ARG002
        """Return the object with more members."""
        return self.join(record, output)


class Delimited(Format):
    """Rows of cells under a header: CSV, where quoted cells may hold newlines, or TSV."""

    def __init__(
        self, column: str, delimiter: str, results: Sequence[str], input_name: str, *, quotes: bool
    ) -> None:
        """Read a column; ``results`` are the names of added columns.

        With ``quotes``, quotation marks enclose cells; else they are text.
        """
        self._column = column
        self._delimiter = delimiter
        self._quotes = quotes
        self._results = results
        self._input_name = input_name
        self._names: list[str] = []
        self._keys: list[str] = []  # the names, such that no two are alike
        self._header: list[bytes] = []  # its lines, without the end of the last one
        self._end = b""

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Yield the rows under the header; a blank line is a blank text.

        Raises:
            DataError: a row has more or fewer cells than the header, there is no such column, or a
                quoted cell has no end.
        """
        source = LineSource(lines, self._input_name, self._decode)
        dialect = CsvDialect(self._delimiter)
        rows = csv_rows(source, dialect) if self._quotes else tsv_rows(source)
        for row in rows:
            if not self._names and self._has_no_header(row):
                self._names = self._keys = [str(i) for i in range(1, len(row.cells) + 1)]
            if self._names:
                columns = dict(zip(self._keys, row.cells, strict=False))  # none in a blank line
                yield Record(columns.get(self._column, ""), columns, row.raw, row.end)
            else:
                self._read_header(row)

    def _has_no_header(self, row: Row) -> bool:
        """Return whether the column is a number, as of tables without a header, and no name."""
        numbers = [str(number) for number in range(1, len(row.cells) + 1)]
        if self._column not in numbers or self._column in map(str.strip, row.cells):
            return False
        self.notices.append(
            f"no header: no column is called {self._column}, so that it is the number of one, and "
            "the first line is data too"
        )
        return True

    def _read_header(self, row: Row) -> None:
        """Read a line before the rows: the names of the columns, or a blank line above them."""
        self._header.append(row.raw)
        self._end = row.end
        if not row.cells:
            self._header[-1] += row.end
            return
        self._names = [cell.strip() for cell in row.cells]
        if self._column not in self._names:
            raise _no_column(self._column, self._names, f"{self._input_name}, line {row.line:,}")
        if self._names.count(self._column) > 1:
            raise DataError(
                f"{self._input_name}, line {row.line:,}: several columns are called "
                f"{self._column!r}: {name_list(self._names)}",
                "give each a name of its own in the header",
            )
        self._keys = _distinct(self._names)

    def header(self) -> Line | None:
        """Return the header, if there is one, with the names of the results added."""
        header = b"\n".join(self._header)
        if not self._names or self.notices:  # nothing but blank lines, if anything
            return header if self._header else None
        names = [free_name(name, self._names) for name in self._results]
        return self._extended(header, names, self._end)

    def join(self, record: Record, output: Output) -> Line:
        """Return the row with more cells, one for each result."""
        if not record.columns:
            return record.raw + record.end
        values = [output.cells.get(name, output.fields[name]) for name in self._results]
        cells = ["" if value is None else str(value) for value in values]
        return self._extended(record.raw, cells, record.end)

    def _extended(self, raw: bytes, cells: Sequence[str], end: bytes) -> bytes:
        added = map(self._quote if self._quotes else as_field, cells)
        text = "".join(f"{self._delimiter}{cell}" for cell in added)
        return raw + text.encode("utf-8", "replace") + end

    def _quote(self, cell: str) -> str:
        # csv.writer leaves a \r bare where lines end otherwise, and csv.reader ends a row there.
        if any(mark in cell for mark in (self._delimiter, '"', "\n", "\r")):
            return '"' + cell.replace('"', '""') + '"'
        return cell


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names of which the second ``x`` is called ``x_2``: an object has each name once."""
    distinct: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(2))
        is_free = name not in distinct
        distinct.append(
            name if is_free else next(n for n in numbered if n not in (*names, *distinct))
        )
    return distinct


def format_of(column: str, file: Path | None, first: bytes, results: Sequence[str] = ()) -> Format:
    """Return the format of rows, by the name of their file, else by their first filled line.

    ``results`` are the names of added columns.
    """
    input_name = name_in_messages(file)
    line = decode(first.removeprefix(BYTE_ORDER_MARK))
    form = format_of_name(file.name) if file is not None else None
    if form not in ("csv", "tsv", "jsonl"):
        form = guess_format(line)
    if form == "jsonl":
        return JsonLines(column, input_name)
    if form == "tsv":
        return Delimited(column, "\t", results, input_name, quotes=False)
    delimiter = sep_line_delimiter(line) or sniff_delimiter(line, column)
    return Delimited(column, delimiter, results, input_name, quotes=True)


def refuse_table(file: Path, *, is_one_of_many: bool = False) -> None:
    """Refuse a file whose name says that its lines are rows, of which no column is named.

    Raises:
        DataError: it does; the hint names the column that probably holds the texts.

    """
    form = format_of_name(file.name)
    if form not in ("csv", "tsv", "jsonl") or not file.is_file():
        return
    names, cells = _first_rows(file, form)
    if not names or (form == "tsv" and len(names) == 1):  # then lines are texts
        return
    from rnncli.data.column_names import find_columns

    match = find_columns(names, TASK_COLUMNS)
    lengths = dict(zip(names, map(len, cells), strict=False))
    _, columns = match or ("", {"text": max(names, key=lambda name: lengths.get(name, 0))})
    command = ["rnncli", *typed_words()]
    with_column = shlex.join([*command, "--column", columns.get("text") or columns["source"]])
    as_lines = f"\n   or, for its lines as they are: {_from_stdin(command, file)}"
    raise DataError(
        f"{file} is a table, and no column is named; its columns are: {name_list(names)}",
        with_column + ("" if is_one_of_many else as_lines),
    )


def _first_rows(file: Path, form: str) -> tuple[list[str], list[str]]:
    """Return the names of the columns of a table, and the texts in its first row."""
    lines = chain.from_iterable(split_lines(read_file(File(file, str(file)))))
    source = LineSource(lines, str(file))
    if form == "jsonl":
        objects = (flattened(row.values) for row in json_rows(source) if not row.is_blank)
        values = next(objects, {})
        return list(values), [v if isinstance(v, str) else "" for v in values.values()]
    rows = (row.cells for row in (tsv_rows(source) if form == "tsv" else csv_rows(source)))
    names, cells = (next(filter(None, rows), []) for _ in range(2))
    return [name.strip() for name in names], cells


def _from_stdin(command: Sequence[str], file: Path) -> str:
    """Return a command with a file as its stdin, in place of ``-i FILE``."""
    words: list[str] = []
    rest = iter(command)
    for word in rest:
        if word in ("-i", "--input"):
            next(rest)
        elif not word.startswith("--input="):
            words.append(word)
    return f"{shlex.join(words)} < {shlex.quote(str(file))}"


def _no_column(column: str, columns: Iterable[str], input_name: str) -> DataError:
    names = list(columns)
    likely = nearest(column, names)
    hint = f"--column {shlex.quote(likely)}" if likely else "name the columns in the first line"
    return DataError(
        f"{input_name}: there is no column {column!r}; its columns are: {name_list(names)}", hint
    )
