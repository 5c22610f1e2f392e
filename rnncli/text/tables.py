r"""From lines to rows: CSV, TSV and JSON lines, framed as the lines arrive.

Training and pipes read tables through this file, so that they agree on rows. A row keeps its bytes,
to be written as it was read. Cells of CSV may hold newlines, up to a bound: so a missing quotation
mark is noticed before memory is full.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import PurePath
from typing import Literal, NamedTuple, TypeAlias

from rnncli.errors import DataError
from rnncli.messages import plural
from rnncli.text.conversion import filter_hint
from rnncli.text.csv_dialect import CsvDialect, sep_line_delimiter, sniff_delimiter
from rnncli.text.files import BYTE_ORDER_MARK, Decode, decode

csv.field_size_limit(2**31 - 1)  # a text may be long; the largest that every platform takes

MAX_CELL_LINES = 10_000  # beyond, a quotation mark is missing
MAX_CELL_BYTES = 1 << 25
MAX_DEPTH = 8  # of objects in objects whose members are columns
ALWAYS_READ = 200  # lines: a header may stand below blank ones

Format: TypeAlias = Literal["text", "csv", "tsv", "jsonl", "parquet"]

_OBJECT = re.compile(r'\s*\{\s*["}]')
_SUFFIXES: dict[str, Format] = {
    ".txt": "text",
    ".text": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}


def format_of_name(name: str) -> Format | None:
    """Return the format of a file by the suffix of its name: ``csv`` for ``data.csv.gz``."""
    return _SUFFIXES.get(PurePath(name.lower().removesuffix(".gz")).suffix)


def guess_format(line: str) -> Format:
    """Guess the format of a table by its first line that is not blank."""
    if _OBJECT.match(line):
        return "jsonl"
    return "tsv" if "\t" in line and "," not in line else "csv"


class Row(NamedTuple):
    """A row of cells."""

    line: int  # the number of its first line
    cells: list[str]  # none where the line is blank
    raw: bytes  # with a byte order mark, without the end of its last line
    end: bytes  # of its last line before the newline: a carriage return, or nothing


class JsonRow(NamedTuple):
    """An object on a line of its own."""

    line: int
    values: dict[str, object]  # none where the line is blank
    raw: bytes
    is_blank: bool = False


class JsonNumber(str):
    """A JSON number as it is spelled: the label 1.0 is not the label 1."""

    __slots__ = ()


def _no_gap() -> int:
    return 0


def _skip_none(number: int) -> int:
    del number
    return 0


class LineSource(NamedTuple):
    """Lines of a table, their name in messages, their decoder, and how many are skipped."""

    lines: Iterable[bytes]  # without the newline at their end
    name: str
    decode: Decode = decode
    gap: Callable[[], int] = _no_gap  # how many rows to leave out before the next
    skip: Callable[[int], int] = _skip_none  # skips some of so many whole records, and counts them

    def gap_after(self, number: int) -> int:
        """Return how many rows to leave out behind the one on the line of this number."""
        return self.gap() if number >= ALWAYS_READ else 0

    def drawn(self) -> Iterator[tuple[int, bytes]]:
        """Yield the numbers of lines, and the lines, without those that are left out."""
        lines = enumerate(self.lines, start=1)
        yield from islice(lines, ALWAYS_READ)
        while line := next(islice(lines, self.gap(), None), None):
            yield line

    def error(self, line: int, message: str, hint: str) -> DataError:
        """Return an error that names a line."""
        return DataError(f"{self.name}, line {line:,}: {message}", hint)


def tsv_rows(source: LineSource) -> Iterator[Row]:
    """Yield the cells between the tabs of each line; quotation marks are text.

    Raises:
        DataError: a row has more or fewer cells than the first one.
    """
    return _require_width(source, _tsv_rows(source), "put one tab between two cells, none inside")


def csv_rows(source: LineSource, dialect: CsvDialect | None = None) -> Iterator[Row]:
    """Yield the cells of each record; without a ``dialect``, the first line tells the delimiter.

    The line ``sep=;`` above a header is a row without cells.

    Raises:
        DataError: a row has more or fewer cells than the first one, or a quoted cell has no end.
    """
    lines = iter(source.lines)
    head = read_head(lines)
    first = decode(head[-1]) if head else ""
    mark = sep_line_delimiter(first)
    if dialect is None:
        dialect = CsvDialect(mark or sniff_delimiter(first))
    above: list[Row] = []
    if mark:  # that line is no row, and what goes out begins with it
        above = [Row(i, [], *_split_end(line)) for i, line in enumerate(head, start=1)]
        head = []
    rows = chain(above, _csv_rows(source, chain(head, lines), dialect, len(above) + 1))
    return _require_width(source, rows, "put a text that holds the delimiter in double quotes")


def json_rows(source: LineSource) -> Iterator[JsonRow]:
    """Yield the object on each line, its numbers as they are spelled.

    Raises:
        DataError: a line is no JSON object.
    """
    for number, raw in source.drawn():
        line = source.decode(raw if number > 1 else raw.removeprefix(BYTE_ORDER_MARK))
        if line and not line.isspace():
            yield JsonRow(number, _parse_object(source, number, line), raw)
        else:
            yield JsonRow(number, {}, raw, is_blank=True)


def flattened(values: Mapping[str, object], depth: int = MAX_DEPTH) -> dict[str, object]:
    """Return an object without objects in it: ``{"a": {"b": 1}}`` as ``{"a.b": 1}``."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict) and depth:
            inner = flattened(value, depth - 1)
            flat |= {
                f"{name}.{each}": inner[each] for each in inner if f"{name}.{each}" not in values
            }
        else:
            flat[name] = value
    return flat


def csv_line(values: Iterable[object]) -> str:
    """Return a row of CSV, without the end of its line."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(values)  # so that both signs are quoted
    return line.getvalue().removesuffix("\r\n")


def _parse_object(source: LineSource, number: int, line: str) -> dict[str, object]:
    hint = 'write one object a line, such as {"text": "Well done.", "label": "good"}'
    if number == 1 and line.lstrip().startswith("["):
        hint = filter_hint("make it one object a line", "jq -c '.[]'", source.name, "lines.jsonl")
    try:
        values = json.loads(line, parse_int=JsonNumber, parse_float=JsonNumber)
    except (ValueError, RecursionError) as error:
        raise source.error(number, f"invalid JSON: {error}", hint) from error
    if not isinstance(values, dict):
        raise source.error(number, "not a JSON object", hint)
    return values


def _require_width(source: LineSource, rows: Iterator[Row], hint: str) -> Iterator[Row]:
    width = 0
    for row in rows:
        if row.cells and len(row.cells) != width:
            if width:
                message = f"{plural(len(row.cells), 'cell')}, but the first line has {width:,}"
                raise source.error(row.line, message, hint)
            width = len(row.cells)
        yield row


def _tsv_rows(source: LineSource) -> Iterator[Row]:
    for number, line in source.drawn():
        raw, end = _split_end(line)
        text = source.decode(raw if number > 1 else raw.removeprefix(BYTE_ORDER_MARK))
        yield Row(number, text.split("\t") if text else [], raw, end)


# csv.reader ends records at a lone \r, fails on NUL in Python 3.10, and takes data that ends inside
# a quoted cell for whole. So the first two are masked while it reads, and a mark follows the last
# line: it makes a record of its own, unless a cell is still open. Decoded text holds no lone
# surrogates, so they are free to stand for something else.
_RETURN, _NUL, _END = "\udc0d", "\udc00", "\udcff"


def _csv_rows(
    source: LineSource, lines: Iterator[bytes], dialect: CsvDialect, start: int
) -> Iterator[Row]:
    """Yield the cells of each record; ``start`` is the number of the first line."""
    record: list[bytes] = []  # lines of the one that is being read
    is_masked = is_quoted = False
    gap = 0  # rows to leave out before the next

    def text_lines() -> Iterator[str]:
        nonlocal is_masked, is_quoted, start, gap
        for line in lines:
            if not record:
                size, is_quoted = 0, b'"' in line
                if gap and not is_quoted:  # it is a whole record
                    skipped = 1 + source.skip(gap - 1)
                    gap -= skipped
                    start += skipped
                    continue
            record.append(line)
            size += len(line)
            if len(record) > MAX_CELL_LINES or size > MAX_CELL_BYTES:
                raise _unclosed(source, start)
            text = dialect.unescape(source.decode(line))
            if start == len(record) == 1:
                text = text.removeprefix("\ufeff")
            if "\0" in text or text.find("\r", 0, -1) >= 0:
                is_masked = True
                text = _mask(text)
            yield text + "\n"
        yield _END

    reader = csv.reader(
        text_lines(), delimiter=dialect.delimiter, skipinitialspace=dialect.skips_spaces
    )
    for cells in reader:
        if cells == [_END]:
            return
        if cells and cells[-1].endswith(_END):
            raise _unclosed(source, start)
        if is_masked:
            cells = [cell.replace(_RETURN, "\r").replace(_NUL, "\0") for cell in cells]
            is_masked = False
        if gap:
            gap -= 1
        else:
            yield Row(start, cells, *_split_end(b"\n".join(record)))
            gap = source.gap_after(start)
        start += len(record)
        record.clear()


def _unclosed(source: LineSource, line: int) -> DataError:
    return source.error(
        line,
        "a quotation mark opens a cell, and none closes it",
        'close it, or write "" for a quotation mark inside a quoted text',
    )


def _split_end(line: bytes) -> tuple[bytes, bytes]:
    return (line[:-1], b"\r") if line.endswith(b"\r") else (line, b"")


def _mask(text: str) -> str:
    body = text.removesuffix("\r")
    return body.replace("\r", _RETURN).replace("\0", _NUL) + text[len(body) :]


def read_head(lines: Iterator[bytes]) -> list[bytes]:
    """Take the lines up to the first that is not blank, which tells the format of a table."""
    head: list[bytes] = []
    for line in lines:
        head.append(line)
        if line.removeprefix(BYTE_ORDER_MARK).strip():
            break
    return head
