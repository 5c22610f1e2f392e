"""From lines to rows: the same for training and for pipes, whatever bytes there are."""

import csv
import io
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rnncli.cli.pipe import Reader
from rnncli.cli.records import Format, Lines, Record
from rnncli.cli.rows import format_of
from rnncli.data.delimited import CsvFile, TsvFile
from rnncli.errors import DataError
from rnncli.text.csv_dialect import CsvDialect
from rnncli.text.files import BYTE_ORDER_MARK, GZIP_MAGIC, File, split_lines
from rnncli.text.tables import (
    MAX_CELL_LINES,
    JsonNumber,
    LineSource,
    Row,
    csv_rows,
    format_of_name,
    guess_format,
    json_rows,
    read_head,
    tsv_rows,
)

TELLING = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b",", b";", b"\t", b'"', b'""', b',"', b'",', b"\xef\xbb\xbf", b"\xff",
     b"\0", b"text", b"id", b"\xc3", b"\xa9", b" ", b'{"text": 1}', b'{"text":"a"}']
)  # fmt: skip
CHUNKS = st.lists(st.one_of(TELLING, st.binary(min_size=1, max_size=4)), max_size=25)


Rows: TypeAlias = tuple[list[dict[str, object]], str]  # and the error after them


def lines_of(data: bytes) -> list[bytes]:
    return [line for lines in split_lines([data]) for line in lines]


def whole(row: Row) -> bytes:
    return row.raw + row.end


@given(CHUNKS)
@example([b'a,"b\r\n', b'c"\r\n', b"\r\n1,2"])
def test_the_bytes_of_rows_are_the_bytes_of_the_data(chunks: list[bytes]) -> None:
    lines = lines_of(b"".join(chunks))
    for rows in (csv_rows, tsv_rows):
        framed, number, problem = [], 1, None
        try:
            for row in rows(LineSource(lines, "data")):
                assert row.line == number
                number += row.raw.count(b"\n") + 1
                framed.append(whole(row))
        except DataError as error:
            problem = error
        if problem is None:
            assert b"\n".join(framed) == b"\n".join(lines)
        else:
            assert f"data, line {number:,}: " in problem.message
            assert problem.hint


CELLS = st.text(st.sampled_from('ab,;\t"\n\r\0 é🎈'), max_size=6)


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n))))
def test_rows_of_python_csv_are_read(table: list[list[str]]) -> None:
    written = []
    for cells in table:
        file = io.StringIO()
        csv.writer(file, lineterminator="", quoting=csv.QUOTE_ALL).writerow(cells)
        written.append(file.getvalue())
    lines = lines_of("\r\n".join(written).encode())
    # The first line may hold newlines, and so tell nothing of the delimiter.
    assert [row.cells for row in csv_rows(LineSource(lines, "data"), CsvDialect())] == table


def rows_of_pipe(
    data: bytes, chunks: list[bytes], form: str
) -> tuple[list[dict[str, object]], str]:
    """Return the rows that a pipe reads, up to an error, and the error."""
    rows: list[dict[str, object]] = []
    try:
        reader = Reader(iter(chunks))
        lines = reader.lines()
        first = next((line for line in lines_of(data) if line.strip()), b"")
        records = format_of("text", Path(f"data.{form}"), first).records(lines)
        for batch in reader.batches(records, 3):
            rows += [dict(record.columns) for record in batch if record.columns]
    except DataError as error:
        return rows, error.message
    return rows, ""


def rows_of_training(file: Path, form: str) -> Rows:
    rows: list[dict[str, object]] = []
    kinds = {"csv": CsvFile, "tsv": TsvFile}
    source = File(file, str(file))
    try:
        table = kinds[form](source, {"text"})
        for _, cells in table.rows(table.names):
            rows.append(dict(zip(table.names, cells, strict=True)))
    except DataError as error:
        return rows, error.message
    return rows, ""


@pytest.mark.parametrize("form", ["csv", "tsv"])
@given(chunks=CHUNKS)
@example(chunks=[b"\n", b"text,id\r\n", b'"a\r', b'\n",1\n', b"\xff,2"])
def test_training_and_pipes_agree_on_any_bytes(
    form: str, chunks: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    mark = b"," if form == "csv" else b"\t"
    chunks = [b"text" + mark, b"id\n", *chunks]
    data = b"".join(chunks)
    file = tmp_path_factory.mktemp("table") / f"data.{form}"
    file.write_bytes(data)
    trained, training_error = rows_of_training(file, form)
    piped, pipe_error = rows_of_pipe(data, chunks, form)
    assert piped == trained
    assert pipe_error == training_error.replace(str(file), f"data.{form}")


@given(CHUNKS, st.integers(1, 30))
def test_rows_do_not_depend_on_how_the_bytes_arrive(chunks: list[bytes], size: int) -> None:
    data = b"text,id\n" + b"".join(chunks)
    for form in ("csv", "tsv", "jsonl"):
        expected = rows_of_pipe(data, [data], form)
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert rows_of_pipe(data, pieces, form) == expected


@given(CHUNKS)
def test_each_line_becomes_a_record_and_an_answer(chunks: list[bytes]) -> None:
    assume(not b"".join(chunks).startswith(GZIP_MAGIC))
    lines = lines_of(b"".join(chunks))
    records = list(Lines().records(lines))
    assert len(records) == len(lines)


def answered(form: Format, records: list[Record]) -> list[bytes]:
    from rnncli.cli.output import Output

    joined = [form.join(record, Output("", {})) for record in records]
    header = form.header()
    return [line for line in (header, *joined) if isinstance(line, bytes)]


@given(CHUNKS)
@example([b"\n", b"\xef\xbb\xbf\n"])
def test_a_table_without_results_is_written_byte_for_byte(chunks: list[bytes]) -> None:
    lines = lines_of(b"".join(chunks))
    head = read_head(iter(lines))
    form = format_of("text", None, head[-1] if head else b"")
    try:
        records = list(form.records(lines))
    except DataError:
        return
    assert b"\n".join(answered(form, records)).replace(b", }", b"}") == b"\n".join(lines)


def test_an_open_cell_is_read_once() -> None:
    """Line by line, as from a pipe: quadratic work would decode lines again."""
    decoded: list[bytes] = []

    def decode(line: bytes) -> str:
        decoded.append(line)
        return line.decode()

    lines = [b"text", b'"open', *[b"more"] * (MAX_CELL_LINES - 2), b'end"']
    rows = list(csv_rows(LineSource(iter(lines), "data", decode), CsvDialect()))
    assert len(rows) == 2
    assert len(decoded) == len(lines)


def test_a_cell_has_a_bound_of_lines() -> None:
    lines = iter([b"text", b'"open', *[b"more"] * 2 * MAX_CELL_LINES])
    with pytest.raises(DataError, match="data, line 2: a quotation mark opens a cell"):
        list(csv_rows(LineSource(lines, "data")))
    assert list(lines)


def test_numbers_are_kept_as_they_are_spelled() -> None:
    (row,) = json_rows(LineSource([b'{"a": 1.0, "b": [-0, 1e400]}'], "data"))
    assert row.values == {"a": "1.0", "b": ["-0", "1e400"]}
    assert isinstance(row.values["a"], JsonNumber)


def test_the_byte_order_mark_is_no_part_of_a_cell_and_stays_in_the_row() -> None:
    data = [BYTE_ORDER_MARK + b"text", BYTE_ORDER_MARK + b"a"]
    for rows in (csv_rows, tsv_rows):
        first, second = rows(LineSource(data, "data"))
        assert (first.cells, first.raw) == (["text"], data[0])
        assert second.cells == ["\ufeffa"]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"),
        ("A.CSV.GZ", "csv"),
        ("a.tab", "tsv"),
        ("a.json", "jsonl"),
        ("a.b.ndjson.gz", "jsonl"),
        ("a.text", "text"),
        ("a.parquet", "parquet"),
        ("csv", None),
        ("a.gz", None),
        ("a.md", None),
    ],
)
def test_a_suffix_tells_the_format(name: str, form: str | None) -> None:
    assert format_of_name(name) == form


@pytest.mark.parametrize(
    ("line", "form"),
    [
        (' {"text": "a"}', "jsonl"),
        ("{}", "jsonl"),
        ("{id},text", "csv"),
        ("a\tb", "tsv"),
        ("a,b\tc", "csv"),
        ("a;b", "csv"),
        ("", "csv"),
    ],
)
def test_a_line_tells_the_format(line: str, form: str) -> None:
    assert guess_format(line) == form
