"""Records that are rows of a table: written as they were read, with the results added."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from models import classifier, generator, translator, write_lines
from shell import TIMEOUT, call, explained, start

from rnncli.cli.output import Output
from rnncli.cli.records import Format, Record
from rnncli.cli.rows import Delimited, JsonLines, format_of
from rnncli.errors import DataError

TELLING = st.sampled_from("\",;'\n\r\0 \x85\u2028{}é日🎈")
FLAT = "\t\n\r"  # no cell of TSV holds these, the last of them at the end of a line
NAMES = st.lists(st.sampled_from(["id", "día", "label", "a b", "q?"]), max_size=3, unique=True)
LABEL = Output("", {"label": "good", "probability": 0.5, "probabilities": {"good": 0.5}})


def anything(without: str = "") -> st.SearchStrategy[str]:
    """Return cells, in which the characters that formats use are frequent."""
    characters = st.one_of(TELLING, st.characters(exclude_categories=["Cs"]))
    return st.text(characters.filter(lambda c: c not in without), max_size=8)


@st.composite
def tables(draw: st.DrawFn, cells: st.SearchStrategy[str]) -> list[list[str]]:
    """Draw a table with a column of texts, and its header."""
    names = draw(NAMES)
    names.insert(draw(st.integers(0, len(names))), "text")
    row = st.lists(cells, min_size=len(names), max_size=len(names))
    return [names, *draw(st.lists(row, max_size=6))]


RESULTS = ("label", "probability")


def read(form: Format, lines: Sequence[str]) -> list[Record]:
    return list(form.records(line.encode() for line in lines))


def join(form: Format, record: Record, output: Output) -> str:
    """Return the answer to a row, without the end of its line."""
    line = form.join(record, output)
    assert isinstance(line, bytes)
    return line.decode()


def header_of(form: Format) -> str:
    header = form.header()
    assert isinstance(header, bytes)
    return header.decode()


def csv_line(cells: Sequence[str], delimiter: str) -> str:
    """Write a row with Python's csv, in quotes where a cell holds any line end."""
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return file.getvalue().removesuffix("\r\n")


def csv_cells(line: str, delimiter: str) -> list[str]:
    """Read one row with Python's csv; NUL is masked, which Python 3.10 cannot read."""
    masked = io.StringIO(line.replace("\0", "\ud800"), newline="")
    (row,) = csv.reader(masked, delimiter=delimiter)
    return [cell.replace("\ud800", "\0") for cell in row]


def free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else free("predicted_" + name, taken)


# CSV


@given(tables(anything()), st.sampled_from(",;"))
@example([["text", "id"], ['a "b",\n\r\0;c', ""], ["", '"']], ",")
@example([["id", "text"], ["\n\n", "\r"], ["\r\n", '"\n"']], ";")
def test_rows_of_csv_are_written_as_they_were_read(table: list[list[str]], delimiter: str) -> None:
    names, *rows = table
    delimiter = delimiter if len(names) > 1 else ","  # one column alone does not tell
    written = [csv_line(cells, delimiter) for cells in table]
    form = format_of("text", Path("rows.csv"), written[0].encode(), RESULTS)
    records = read(form, "\n".join(written).split("\n"))
    assert [record.columns for record in records] == [
        dict(zip(names, r, strict=True)) for r in rows
    ]
    assert [record.text for record in records] == [row[names.index("text")] for row in rows]
    assert [record.raw.decode() for record in records] == written[1:]
    for row, raw, record in zip(rows, written[1:], records, strict=True):
        joined = join(form, record, LABEL)
        assert joined.startswith(raw + delimiter)
        assert csv_cells(joined, delimiter) == [*row, "good", "0.5"]
    header = header_of(form)
    assert header.startswith(written[0] + delimiter)
    assert csv_cells(header, delimiter) == [*names, free("label", names), "probability"]


def test_quotes_that_a_row_did_not_need_stay() -> None:
    form = format_of("text", None, b"id,text", RESULTS)
    (record,) = read(form, ["id,text", '"1",  a fine  "day" '])
    assert record.text == '  a fine  "day" '
    assert join(form, record, LABEL) == '"1",  a fine  "day" ,good,0.5'


def test_a_carriage_return_without_quotes_ends_no_row() -> None:
    form = format_of("text", None, b"id,text")
    lines = ["id,text", "1,one\rtwo", "2,\r", "\r3\r,three"]
    records = read(form, lines)
    assert [list(record.columns.values()) for record in records] == [
        ["1", "one\rtwo"],
        ["2", ""],  # that is the end of the line
        ["\r3\r", "three"],
    ]
    assert [record.raw for record in records] == [b"1,one\rtwo", b"2,", b"\r3\r,three"]


@given(anything())
@example('so, "well"')
@example("one\ntwo")
@example("one\rtwo")
def test_a_result_is_quoted_where_it_must_be(text: str) -> None:
    form = format_of("text", None, b"id,text", ("answer",))
    (record,) = read(form, ["id,text", "1,two"])
    joined = join(form, record, Output("", {"answer": text}))
    assert csv_cells(joined, ",") == ["1", "two", text]


def test_blank_lines_of_a_table_are_blank_texts_and_stay() -> None:
    for name in ("rows.csv", "rows.tsv", "rows.jsonl"):
        lines = ['{"text": "a"}', "", '{"text": "b"}']
        if name != "rows.jsonl":
            lines = ["text", "a", "", "b"]
        form = format_of("text", Path(name), lines[0].encode())
        records = read(form, lines)
        assert [record.text for record in records] == ["a", "", "b"]
        assert join(form, records[1], LABEL) == ""


# TSV


@given(tables(anything(without=FLAT)))
@example([["text", "id"], ['"', '"a'], ['""', "\0"], [",", ";"]])
def test_rows_of_tsv_are_read_and_quotes_are_text(table: list[list[str]]) -> None:
    written = ["\t".join(cells) for cells in table]
    kept = [(row, line) for row, line in zip(table, written, strict=True) if line]  # none is blank
    form = format_of("text", Path("rows.tsv"), kept[0][1].encode(), RESULTS)
    records = read(form, [line for _, line in kept])
    (names, _), *rows = kept
    assert [list(record.columns.values()) for record in records] == [row for row, _ in rows]
    assert [record.text for record in records] == [row[names.index("text")] for row, _ in rows]
    assert [join(form, record, LABEL) for record in records] == [
        f"{line}\tgood\t0.5" for _, line in rows
    ]
    assert header_of(form) == "\t".join([*names, free("label", names), free("probability", names)])


@given(anything())
def test_a_result_adds_one_cell_to_tsv_whatever_is_in_it(text: str) -> None:
    form = format_of("text", Path("rows.tsv"), b"text", ("answer",))
    (record,) = read(form, ["text", "a"])
    joined = join(form, record, Output("", {"answer": text}))
    assert len(joined.split("\t")) == 2
    assert not {"\n", "\r"} & set(joined)


# JSONL

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | anything(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(["label", "predicted_label", "probability", "n", "", "}"])


@given(
    st.lists(st.tuples(st.dictionaries(KEYS, VALUES, max_size=4), anything()), max_size=5),
    st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\t")]),
    st.booleans(),
    st.sampled_from(["", " ", "\t \r"]),
)
def test_objects_are_written_as_they_were_read(
    rows: list[tuple[dict[str, Any], str]],
    separators: tuple[str, str],
    escaped: bool,
    trailing: str,
) -> None:
    objects = [{**row, "text": text} for row, text in rows]
    lines = [json.dumps(o, separators=separators, ensure_ascii=escaped) + trailing for o in objects]
    form = format_of("text", Path("rows.jsonl"), b"")
    records = read(form, lines)
    assert [list(record.columns) for record in records] == [list(o) for o in objects]
    assert [record.text for record in records] == [text for _, text in rows]
    for line, given_object, record in zip(lines, objects, records, strict=True):
        joined = join(form, record, LABEL)
        assert "\n" not in joined
        assert joined.startswith(line.rstrip().removesuffix("}"))
        names = {name: free(name, list(given_object)) for name in LABEL.fields}
        assert list(json.loads(joined).items()) == [
            *given_object.items(),
            *((names[name], value) for name, value in LABEL.fields.items()),
        ]


@pytest.mark.parametrize(
    "value",
    ["1.0", "1e400", "-0", "0.10000000000000000000001", "9" * 400, '"\\u00e9\\/"', "[ 1 , {} ]"],
)
def test_values_of_an_object_stay_as_they_are_spelled(value: str) -> None:
    form = JsonLines("text")
    (record,) = read(form, [f'{{"v" : {value}, "text": "a"}}'])
    answer = Output("", {"label": "é"})
    assert join(form, record, answer) == f'{{"v" : {value}, "text": "a", "label": "é"}}'


@pytest.mark.parametrize(
    ("value", "text"), [("null", ""), ('""', ""), ("5", "5"), ("1.50", "1.50"), ('"a"', "a")]
)
def test_a_member_that_is_no_text_is_read_as_one(value: str, text: str) -> None:
    (record,) = read(JsonLines("text"), [f'{{"text":{value}}}'])
    assert record.text == text


def test_columns_of_one_name_are_all_kept_in_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,x,x,x_2,,\nthe soup,1,2,3,4,5\n")
    words = ("classify", "-m", classifier(), "--column", "text", "-i", tmp_path / "a.csv")
    values = json.loads(call(*words, "--json").lines[0])
    columns = dict(list(values.items())[:6])
    assert columns == {"text": "the soup", "x": "1", "x_3": "2", "x_2": "3", "": "4", "_2": "5"}
    assert call(*words).lines[0] == "text,x,x,x_2,,,label,probability"


# What is not as it should be

HEADER = ["id,text", "1,one", '2,"two', 'and a half"']

BROKEN: dict[str, tuple[str, list[str], list[str]]] = {
    "a cell too few": ("rows.csv", [*HEADER, "3"], ["line 5", "1 cell,", "double quotes"]),
    "a cell too many": ("rows.csv", [*HEADER, "3,a,b"], ["line 5", "3 cells", "double quotes"]),
    "a tab too many": ("rows.tsv", ["id\ttext", "1\ta\tb"], ["line 2", "3 cells", "tab"]),
    "no such column in CSV": ("rows.csv", ["id,body"], ["'text'", "line 1", "id, body"]),
    "no such column in TSV": ("rows.tsv", ["id\tbody"], ["'text'", "line 1", "id, body"]),
    "a blank header": ("rows.csv", ["", "a"], ["'text'", "line 2", "--column a"]),
    "an open quote": ("rows.csv", [*HEADER, '3,"a', "4,b"], ["line 5", "quotation mark", '""']),
    "an open quote in the header": ("rows.csv", ['id,"text', "1,a"], ["line 1", "quotation mark"]),
    "no such member": ("rows.jsonl", ["", '{"body": "b"}'], ["line 2", "--column body"]),
    "empty objects": ("rows.jsonl", ["{}", '{"id": 1}', "{}"], ["line 1", "'text'", "are: id"]),
    "a list": ("rows.jsonl", ['{"text": "a"}', "[1]"], ["line 2", "not a JSON object", '{"text"']),
    "a number": ("rows.jsonl", ["5"], ["line 1", "not a JSON object"]),
    "half an object": ("rows.jsonl", ['{"text": "a"'], ["line 1", "invalid JSON"]),
    "two objects": ("rows.jsonl", ['{"text": "a"} {}'], ["line 1", "invalid JSON"]),
    "too deep": ("rows.jsonl", ['{"text":' + "[" * 100_000], ["line 1", "invalid JSON"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_explained_with_its_line(name: str) -> None:
    file, lines, words = BROKEN[name]
    form = format_of("text", Path(file), lines[0].encode())
    with pytest.raises(DataError) as caught:
        read(form, lines)
    assert caught.value.hint
    message = f"{caught.value.message}\n{caught.value.hint}"
    assert [word for word in words if word not in message] == []
    assert "\n" not in caught.value.message + caught.value.hint


def test_an_object_without_the_member_is_a_blank_text_wherever_it_stands() -> None:
    form = format_of("text", Path("rows.jsonl"), b"{")
    lines = ["", '{"n": 1}', '{"text": "a"}', '{"n": 2}', "{}", '{"text": null}', '{"text": "b"}']
    records = read(form, lines)
    assert [record.text for record in records] == ["", "", "a", "", "", "", "b"]
    assert join(form, records[1], LABEL).startswith('{"n": 1, "label"')
    assert join(form, records[4], LABEL) == "{}"


def test_a_quotation_mark_that_was_forgotten_is_noticed_before_the_end() -> None:
    form = format_of("text", None, b"id,text")
    lines = iter([b"id,text", b'1,"open', *[b"2,more"] * 20_000])
    with pytest.raises(DataError, match=r"line 2:"):
        list(form.records(lines))
    assert list(lines)


def test_a_cell_that_would_fill_memory_is_noticed() -> None:
    form = format_of("text", None, b"id,text")
    lines = iter([b"id,text", b'1,"open', *[b"x" * 1_000_000] * 100])
    with pytest.raises(DataError, match=r"line 2: a quotation mark"):
        list(form.records(lines))
    assert list(lines)


def test_a_cell_may_have_many_lines() -> None:
    form = format_of("text", None, b"text,id")
    cell = "a line\n" * 5_000
    (record,) = read(form, f'text,id\n"{cell}",1'.split("\n"))
    assert record.text == cell


# How formats are recognised


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        ("a.csv", "id,text", Delimited),
        ("a.CSV", "id;text", Delimited),
        ("a.tsv", "id\ttext", Delimited),
        ("a.jsonl", "", JsonLines),
        ("a.ndjson", "text", JsonLines),
        ("a.txt", '{"text": "a"}', JsonLines),
        ("a", '  {"text": "a"}', JsonLines),
        ("a.txt", "id,text", Delimited),
    ],
)
def test_the_format_follows_from_the_name_of_the_file_else_from_the_first_line(
    name: str, suffix: str, first: str, expected: type[Format]
) -> None:
    assert type(format_of("text", Path(name + suffix), first.encode())) is expected


@pytest.mark.parametrize(
    ("file", "first", "row", "text"),
    [
        ("a.tsv", "text", '"a,b"', '"a,b"'),
        ("a.tsv.gz", "id,x\ttext", '1\t"a', '"a'),
        (None, "id\ttext", '1\t"a', '"a'),
        (None, "id;text", '1;"a;b"', "a;b"),
        (None, "id,text;more", '1,"a,b"', None),
        ("a.csv", "text", '"a,b"', "a,b"),
        (None, "text,a\tb", '"a,b",1', "a,b"),
    ],
)
def test_the_delimiter_follows_from_the_header(
    file: str | None, first: str, row: str, text: str | None
) -> None:
    column = "text" if text is not None else "text;more"
    form = format_of(column, Path(file) if file else None, first.encode())
    (record,) = read(form, [first, row])
    assert record.text == (text or "a,b")


# Through the command

TABLE = ["id,text,label", '1,"the soup, was lovely",5', "2,a dreadful map,1", '3,"two\nlines",3']
COMMANDS: dict[str, tuple[Callable[[], Path], list[object], list[str]]] = {
    "classify": (classifier, [], ["predicted_label", "probability"]),
    "generate": (generator, ["--length", 3, "--seed", 1], ["predicted_text"]),
    "translate": (translator, ["--beam", 2], ["translation", "score"]),
}
every_command = pytest.mark.parametrize("name", COMMANDS)


def words(name: str) -> list[object]:
    model, options, _ = COMMANDS[name]
    return [name, "-m", model(), "--column", "text", *options]


@every_command
def test_rows_keep_their_order_and_get_the_results_at_their_end(name: str) -> None:
    data = "".join(line + "\n" for line in TABLE)
    result = call(*words(name), stdin=data.encode())
    assert (result.code, result.err) == (0, "")
    header, *rows = csv.reader(io.StringIO(result.out.decode(), newline=""))
    assert header == ["id", "text", "label", *COMMANDS[name][2]]
    assert [row[:3] for row in rows] == [
        ["1", "the soup, was lovely", "5"],
        ["2", "a dreadful map", "1"],
        ["3", "two\nlines", "3"],
    ]
    assert {len(row) for row in rows} == {len(header)}
    assert all(cell for row in rows for cell in row)


def test_a_table_may_come_from_a_file_compressed_or_not_or_from_stdin(tmp_path: Path) -> None:
    data = "".join(line + "\n" for line in TABLE).encode()
    (tmp_path / "table.csv").write_bytes(data)
    (tmp_path / "table.csv.gz").write_bytes(gzip.compress(data))
    expected = call(*words("classify"), stdin=data)
    assert expected.code == 0
    assert expected.out.count(b"\n") == 5
    for file in ("table.csv", "table.csv.gz"):
        assert call(*words("classify"), "-i", tmp_path / file) == expected


@every_command
def test_a_table_becomes_objects_with_the_columns_in_them(name: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "table.csv", *TABLE, "")
    result = call(*words(name), "-i", file, "--json")
    assert (result.code, result.err) == (0, "")
    *answers, blank = [json.loads(line) for line in result.lines]
    assert [answer["text"] for answer in answers] == [
        "the soup, was lovely",
        "a dreadful map",
        "two\nlines",
    ]
    assert [answer["label"] for answer in answers] == ["5", "1", "3"]
    assert all(answer[field] for answer in answers for field in COMMANDS[name][2])
    assert not blank.get("label")


def test_objects_get_more_members(tmp_path: Path) -> None:
    rows = ['{"label":1.0,"text":"the soup was lovely"}', "", '{ "text" : null }']
    file = write_lines(tmp_path / "rows.ndjson", *rows)
    result = call(*words("classify"), "-i", file)
    assert (result.code, result.err) == (0, "")
    first, blank, nothing = result.lines
    assert first.startswith('{"label":1.0,"text":"the soup was lovely", "predicted_label": "good"')
    assert sum(json.loads(first)["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert blank == ""
    assert json.loads(nothing)["label"] is None


@pytest.mark.parametrize("header", ["id,text", "id\ttext"])
@every_command
def test_a_header_alone_gives_a_header_alone(name: str, header: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "table", header)
    delimiter = header[2]
    names = [own.removeprefix("predicted_") for own in COMMANDS[name][2]]
    expected = [header, *(free(own, ["id", "text"]) for own in names)]
    result = call(*words(name), "-i", file)
    assert (result.code, result.lines, result.err) == (0, [delimiter.join(expected)], "")
    assert call(*words(name), "-i", file, "--json").out == b""


@every_command
def test_texts_in_arguments_have_no_columns(name: str) -> None:
    result = call(*words(name), "the soup was lovely")
    assert (result.code, result.out) == (2, b"")
    assert "column" in result.err
    assert "\nhint: " in result.err


def test_batches_before_a_broken_row_have_been_answered() -> None:
    with start(*words("classify"), "--batch-size", 1) as process:
        out, err = process.communicate(b"id,text\n1,lovely\n2,dreadful\n3\n4,bright\n", TIMEOUT)
    assert process.returncode == 1
    assert [line.split(b",")[0] for line in out.splitlines()] == [b"id", b"1", b"2"]
    assert out.endswith(b"\n")
    error, hint = err.decode().splitlines()
    assert error.startswith("error: standard input, line 4: 1 cell, ")
    assert hint.startswith("hint: ")


# Only some labels

MIXED = ["id,text", "1,the soup was lovely", "2,a dreadful map", "", "3,my favourite lamp"]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--only", "good"], ["1", "3"]),
        (["--only", "bad"], ["2"]),
        (["--only", "good", "--only", "bad"], ["1", "2", "3"]),
        (["--not", "bad"], ["1", "", "3"]),
        (["--not", "good", "--not", "bad"], [""]),
        (["--only", "good", "--not", "good"], []),
        ([], ["1", "2", "", "3"]),
    ],
)
def test_labels_choose_what_is_printed(options: list[str], kept: list[str], tmp_path: Path) -> None:
    table = write_lines(tmp_path / "table.csv", *MIXED)
    rows = call(*words("classify"), "-i", table, *options)
    assert (rows.code, rows.err) == (0, "")
    assert [line.split(",")[0] for line in rows.lines] == ["id", *kept]
    objects = [json.loads(line) for line in call(*words("classify"), "-i", table, "--json",
                                                 *options).lines]  # fmt: skip
    assert [o.get("id", "") for o in objects] == kept
    texts = {line[:1]: line[2:] for line in MIXED[1:]}
    plain = write_lines(tmp_path / "lines.txt", *texts.values())
    lines = call("classify", "-m", classifier(), "-i", plain, *options).lines
    assert [line.split("\t")[2] for line in lines] == [texts[number] for number in kept]


@pytest.mark.parametrize("option", ["--only", "--not"])
def test_an_unknown_label_is_refused_with_the_labels_of_the_model(option: str) -> None:
    result = call("classify", "-m", classifier(), option, "ugly", "the soup")
    assert (result.code, result.out) == (2, b"")
    command = f"rnncli classify -m {classifier()} 'the soup' {option} bad"
    error = "error: there is no label 'ugly'; the labels are: bad, good"
    assert result.err == f"{error}\nhint: {command}\n"


# Into a file


@every_command
def test_results_go_into_a_file_and_stdout_stays_empty(name: str, tmp_path: Path) -> None:
    table = write_lines(tmp_path / "table.csv", *TABLE)
    out = tmp_path / "out.csv"
    result = call(*words(name), "-i", table, "-o", out)
    assert (result.code, result.out, result.err) == (0, b"", "")
    assert out.read_bytes() == call(*words(name), "-i", table).out
    assert sorted(tmp_path.iterdir()) == [out, table]


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    out, part = tmp_path / "out.txt", tmp_path / "out.txt.part"
    with start("classify", "-m", classifier(), "-o", out, cwd=tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(b"the soup was lovely\n")
        for _ in range(100 * TIMEOUT):
            if part.exists() and part.stat().st_size:
                break
            sleep(0.01)  # the answer is on its way
        assert (part.read_text().count("\n"), out.exists()) == (1, False)
        process.stdin.write(b"dreadful\n")
        process.stdin.close()
        assert process.wait(TIMEOUT) == 0
    assert [line.split("\t")[2] for line in out.read_text().splitlines()] == [
        "the soup was lovely",
        "dreadful",
    ]
    assert not part.exists()


@pytest.mark.parametrize("old", [None, "what was here before\n"])
def test_an_error_leaves_a_file_as_it_was_and_the_answers_so_far_beside_it(
    old: str | None, tmp_path: Path
) -> None:
    table = write_lines(tmp_path / "table.csv", "id,text", "1,lovely", "2,dreadful", "3", "4,cold")
    out, part = tmp_path / "out.csv", tmp_path / "out.csv.part"
    if old is not None:
        out.write_text(old)
    result = call(*words("classify"), "-i", table, "-o", out, "--force", "--batch-size", 1)
    assert (result.code, result.out) == (1, b"")
    assert (out.read_text() if out.exists() else None) == old
    assert [line.split(",")[0] for line in part.read_text().splitlines()] == ["id", "1", "2"]
    notice, error, hint = result.err.splitlines()
    assert str(out) in notice
    assert str(part) in notice
    assert error.startswith(f"error: {table}, line 4: ")
    assert hint.startswith("hint: ")


def test_an_error_before_the_first_answer_leaves_nothing(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "table.csv", "id,body", "1,lovely")
    result = call(*words("classify"), "-i", table, "-o", tmp_path / "out.csv")
    assert result.code == 1
    assert list(tmp_path.iterdir()) == [table]


def test_a_table_is_not_replaced_by_its_results(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "table.csv", *TABLE)
    before = table.read_bytes()
    (tmp_path / "link.csv").symlink_to(table)
    for name in (table, tmp_path / "link.csv"):
        result = call(*words("classify"), "-i", table, "-o", name)
        hint = explained(result, 2, "is input and output at once")
        assert hint.startswith("name another output: rnncli classify ")
        assert hint.endswith(f" -i {table} -o {name.stem}-new.csv")
    assert table.read_bytes() == before


@pytest.mark.parametrize("place", [".", "missing/out.txt"])
def test_an_output_file_that_cannot_be_written_is_explained(place: str, tmp_path: Path) -> None:
    result = call("classify", "-m", classifier(), "-o", tmp_path / place, "lovely")
    assert (result.code, result.out) == (1, b"")
    error, hint = result.err.splitlines()
    assert error.startswith(f"error: {tmp_path / place}")
    assert hint.startswith("hint: ")
    assert list(tmp_path.iterdir()) == []


def test_results_can_be_discarded() -> None:
    result = call("classify", "-m", classifier(), "-o", "/dev/null", "lovely")
    assert (result.code, result.out, result.err) == (0, b"", "")
    assert Path("/dev/null").is_char_device()
    assert not Path("/dev/null.part").exists()


def test_numbers_too_large_for_a_float_are_read() -> None:
    (record,) = read(JsonLines("text"), ['{"text": "a", "n": 1e400}'])
    assert record.columns["n"] == "1e400"


# What once went wrong


def test_the_answers_so_far_can_be_the_input(tmp_path: Path) -> None:
    part = tmp_path / "out.part"
    part.write_text("the soup was lovely\n")
    result = call("classify", "-m", classifier(), "-i", part, "-o", tmp_path / "out")
    assert result.code != 0 or (tmp_path / "out").read_text().endswith("\tthe soup was lovely\n")


def test_rows_before_a_ragged_one_have_been_answered(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "t.csv", "id,text", "1,lovely", "2,dreadful", "3", "4,cold")
    result = call("classify", "-m", classifier(), "-i", table, "--column", "text")
    assert result.code == 1
    assert [line.split(",")[0] for line in result.lines] == ["id", "1", "2"]


def test_the_suffix_goes_before_the_first_line() -> None:
    form = format_of("text", Path("t.csv"), b"{id},text")
    assert [r.text for r in read(form, ["{id},text", "1,a"])] == ["a"]


def test_csv_with_tabs_may_have_quotes() -> None:
    form = format_of("text", Path("t.csv"), b"id\ttext")
    assert [r.text for r in read(form, ["id\ttext", '1\t"a\tb"'])] == ["a\tb"]


def test_a_long_whole_number_is_json() -> None:
    (record,) = read(JsonLines("text"), ['{"text": "a", "n": ' + "1" * 5_000 + "}"])
    assert record.columns["n"] == "1" * 5_000


def test_a_carriage_return_in_a_cell_stays(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(b'text,n\n"lovely\r\nday",1\n')
    out = call("classify", "-m", classifier(), "--column", "text", "-i", table).out
    assert out.split(b"\n", 1)[1].startswith(b'"lovely\r\nday",1,')


TRICKY = (
    b"\xef\xbb\xbfid,text\r\n"  # with a byte order mark, as spreadsheets write
    b'1,"lovely ""so"" \r\n"\r\n'
    b"\r\n"
    b"2,caf\xe9\n"  # Latin-1
    b"\xff,\0lovely"
)


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_row_is_written_as_it_was_read_to_the_byte(ending: str, tmp_path: Path) -> None:
    data = TRICKY if ending == "csv" else TRICKY.replace(b",", b"\t").replace(b" \r\n", b"")
    table = tmp_path / f"t.{ending}"
    table.write_bytes(data)
    result = call("classify", "-m", classifier(), "--column", "text", "-i", table)
    assert result.code == 0
    copy = f"iconv -f WINDOWS-1252 -t UTF-8 < {table} > utf8-{table.name}"
    assert result.err.splitlines() == [
        "2 bytes not UTF-8, read as \N{REPLACEMENT CHARACTER}; rows go out as they came in",
        f"hint: convert it: {copy}",
    ]
    assert len(result.out.split(b"\n")) == len(data.split(b"\n")) + 1
    assert result.out.split(b"\n")[0].removesuffix(b"\r").endswith(b"probability")
    for line, answered in zip(data.split(b"\n"), result.out.split(b"\n"), strict=False):
        body = line.removesuffix(b"\r")
        assert answered.startswith(body)
        assert answered.endswith(line[len(body) :])


def test_members_and_the_text_after_an_object_stay() -> None:
    form = JsonLines("text")
    (record,) = form.records([b'\xef\xbb\xbf{"text": "caf\xe9", "n": 1.50} \r'])
    assert record.text == "caf\ufffd"
    joined = form.join(record, Output("", {"label": "good"}))
    assert joined == b'\xef\xbb\xbf{"text": "caf\xe9", "n": 1.50, "label": "good"} \r'


@pytest.mark.parametrize(
    "lines",
    [
        ["", " ", '{"text": "lovely", "id": 1}'],
        ["", "id,text", "1,lovely"],
        ["", "", "id\ttext", "1\tlovely"],
    ],
)
def test_a_pause_after_a_blank_line_changes_nothing(lines: list[str]) -> None:
    at_once = call(*words("classify"), stdin="\n".join(lines).encode())
    assert (at_once.code, at_once.err) == (0, "")
    assert at_once.lines[: len(lines) - 2] == lines[: len(lines) - 2]
    with start(*words("classify")) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in lines:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            sleep(0.2)
        process.stdin.close()
        assert process.stdout.read() == at_once.out
        assert process.wait(TIMEOUT) == 0


def test_a_gzipped_table_is_recognised_whatever_its_name(tmp_path: Path) -> None:
    data = "".join(line + "\n" for line in TABLE).encode()
    packed = tmp_path / "table"
    packed.write_bytes(gzip.compress(data))
    expected = call(*words("classify"), stdin=data)
    assert expected.code == 0
    assert call(*words("classify"), "-i", packed) == expected
    assert call(*words("classify"), stdin=packed.read_bytes()) == expected
    plain = tmp_path / "table.csv.gz"
    plain.write_bytes(data)
    assert call(*words("classify"), "-i", plain) == expected


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old\n")
    link = tmp_path / "link"
    link.symlink_to("there")
    call("classify", "-m", classifier(), "-o", link, "--force", "lovely")
    assert link.is_symlink()
    assert (tmp_path / "there").read_text().endswith("\tlovely\n")


def test_an_output_file_called_gz_is_compressed(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt.gz"
    assert call("classify", "-m", classifier(), "-o", file, "lovely").code == 0
    assert call("classify", "-m", classifier(), "-i", file).code == 0
    assert file.read_bytes()[:2] == b"\x1f\x8b"


def test_an_existing_part_file_is_not_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "out.part"
    other.write_text("not mine\n")
    call("classify", "-m", classifier(), "-o", tmp_path / "out", "lovely")
    assert other.exists()


@pytest.mark.parametrize("rows", [["n,text", "1,", "2,lovely"], ["n\ttext", "1\t ", "2\tlovely"]])
def test_a_row_with_a_blank_text_has_as_many_cells_as_the_header(
    rows: list[str], tmp_path: Path
) -> None:
    table = write_lines(tmp_path / "table", *rows)
    mark = rows[0][1]
    result = call("classify", "-m", classifier(), "--column", "text", "-i", table)
    header, blank, other = [line.split(mark) for line in result.lines]
    assert len(header) == len(blank) == len(other)
    assert blank[2:] == ["", ""]


def test_a_member_of_an_object_is_a_column(tmp_path: Path) -> None:
    row = '{"n": 1, "post": {"body": "the soup was lovely"}}'
    data = write_lines(tmp_path / "a.jsonl", row, '{"post": {}}')
    result = call("classify", "-m", classifier(), "--column", "post.body", "-i", data)
    first, second = map(json.loads, result.lines)
    assert (first["label"], first["post"]) == ("good", {"body": "the soup was lovely"})
    assert (second["label"], second["post"]) == (None, {})


def test_lines_of_another_encoding_in_a_pipe_are_converted_there() -> None:
    lines = b"the soup was lovely\n" * 50 + b"the caf\xe9 was dreadful\n"
    command = ("classify", "-m", classifier())
    told = call(*command, stdin=lines).err
    assert (
        f"in the pipe: iconv -f WINDOWS-1252 -t UTF-8 | rnncli classify -m {classifier()}" in told
    )
    # One broken character among others is no other encoding.
    told = call(*command, stdin=b"the caf\xc3\xa9 was \xe9\n").err
    assert "1 byte not UTF-8" in told
    assert "iconv" not in told


@pytest.mark.parametrize(("ending", "mark"), [("csv", ";"), ("tsv", "\t")])
def test_a_number_is_a_column_of_a_table_without_a_header(
    ending: str, mark: str, tmp_path: Path
) -> None:
    lines = ["a;the soup was lovely", "b;the map was dreadful"]
    data = write_lines(tmp_path / f"t.{ending}", "", *(line.replace(";", mark) for line in lines))
    result = call("classify", "-m", classifier(), "--column", "2", "-i", data)
    assert "the first line is data too" in result.err
    blank, *rows = result.lines
    assert blank == ""
    assert [row.split(mark)[:3] for row in rows] == [
        ["a", "the soup was lovely", "good"],
        ["b", "the map was dreadful", "bad"],
    ]
    named = write_lines(tmp_path / f"n.{ending}", f"1{mark}2", f"x{mark}the soup was lovely")
    result = call("classify", "-m", classifier(), "--column", "2", "-i", named)
    assert (result.err, result.lines[0]) == ("", mark.join(["1", "2", "label", "probability"]))
    refused = call("classify", "-m", classifier(), "--column", "3", "-i", data)
    assert explained(refused, 1, "there is no column '3'")
