"""The rows of every format, through `read_corpus` and with real files."""

import json
from pathlib import Path

import pytest
from corpora import (
    PAIRS,
    REVIEWS,
    Unreadable,
    anything,
    as_csv,
    as_jsonl,
    as_parquet,
    assert_explained,
    error_of,
    one_line,
    rows_of,
    texts_of,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.data.columns import Columns
from rnncli.data.corpus import read_corpus


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".ndjson", ".json", ".parquet"])
def test_every_format_reads_the_same_examples(tmp_path: Path, ending: str, packed: str) -> None:
    names = ("text", "label")
    content: dict[str, str | bytes] = {
        ".csv": as_csv([names, *REVIEWS]),
        ".parquet": as_parquet(names, REVIEWS),
    }
    path = write(tmp_path / f"data{ending}{packed}", content.get(ending, as_jsonl(names, REVIEWS)))
    corpus = read_corpus([path])
    assert (corpus.task, corpus.name) == ("classify", path)
    assert corpus.columns == {"text": "text", "label": "label"}
    assert corpus.notices == ("task: classify, from the columns text and label",)
    assert rows_of(corpus) == REVIEWS


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", [".tsv", ".tab", ".csv", ".jsonl", ".parquet"])
def test_every_format_reads_the_same_pairs(tmp_path: Path, ending: str, packed: str) -> None:
    names = ("english", "french")
    lines = "".join("\t".join(pair) + "\n" for pair in [names, *PAIRS])
    content: dict[str, str | bytes] = {
        ".csv": as_csv([names, *PAIRS]),
        ".jsonl": as_jsonl(names, PAIRS),
        ".parquet": as_parquet(names, PAIRS),
    }
    corpus = read_corpus([write(tmp_path / f"data{ending}{packed}", content.get(ending, lines))])
    assert (corpus.task, corpus.languages) == ("translate", ("en", "fr"))
    assert corpus.columns == {"source": "english", "target": "french"}
    assert rows_of(corpus) == PAIRS


def test_documents_of_every_format_end_in_a_newline(tmp_path: Path) -> None:
    documents = [["first\n\nstill first"], ["second\n"], [""], ["third"]]
    paths = [
        write(tmp_path / "a.csv", as_csv([["text"], *documents])),
        write(tmp_path / "a.jsonl", as_jsonl(["text"], documents)),
        write(tmp_path / "a.parquet", as_parquet(["text"], documents)),
    ]
    for path in paths:
        corpus = read_corpus([path])
        assert corpus.task == "generate"
        assert texts_of(corpus.splits["train"]) == [
            "first\n\nstill first\n",
            "second\n",
            "\n",
            "third\n",
        ]


@given(st.lists(anything))
@settings(deadline=None, max_examples=50)
def test_any_text_comes_back_from_csv_and_jsonl(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    rows = [(text, "label") for text in [*texts, "a"]] + [("b", "other")]
    folder = tmp_path_factory.mktemp("rows")
    paths = [
        write(folder / "a.csv", as_csv([("text", "label"), *rows])),
        write(folder / "b.csv", as_csv([("text", "label"), *rows], delimiter=";")),
        write(folder / "a.jsonl", as_jsonl(("text", "label"), rows)),
    ]
    usable = [row for row in rows if row[0] and not row[0].isspace()]
    for path in paths:
        assert rows_of(read_corpus([path])) == usable


@given(st.lists(st.tuples(one_line, one_line)))
@settings(deadline=None, max_examples=50)
def test_any_line_comes_back_from_tsv_and_aligned_files(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]]
) -> None:
    pairs = [tuple(side.replace("\t", " ") for side in pair) for pair in lines] + PAIRS
    folder = tmp_path_factory.mktemp("pairs")
    tsv = write(folder / "a.tsv", "source\ttarget\n" + "".join(f"{s}\t{t}\n" for s, t in pairs))
    sources = write(folder / "a.en", "x\n" + "".join(f"{source}\n" for source, _ in pairs))
    targets = write(folder / "a.fr", "y\n" + "".join(f"{target}\n" for _, target in pairs))
    for data, extra, strips in ([tsv], [], False), ([sources, targets], [("x", "y")], True):
        clean = [
            (source.removesuffix("\r") if strips else source, target.removesuffix("\r"))
            for source, target in pairs
        ]
        usable = [pair for pair in clean if all(side and not side.isspace() for side in pair)]
        assert rows_of(read_corpus(data)) == extra + usable


@pytest.mark.parametrize("header", ["text;label", "text\tlabel"])
def test_a_csv_may_use_semicolons_or_tabs(tmp_path: Path, header: str) -> None:
    mark = header[4]
    path = write(tmp_path / "a.csv", f'{header}\n"1,5 stars{mark} no"{mark}bad\nfine{mark}good\n')
    assert rows_of(read_corpus([path])) == [(f"1,5 stars{mark} no", "bad"), ("fine", "good")]


def test_commas_in_numbers_are_no_delimiters(tmp_path: Path) -> None:
    rows = "".join(f"no {n} is fine;{n},5\n" for n in range(9))
    path = write(tmp_path / "a.csv", rows)
    corpus = read_corpus([path], columns=Columns(text="1", label="2"))
    assert rows_of(corpus) == [(f"no {n} is fine", f"{n},5") for n in range(9)]


def test_quotation_marks_in_tsv_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'en\tfr\n"Hi\tSalut\n""\t"\n')
    assert rows_of(read_corpus([path])) == [('"Hi', "Salut"), ('""', '"')]


def test_blank_lines_between_rows_are_skipped(tmp_path: Path) -> None:
    table = "text,label\r\n\r\na,x\r\n\r\nb,y\r\n\r\n"
    assert rows_of(read_corpus([write(tmp_path / "a.csv", table)])) == [("a", "x"), ("b", "y")]
    table = table.replace(",", "\t")
    assert rows_of(read_corpus([write(tmp_path / "a.tsv", table)])) == [("a", "x"), ("b", "y")]
    table = '\n{"text": "a", "label": "x"}\r\n \n{"text": "b", "label": "y"}'
    assert rows_of(read_corpus([write(tmp_path / "a.jsonl", table)])) == [("a", "x"), ("b", "y")]


def test_half_characters_in_json_are_replaced_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n')
    corpus = read_corpus([path])
    assert texts_of(corpus.splits["train"]) == ["a\ufffd\n", "\U0001f600\n"]
    assert corpus.notices[-1] == "1 half character in JSON replaced by \ufffd"


def test_nested_translations_are_columns(tmp_path: Path) -> None:
    pairs = [{"id": n, "translation": {"en": f"a{n}", "ja": f"b{n}"}} for n in range(2)]
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    corpus = read_corpus([write(tmp_path / "a.jsonl", lines)])
    assert corpus.languages == ("en", "ja")
    assert rows_of(corpus) == [("a0", "b0"), ("a1", "b1")]


def test_members_of_objects_are_columns(tmp_path: Path) -> None:
    rows = [{"id": n, "post": {"body": f"a{n}", "by": {"team": "xy"[n % 2]}}} for n in range(4)]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    corpus = read_corpus([path], columns=Columns(text="post.body", label="post.by.team"))
    assert texts_of(corpus.splits["train"]) == ["a0", "a1", "a2", "a3"]
    assert list(corpus.splits["train"]["label"]) == ["x", "y", "x", "y"]
    error = error_of(path, columns=Columns(text="post", label="post.by.team"))
    assert error.message.endswith("its columns are: id, post.body, post.by.team")


def test_files_that_are_not_aligned_are_explained(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.en", "1\n2\n3\n"), write(tmp_path / "a.fr", "1\n")
    error = error_of(first, second)
    assert error.message == f"{first} has 3 lines, but {second} has 1 line"
    table = write(tmp_path / "a.csv", "text,label\na,b\n")
    assert f"{table} is not plain text" in error_of(first, table).message
    assert error_of(first, second, first).message.startswith("3 inputs, but only one file")


UNREADABLE: list[Unreadable] = [
    (
        "a.csv",
        "text,label\na,x\nb\n",
        None,
        "{}, line 3: 1 cell, but the first line has 2",
        "quotes",
    ),
    ("a.csv", "text,label\na,x\nb,c,y\n", None, "{}, line 3: 3 cells", "quotes"),
    ("a.csv", 'text,label\n"a\nb",x\nc,d,y\n', None, "{}, line 4: 3 cells", "quotes"),
    ("a.tsv", "en\tfr\na\tb\nc\n", None, "{}, line 3: 1 cell", "one tab"),
    ("a.tsv", "en\tfr\na\tb\tc\n", None, "{}, line 2: 3 cells", "one tab"),
    ("a.csv", 'text,label\na,x\n"b,y\nc,z\n', None, "{}, line 3: a quotation mark opens", '""'),
    ("a.csv", 'text,label\n"b' + "\n" * 10_001 + '",y\n', None, "{}, line 2: a quotation", '""'),
    ("a.csv", "text,label\na,b\n", "translate", "is the source or the target", "--source text"),
    (
        "a.jsonl",
        '{"text": "a"}\n{"text": \n',
        None,
        "{}, line 2: invalid JSON",
        "one object a line",
    ),
    (
        "a.jsonl",
        '{"text": "a"}\n\n["b"]\n',
        None,
        "{}, line 3: not a JSON object",
        "one object a line",
    ),
    ("a.json", '[\n{"text": "a"}\n]\n', None, "{}, line 1: invalid JSON", "jq -c"),
    ("a.jsonl", "[" * 100_000, None, "{}, line 1: invalid JSON", "jq -c"),
    ("a.parquet", "PAR1 no more", None, "{} cannot be read as Parquet", "whole"),
]


@pytest.mark.parametrize("case", UNREADABLE)
def test_rows_that_cannot_be_read_are_explained(tmp_path: Path, case: Unreadable) -> None:
    assert_explained(tmp_path, case)
