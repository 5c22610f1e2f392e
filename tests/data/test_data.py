"""Reading and splitting, through the public functions and with real files."""

import contextlib
import csv
import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Translation, Value
from hub import serve_hub
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import start

from rnncli.config import Task
from rnncli.data.columns import ANY_COLUMNS, Columns
from rnncli.data.corpus import Corpus, read_corpus
from rnncli.data.split import hold_out
from rnncli.data.values import column_values
from rnncli.errors import DataError

REVIEWS = [
    ("A warm, funny film.", "good"),
    ('She said "no" and left.', "bad"),
    ("Two\nlines,\n\nand a blank one", "good"),
    ("NA", "1.0"),
    ("1", "NA"),
    ("naïve 日本語 \U0001f600", "good"),
]
PAIRS = [("Good day.", "Bonjour."), ("Thank you!", "Merci !"), ("Yes", "Oui"), ('"Why?"', "« »")]

# Characters that str.splitlines() or a text-mode file would take for the end of a line.
FALSE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

anything = st.text(st.characters(codec="utf-8") | st.sampled_from(FALSE_ENDS + '\0",;\t\n'))
one_line = anything.map(lambda text: text.replace("\n", ""))


# --- Helpers ------------------------------------------------------------------------------------


def write(path: Path, content: str | bytes) -> str:
    """Write bytes as they are, packed if the name asks for it, and return what to type."""
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return str(path)


def as_csv(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


def as_jsonl(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


def as_parquet(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    buffer = io.BytesIO()
    Dataset.from_dict(columns).to_parquet(buffer)
    return buffer.getvalue()


def rows_of(corpus: Corpus, split: str = "train") -> list[tuple[str, ...]]:
    names = corpus.splits[split].column_names
    columns = [column_values(corpus.splits[split], name) for name in names]
    return list(zip(*columns, strict=True))


def texts_of(dataset: Dataset, column: str = "text") -> list[str]:
    return list(column_values(dataset, column))


def error_of(*data: str, task: Task | None = None, columns: Columns = ANY_COLUMNS) -> DataError:
    with pytest.raises(DataError) as caught:
        read_corpus(data, task=task, columns=columns)
    return caught.value


def corpus_of(task: Task, rows: Sequence[Sequence[str]]) -> Corpus:
    """Return a corpus that was never in a file."""
    names = {"generate": ["text"], "classify": ["text", "label"]}.get(task, ["source", "target"])
    features = Features({name: Value("string") for name in names})
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    train = Dataset.from_dict(columns, features=features)
    return Corpus(
        "rows", task, {"train": train}, {name: name for name in names}, None, None, (), ""
    )


# --- Formats ------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("ending", [".txt", ".text", ".txt.gz", ".TXT", ".md", ""])
def test_plain_text_is_read_line_by_line(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"data{ending}", "one\r\n\n two \nlast")
    corpus = read_corpus([path])
    assert corpus.task == "generate"
    assert texts_of(corpus.splits["train"]) == ["one\n", "\n", " two \n", "last\n"]
    assert corpus.notices[-1] == "task: generate, from plain text"
    has_known_ending = Path(path.lower().removesuffix(".gz")).suffix in (".txt", ".text")
    assert len(corpus.notices) == (1 if has_known_ending else 2)


@pytest.mark.parametrize("text", ["x" * 50_000, "é€\U0001f600" * 9_000, "a\r" * 20_000 + "."])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_very_long_line_comes_in_pieces_that_join(tmp_path: Path, text: str, end: str) -> None:
    corpus = read_corpus([write(tmp_path / "line.txt", text + end)])
    pieces = texts_of(corpus.splits["train"])
    assert len(pieces) > 1
    assert "".join(pieces) == text + "\n"
    assert corpus.notices == ("task: generate, from plain text",)


@given(st.lists(one_line, min_size=2))
@settings(deadline=None, max_examples=50)
def test_a_line_of_text_ends_at_a_newline_only(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    content = "".join(line + "\n" for line in [*lines, "a", "b"])
    path = write(tmp_path_factory.mktemp("text") / "a.txt", content)
    expected = [line.removesuffix("\r") + "\n" for line in [*lines, "a", "b"]]
    if lines[0].startswith("\ufeff"):
        expected[0] = expected[0].removeprefix("\ufeff")
    assert texts_of(read_corpus([path]).splits["train"]) == expected


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


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"\xef\xbb\xbftext,label\na,x\nb,y\n")
    assert read_corpus([path]).columns == {"text": "text", "label": "label"}


def test_bytes_that_are_not_utf8_are_replaced_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"text,label\ncaf\xe9,x\n\xff\xfe b,y\n\xe2\x82,z\n")
    corpus = read_corpus([path])
    assert texts_of(corpus.splits["train"]) == ["caf\ufffd", "\ufffd\ufffd b", "\ufffd"]
    assert corpus.notices[-1] == "5 bytes not UTF-8, replaced by \ufffd"


def test_half_characters_in_json_are_replaced_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n')
    corpus = read_corpus([path])
    assert texts_of(corpus.splits["train"]) == ["a\ufffd\n", "\U0001f600\n"]
    assert corpus.notices[-1] == "1 half character in JSON replaced by \ufffd"


def test_labels_stay_as_they_are_spelled(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        '{"text": "a", "label": 1}\n{"text": "b", "label": 1.0}\n{"text": "c", "label": true}\n'
        '{"text": "d", "label": "1e3 "}\n{"text": "e", "label": 1e3}\n',
    )
    assert texts_of(read_corpus([path]).splits["train"], "label") == [
        "1",
        "1.0",
        "true",
        "1e3",
        "1e3",
    ]
    path = write(tmp_path / "a.csv", "text,label\na, 01 \nb,None\nc,NaN\n")
    assert texts_of(read_corpus([path]).splits["train"], "label") == ["01", "None", "NaN"]


def test_numbers_in_parquet_can_be_labels(tmp_path: Path) -> None:
    rows = [("a", 1), ("b", -1), ("c", None)]
    corpus = read_corpus([write(tmp_path / "a.parquet", as_parquet(("text", "label"), rows))])
    assert rows_of(corpus) == [("a", "1"), ("b", "-1")]
    assert corpus.notices[-1] == "1 text without a label left out"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "big.txt.gz", b"a line of some fifty characters, no more than that\n" * 100_000
    )
    tracemalloc.start()
    read_corpus([path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000, "of 5 million bytes"


# --- Columns and tasks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "task", "columns"),
    [
        ("text,label", "classify", "text,label"),
        ("id,Review,Sentiment", "classify", "Review,Sentiment"),
        ("CONTENT,x,Stars", "classify", "CONTENT,Stars"),
        ("label,title,text", "classify", "text,label"),
        ("text,target", "classify", "text,target"),
        ("text,source,label", "classify", "text,label"),
        ("class,phrase", "classify", "phrase,class"),
        ("source,target", "translate", "source,target"),
        ("id,tgt,src", "translate", "src,tgt"),
        ("de,en", "translate", "de,en"),
        ("id,French,English", "translate", "French,English"),
        ("eng_Latn,jpn_Jpan", "translate", "eng_Latn,jpn_Jpan"),
        ("pt-BR,en-GB,note", "translate", "pt-BR,en-GB"),
        ("id,en", "translate", "id,en"),
        ("text", "generate", "text"),
        ("id,document,url", "generate", "document"),
        ("poem", "generate", "poem"),
    ],
)
def test_the_task_follows_from_the_columns(
    tmp_path: Path, names: str, task: str, columns: str
) -> None:
    cells = names.split(",")
    rows = [[f"{cell} {number}" for cell in cells] for number in range(3)]
    corpus = read_corpus([write(tmp_path / "a.csv", as_csv([cells, *rows]))])
    assert corpus.task == task
    assert list(corpus.columns.values()) == columns.split(",")
    assert corpus.notices[0].startswith(f"task: {task}, from ")
    expected = [[f"{cell} {number}" for cell in columns.split(",")] for number in range(3)]
    assert [[cell.strip() for cell in row] for row in rows_of(corpus)] == expected


@pytest.mark.parametrize(
    ("task", "columns", "expected"),
    [
        (None, Columns(text="note"), {"text": "note", "label": "label"}),
        (None, Columns(label="KIND"), {"text": "text", "label": "kind"}),
        (None, Columns(text="kind", label="note"), {"text": "kind", "label": "note"}),
        (None, Columns(source="note", target="text"), {"source": "note", "target": "text"}),
        (None, Columns(target="note"), {"source": "en", "target": "note"}),
        (None, Columns(source="fr"), {"source": "fr", "target": "en"}),
        ("generate", ANY_COLUMNS, {"text": "text"}),
        ("generate", Columns(text="note"), {"text": "note"}),
        ("translate", ANY_COLUMNS, {"source": "en", "target": "fr"}),
    ],
)
def test_what_is_asked_for_wins(
    tmp_path: Path, task: Task | None, columns: Columns, expected: dict[str, str]
) -> None:
    header = ["text", "label", "note", "kind", "en", "fr"]
    rows = [[f"{name} {number}" for name in header] for number in range(3)]
    path = write(tmp_path / "a.csv", as_csv([header, *rows]))
    assert read_corpus([path], task=task, columns=columns).columns == expected


def test_nothing_is_announced_that_was_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,x\nb,y\n")
    columns = Columns(text="text", label="label")
    assert read_corpus([path], task="classify", columns=columns).notices == ()


def test_of_more_than_two_languages_the_first_two_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", as_jsonl(["id", "en", "de", "fr"], [[1, "a", "b", "c"]] * 2))
    corpus = read_corpus([path])
    assert corpus.languages == ("en", "de")
    assert corpus.notices == (
        "task: translate, from en to de",
        "left out: fr, which --source and --target can choose",
    )
    assert read_corpus([path], columns=Columns(target="fr")).languages == ("en", "fr")


def test_nested_translations_are_columns(tmp_path: Path) -> None:
    pairs = [{"id": n, "translation": {"en": f"a{n}", "ja": f"b{n}"}} for n in range(2)]
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    corpus = read_corpus([write(tmp_path / "a.jsonl", lines)])
    assert corpus.languages == ("en", "ja")
    assert rows_of(corpus) == [("a0", "b0"), ("a1", "b1")]


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("source\ttarget", True),
        ("English\tFrench", True),
        ("sentence\tlabel", True),
        ("question\tanswer", True),
        ("Go.\tVa !", False),
        ("Question\tQuestion", False),
        ("Text\tTexte\tCC BY", False),
        ("no\tnein", False),
    ],
)
def test_the_header_of_a_tsv_is_told_from_a_pair(
    tmp_path: Path, first: str, is_header: bool
) -> None:
    row = "\t".join("x" for _ in first.split("\t"))
    corpus = read_corpus([write(tmp_path / "a.tsv", f"{first}\n{row}\n{row}y\n")])
    assert len(corpus.splits["train"]) == (2 if is_header else 3)
    assert ("no header: the first line is data too" in corpus.notices) != is_header
    if not is_header:
        assert corpus.columns == {"source": "1", "target": "2"}


def test_columns_without_a_header_are_named_by_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "great film\tpos\tx\nbad film\tneg\ty\n")
    labelled = read_corpus([path], columns=Columns(text="1", label="2"))
    assert rows_of(labelled) == [("great film", "pos"), ("bad film", "neg")]
    turned = read_corpus([path], columns=Columns(source="3", target="1"))
    assert rows_of(turned) == [("x", "great film"), ("y", "bad film")]


def test_rows_without_a_text_or_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text,label\na,x\n,x\n" \n",y\nb,y\nc, \n,\n')
    corpus = read_corpus([path])
    assert rows_of(corpus) == [("a", "x"), ("b", "y")]
    assert corpus.notices[1:] == ("3 empty texts left out", "1 text without a label left out")
    path = write(
        tmp_path / "a.jsonl", as_jsonl(["en", "fr"], [["a", "b"], [None, "c"], ["d", "e"]])
    )
    assert read_corpus([path]).notices[1:] == ("1 pair with an empty side left out",)


@pytest.mark.parametrize(
    ("first", "second", "languages"),
    [
        ("train.en", "train.ja", ("en", "ja")),
        ("train.en.gz", "train.de.gz", ("en", "de")),
        ("english.txt", "french.txt", ("en", "fr")),
        ("a.txt", "b.txt", None),
        ("a.en", "b.en", None),
    ],
)
def test_two_files_are_pairs_of_lines(
    tmp_path: Path, first: str, second: str, languages: tuple[str, str] | None
) -> None:
    data = [write(tmp_path / first, "one\r\ntwo\n"), write(tmp_path / second, "un\ndeux")]
    corpus = read_corpus(data)
    assert (corpus.task, corpus.languages) == ("translate", languages)
    assert corpus.name == " ".join(data)
    assert rows_of(corpus) == [("one", "un"), ("two", "deux")]


def test_the_direction_of_two_files_can_be_turned(tmp_path: Path) -> None:
    data = [write(tmp_path / "a.en", "one\ntwo\n"), write(tmp_path / "a.fr", "un\ndeux\n")]
    corpus = read_corpus(data, columns=Columns(source="fr"))
    assert corpus.languages == ("fr", "en")
    assert rows_of(corpus) == [("un", "one"), ("deux", "two")]


def test_the_second_file_is_found_beside_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    for name, content in (("train.en", "one\ntwo\n"), ("train.ja", "一\n二\n")):
        write(tmp_path / "corpus" / name, content)
    first, second = str(Path("corpus/train.en")), str(Path("corpus/train.ja"))
    corpus = read_corpus([first, "train.ja"])
    assert rows_of(corpus) == [("one", "一"), ("two", "二")]
    assert corpus.languages == ("en", "ja")
    assert corpus.notices[0] == f"second file: {second}, beside the first"
    assert corpus.fingerprint == read_corpus([first, second]).fingerprint
    write(tmp_path / "train.ja", "三\n四\n")
    here = read_corpus([first, "train.ja"])
    assert rows_of(here) == [("one", "三"), ("two", "四")]
    assert here.notices == ("task: translate, from en to ja",)
    assert error_of(first, "train.fr").message == "no such file: train.fr"


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    first = write(tmp_path / "a.txt", "one\ntwo\n")
    same = write(tmp_path / "b.txt", "one\ntwo\n")
    other = write(tmp_path / "c.txt", "one\ntwo!\n")
    prints = [read_corpus([path]).fingerprint for path in (first, same, other)]
    assert prints[0] == prints[1] != prints[2]
    assert len(prints[0]) == 64
    assert read_corpus([first, other]).fingerprint != read_corpus([other, first]).fingerprint


def test_data_to_score_on_may_be_one_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,x\n")
    assert rows_of(read_corpus([path], for_training=False)) == [("a", "x")]
    with pytest.raises(DataError, match="nothing usable"):
        read_corpus([write(tmp_path / "b.csv", "text,label\n,x\n")], for_training=False)


# --- Errors -------------------------------------------------------------------------------------

# File name, content, task, message, hint; {} stands for the path in both.
UNREADABLE: list[tuple[str, str | bytes, Task | None, str, str]] = [
    ("a.txt", "", None, "{} is empty", "two lines"),
    ("a.csv", b"\xef\xbb\xbf", None, "{} is empty", "two lines"),
    ("a.txt.gz", b"", None, "{} is empty", "two lines"),
    ("a.txt", "\n \n\n", None, "{} is empty: there is nothing usable in it", "more rows"),
    ("a.txt", "one line\n", None, "{} is empty: there is only one usable row in it", "more rows"),
    ("a.csv", "text,label\n", None, "{} is empty: there is nothing usable in it", "more rows"),
    ("a.csv", "text,label\na,x\n,y\n", None, "only one usable row", "more rows"),
    ("a.csv", "\n\n", None, "{} is empty: there is no row in it", "rows"),
    ("a.tsv", "\r\n", None, "{} is empty: there is no row in it", "rows"),
    ("a.jsonl", "\n{}\n", None, "{} is empty: there is no row in it", "rows"),
    (
        "a.csv",
        "text,label\na,x\nb,x\n",
        None,
        "{} has one class only: every label is 'x'",
        "--label",
    ),
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
    ("a.csv", "id,body2,kind\n1,a,x\n", None, "its columns are: id, body2, kind", "--text COLUMN"),
    ("a.csv", "Good film\nBad\n", "classify", "has no column that is known to hold", "no header"),
    ("a.csv", "text,kind,x\na,b,c\n", "classify", "known to hold the label; its", "--label COLUMN"),
    ("a.csv", "phrase,word,x\na,b,c\n", "generate", "known to hold the text; its", "--text COLUMN"),
    ("a.csv", "text,label\na,b\n", "translate", "hold the source or the target", "--source COLUMN"),
    ("a.txt", "a\nb\n", "classify", "{} is plain text, which has no labels", ".csv"),
    ("a.txt", "a\nb\n", "translate", "{} is plain text, which has no translations", ".tsv"),
    (
        "a.jsonl",
        '{"text": "a"}\n{"text": \n',
        None,
        "{}, line 2: no valid JSON",
        "one object a line",
    ),
    (
        "a.jsonl",
        '{"text": "a"}\n\n["b"]\n',
        None,
        "{}, line 3: no JSON object",
        "one object a line",
    ),
    ("a.json", '[\n{"text": "a"}\n]\n', None, "{}, line 1: no valid JSON", "jq -c"),
    (
        "a.jsonl",
        '{"text": "a"}\n{"text": 5}\n',
        None,
        "{}, line 2: a text is expected, not 5",
        "quota",
    ),
    ("a.jsonl", '{"text": "a"}\n{"txt": "b"}\n', None, "{}, line 2: no 'text' in this object", ""),
    (
        "a.jsonl",
        '{"text": "a", "label": [1]}\n',
        None,
        "{}, line 1: a label is expected",
        "--label",
    ),
    ("a.jsonl", "[" * 100_000, None, "{}, line 1: no valid JSON", "jq -c"),
    ("a.parquet", "PAR1 no more", None, "{} cannot be read as Parquet", "whole"),
    ("a.csv", "text,label\na,x\n".encode("utf-16"), None, "{} is UTF-16, not UTF-8", "iconv"),
    ("a.csv", b"PK\x03\x04....", None, "{} is a zip archive", "CSV"),
    ("a.txt.zst", b"\x28\xb5\x2f\xfd..", None, "{} is a zstd archive", "unzstd {}"),
]


@pytest.mark.parametrize(("name", "content", "task", "message", "hint"), UNREADABLE)
def test_data_that_cannot_be_used_is_explained(
    tmp_path: Path, name: str, content: str | bytes, task: Task | None, message: str, hint: str
) -> None:
    path = write(tmp_path / name, content)
    error = error_of(path, task=task)
    assert message.replace("{}", path) in error.message
    assert hint.replace("{}", path) in (error.hint or "")


@pytest.mark.parametrize("keep", [15, -8])
def test_a_damaged_gzip_file_is_explained(tmp_path: Path, keep: int) -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % number for number in range(9_999)))
    path = tmp_path / "a.txt.gz"
    path.write_bytes(packed[:keep])
    error = error_of(str(path))
    assert error.message == f"{path} is damaged: its gzip data is cut short or broken"
    assert error.hint == f"test it: gzip --test {path}"


def test_a_missing_column_is_listed_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label,stars\na,x,1\nb,y,2\n")
    error = error_of(path, columns=Columns(label="star"))
    assert error.message == f"{path} has no column 'star'; its columns are: text, label, stars"
    assert error.hint == "did you mean stars?"
    assert (
        error_of(path, columns=Columns(text="?")).hint == "name one of these, such as --text text"
    )


def test_options_of_different_tasks_are_refused_together(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,x\nb,y\n")
    error = error_of(path, columns=Columns(text="text", source="label"))
    assert error.message == "--text and --source do not go together"
    error = error_of(path, task="generate", columns=Columns(label="label"))
    assert error.message == "--label and --task generate do not go together"
    assert error.hint == "generate takes --text and --control"


def test_files_that_are_not_aligned_are_explained(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.en", "1\n2\n3\n"), write(tmp_path / "a.fr", "1\n")
    error = error_of(first, second)
    assert error.message == f"{first} has 3 lines, but {second} has 1 line"
    table = write(tmp_path / "a.csv", "text,label\na,b\n")
    assert f"{table} is not plain text" in error_of(first, table).message
    assert error_of(first, second, first).message.startswith("3 things to read")


def test_what_does_not_exist_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "reviews-2024.csv", "text,label\na,x\nb,y\n")
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert error_of("reviews-2023.csv").message == "no such file: reviews-2023.csv"
    assert error_of("reviews-2023.csv").hint == "did you mean reviews-2024.csv?"
    for path in ("data/train.en", "./imdb", "a/b/c", "text.txt.gz", "x/y.jsonl"):
        assert error_of(path).message == f"no such file: {path}"
    assert error_of("train.en", "train.fr").message == "no such file: train.en"
    assert error_of("imdb", "sst2").message == "no such file: imdb"
    assert error_of("org").message == error_of("org/name").message.replace("/name", "")
    assert error_of("org/name").hint == f"name a file in it: {Path('org/name/FILE')}"
    assert error_of(os.devnull).message == f"{os.devnull} is empty"
    assert error_of("imbd").hint == "did you mean imdb?"
    assert error_of("reviws").hint == "did you mean reviews?"
    assert "one of: reviews, stories, phrasebook, imdb" in (error_of("zzzzzz").hint or "")
    assert "no file" in error_of("what a fine day " * 1_000).message


def test_a_directory_is_not_taken_for_a_dataset_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stanfordnlp" / "imdb").mkdir(parents=True)
    assert "a directory here has the same name" in error_of("imdb").message


def test_only_the_hub_has_revisions(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "one\ntwo\n")
    with pytest.raises(DataError, match="is not on the hub and has no revisions"):
        read_corpus([path], revision="main")


# --- Standard input and other processes ---------------------------------------------------------

PROGRAM = """
import json, sys
from rnncli.data.columns import Columns
from rnncli.data.corpus import read_corpus
from rnncli.errors import DataError
for data, options in json.load(open(sys.argv[1])):
    options["columns"] = Columns(**options.get("columns", {}))
    try:
        corpus = read_corpus(data, **options)
    except DataError as error:
        answer = {"message": error.message, "hint": error.hint}
    else:
        answer = {
            "task": corpus.task,
            "splits": {name: [list(row.values()) for row in split]
                       for name, split in corpus.splits.items()},
            "columns": corpus.columns,
            "languages": corpus.languages,
            "licence": corpus.licence,
            "notices": list(corpus.notices),
            "fingerprint": corpus.fingerprint,
        }
    print(json.dumps(answer), flush=True)
"""

Question = tuple[list[str], dict[str, Any]]


def ask(
    folder: Path, questions: list[Question], environment: dict[str, str], stdin: bytes = b""
) -> list[dict[str, Any]]:
    """Ask read_corpus in a process of its own, and check that it wrote nothing to stderr."""
    asked = folder / "questions.json"
    asked.write_text(json.dumps(questions))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(asked)],
        input=stdin,
        capture_output=True,
        check=True,
        env={**os.environ, "HF_HOME": str(folder / "hf"), "TMPDIR": str(folder), **environment},
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_standard_input_is_read_and_nothing_is_left_behind(tmp_path: Path) -> None:
    content = gzip.compress(as_csv([("text", "label"), *REVIEWS]).encode())
    (answer,) = ask(tmp_path, [(["-"], {})], {}, stdin=content)
    assert answer["task"] == "classify"
    assert answer["splits"] == {"train": [list(row) for row in REVIEWS]}
    assert [path.name for path in tmp_path.iterdir()] == ["questions.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize(
    ("content", "task"),
    [
        (b"First Citizen:\nBefore we proceed, hear me speak.\n", "generate"),
        (b"\tindented\n\nand\tnot a table\n", "generate"),
        (b"{not json\nbut text}\n", "generate"),
        (b"Yes, no\nmaybe, perhaps\n", "generate"),
        (b"en\tfr\nGo.\tVa !\nYes.\tOui.\n", "translate"),
        (b"Go.\tVa !\nYes.\tOui.", "translate"),
        (b'{"text": "a", "label": 1}\n{"text": "b", "label": 2}\n', "classify"),
        (b"id,text,label\n1,a,x\n2,b,y\n", "classify"),
        (as_parquet(("text", "label"), REVIEWS), "classify"),
    ],
)
def test_the_format_of_a_pipe_is_guessed(tmp_path: Path, content: bytes, task: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    corpus = read_corpus([str(pipe)])
    writer.join()
    assert corpus.task == task


# --- The hub ------------------------------------------------------------------------------------


def publish(repository: Path, card: str, **splits: Dataset) -> None:
    """Put a dataset where the stand-in serves it from."""
    (repository / "data").mkdir(parents=True)
    (repository / "README.md").write_text(f"---\n{card}\n---\n# A dataset\n")
    for name, split in splits.items():
        split.to_parquet(repository / "data" / f"{name}-00000-of-00001.parquet")


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repositories")
    features = Features(
        {
            "sentence": Value("string"),
            "label": ClassLabel(names=["bad", "good"]),
            "id": Value("int32"),
        }
    )
    train, dev, test = (
        Dataset.from_dict({"sentence": texts, "label": labels, "id": [7, 8]}, features=features)
        for texts, labels in [(["a", "b"], [0, 1]), (["c", " "], [1, 1]), (["d", "e"], [-1, -1])]
    )
    publish(folder / "org/films", "license: mit", train=train, dev=dev, test=test, extra=dev)
    publish(folder / "org/heldout", "license: [mit, cc0-1.0]", test=dev, validation=dev)
    pairs = Dataset.from_dict(
        {"id": ["1", "2"], "translation": [{"en": "a", "fr": "b"}, {"en": "c", "fr": "d"}]},
        features=Features(
            {"id": Value("string"), "translation": Translation(languages=["en", "fr"])}
        ),
    )
    publish(folder / "Helsinki-NLP/opus_books", "license: other", train=pairs)
    parts = "".join(
        f"- config_name: {name}\n  data_files: data/{name}-*\n" for name in ("plain", "other")
    )
    publish(folder / "org/parts", f"configs:\n{parts}", plain=train, other=dev)
    publish(folder / "org/closed", "extra_gated_prompt: please", train=train)
    publish(folder / "org/nothing", "license: mit")
    publish(folder / "org/script", "license: mit")
    (folder / "org/script/script.py").write_text("# builds the dataset\n")
    english = Dataset.from_dict({"english": ["a", "b"], "non_english": ["c", "d"]})
    publish(
        folder / "sentence-transformers/parallel-sentences-tatoeba",
        "configs:\n- config_name: en-ja\n  data_files: data/train-*\n",
        train=english,
    )
    (folder / "org/lines").mkdir()
    (folder / "org/lines/train.jsonl").write_text(as_jsonl(["text"], [["one"], ["two\n"]]))
    return folder


QUESTIONS: dict[str, Question] = {
    "films": (["org/films"], {}),
    "text": (["org/films"], {"task": "generate"}),
    "heldout": (["org/heldout"], {}),
    "scored": (["org/heldout"], {"for_training": False}),
    "books": (["Helsinki-NLP/opus_books"], {}),
    "turned": (["Helsinki-NLP/opus_books"], {"columns": {"source": "fr"}}),
    "tatoeba": (["tatoeba:en-ja"], {}),
    "part": (["org/parts:plain"], {}),
    "no part": (["org/parts"], {}),
    "wrong part": (["org/parts:plane"], {}),
    "lines": (["org/lines"], {}),
    "missing": (["org/missing"], {}),
    "closed": (["org/closed"], {}),
    "script": (["org/script"], {}),
    "nothing": (["org/nothing"], {}),
    "revision": (["org/films"], {"revision": "0" * 40}),
    "pinned": (["opus_books"], {}),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the place of the cache that the hub's datasets are loaded into."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def online(hub_folder: Path, cache: Path) -> dict[str, dict[str, Any]]:
    """Ask everything of the hub in one process."""
    with serve_hub(hub_folder) as address:
        environment = {"HF_ENDPOINT": address, "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        answers = ask(cache, list(QUESTIONS.values()), environment)
    return dict(zip(QUESTIONS, answers, strict=True))


@pytest.fixture(scope="module")
def offline(online: dict[str, dict[str, Any]], cache: Path) -> dict[str, dict[str, Any]]:
    """Ask again when the hub is gone and the cache is filled."""
    names = [name for name in online if name in ("films", "books", "missing", "revision")]
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # nobody listens at this port
    answers = ask(cache, [QUESTIONS[name] for name in names], environment)
    return dict(zip(names, answers, strict=True))


Answers = dict[str, dict[str, Any]]


def test_a_dataset_of_the_hub_has_class_names_and_splits(online: Answers) -> None:
    assert online["films"]["task"] == "classify"
    assert online["films"]["splits"] == {
        "train": [["a", "bad"], ["b", "good"]],
        "validation": [["c", "good"]],
    }
    assert online["films"]["columns"] == {"text": "sentence", "label": "label"}
    assert online["films"]["licence"] == "mit"
    assert re.fullmatch("revision: [0-9a-f]{40}", online["films"]["notices"][0])
    assert online["films"]["notices"][1:] == [
        "splits left out: extra",
        "task: classify, from the columns sentence and label",
        "split test left out: it is empty",
        "1 empty text left out",
    ]
    assert online["text"]["splits"]["test"] == [["d\n"], ["e\n"]]


def test_translations_of_the_hub_are_pairs(online: Answers) -> None:
    assert online["books"]["task"] == "translate"
    assert online["books"]["splits"] == {"train": [["a", "b"], ["c", "d"]]}
    assert online["books"]["languages"] == ["en", "fr"]
    assert online["turned"]["splits"] == {"train": [["b", "a"], ["d", "c"]]}
    assert online["tatoeba"]["languages"] == ["en", "ja"]
    assert online["tatoeba"]["licence"] == "CC BY 2.0 FR"


def test_a_subset_is_chosen_by_name(online: Answers) -> None:
    assert online["part"]["splits"] == {"train": [["a", "bad"], ["b", "good"]]}
    for answer in (online["no part"], online["wrong part"]):
        assert "its subsets are: plain, other" in answer["message"]
        assert answer["hint"] == "name one: rnncli train org/parts:plain"


def test_documents_of_the_hub_end_in_a_newline(online: Answers) -> None:
    assert online["lines"]["task"] == "generate"
    assert online["lines"]["splits"] == {"train": [["one\n"], ["two\n"]]}
    assert online["lines"]["licence"] is None


def test_a_dataset_without_a_train_split_can_only_be_scored_on(online: Answers) -> None:
    assert online["heldout"]["message"].startswith("org/heldout has no split called train")
    assert online["scored"]["splits"].keys() == {"validation", "test"}
    assert online["scored"]["licence"] == "mit, cc0-1.0"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "missing",
            "the hub has no dataset org/missing, or only for its owners",
            "?search=missing",
        ),
        ("closed", "org/closed is open only to those who have accepted its terms", "hf auth login"),
        ("script", "org/script is made by a script", "Parquet"),
        ("nothing", "org/nothing cannot be read: ", "/datasets/org/nothing/tree/main"),
        ("revision", "org/films has no revision 0000", "/datasets/org/films/commits/main"),
        ("pinned", "Helsinki-NLP/opus_books has no revision 1f9f", "/commits/main"),
    ],
)
def test_what_the_hub_refuses_is_explained(
    online: Answers, name: str, message: str, hint: str
) -> None:
    assert online[name]["message"].startswith(message)
    assert hint in online[name]["hint"]


def test_without_the_hub_the_cache_gives_the_same(online: Answers, offline: Answers) -> None:
    for name in ("films", "books"):
        assert offline[name]["splits"] == online[name]["splits"]
        assert offline[name]["fingerprint"] == online[name]["fingerprint"]
        assert offline[name]["notices"][0] == "the hub is out of reach: read from the cache"


def test_without_the_hub_and_the_cache_the_error_says_what_works(offline: Answers) -> None:
    assert (
        offline["missing"]["message"]
        == "the hub is out of reach, and org/missing is not in the cache"
    )
    assert "HF_ENDPOINT" in offline["missing"]["hint"]
    assert "local files need no connection" in offline["missing"]["hint"]
    assert "and the cache holds revision" in offline["revision"]["message"]


@pytest.mark.parametrize("quiet", [True, False])
def test_downloads_show_bars_on_a_terminal_unless_quiet(
    hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    for library in ("HUB", "DATASETS"):
        monkeypatch.delenv(f"HF_{library}_DISABLE_PROGRESS_BARS", raising=False)
    shown = b""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with serve_hub(hub_folder) as address:
        env = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        options = ["--quiet"] if quiet else []
        process = start("train", "org/heldout", *options, cwd=tmp_path, env=env, stderr=theirs)
        os.close(theirs)
        with process, contextlib.suppress(OSError):  # a terminal without users cannot be read
            while piece := os.read(ours, 65_536):
                shown += piece
    os.close(ours)
    assert b"error: org/heldout has no split called train" in shown
    assert shown.startswith(b"error: ") == quiet
    assert (b"100%" not in shown) == quiet


# --- Holding out --------------------------------------------------------------------------------


def test_the_cut_of_a_text_is_exact_to_the_character() -> None:
    rows = [["abc\n"], ["\n"], ["defgh\n"]]
    for cut in range(1, 11):
        train, validation = hold_out(corpus_of("generate", rows), fraction=1 - cut / 11, seed=0)
        kept = int(11 * (1 - (1 - cut / 11)))
        assert "".join(texts_of(train)) == "abc\n\ndefgh\n"[:kept]
        assert "".join(texts_of(validation)) == "abc\n\ndefgh\n"[kept:]
        assert "" not in texts_of(train) + texts_of(validation)


@given(st.lists(anything, min_size=1), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=50)
def test_no_character_is_lost_at_the_cut(texts: list[str], fraction: float) -> None:
    joined = "".join(text + "\n" for text in texts)
    corpus = corpus_of("generate", [[text + "\n"] for text in texts])
    cut = int(len(joined) * (1 - fraction))
    if cut == 0:
        with pytest.raises(DataError, match="too small"):
            hold_out(corpus, fraction=fraction, seed=0)
        return
    train, validation = hold_out(corpus, fraction=fraction, seed=0)
    assert "".join(texts_of(train)) == joined[:cut]
    assert "".join(texts_of(validation)) == joined[cut:]


few_texts = st.sampled_from([f"text {number}" for number in range(30)])


@given(st.lists(st.tuples(few_texts, st.sampled_from("abc")), min_size=1), st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_no_text_stands_on_both_sides_and_no_label_is_lost(
    rows: list[tuple[str, str]], seed: int
) -> None:
    texts_with = {label: {text for text, own in rows if own == label} for _, label in rows}
    movable = [
        text
        for text, _ in rows
        if all(len(texts_with[label]) > 1 for own, label in rows if own == text)
    ]
    corpus = corpus_of("classify", rows)
    if not movable:
        with pytest.raises(DataError, match="rows is too small to hold out a part of it"):
            hold_out(corpus, fraction=0.3, seed=seed)
        return
    train, validation = hold_out(corpus, fraction=0.3, seed=seed)
    assert not set(texts_of(train)) & set(texts_of(validation))
    sides = [
        list(zip(*(texts_of(side, name) for name in ("text", "label")), strict=True))
        for side in (train, validation)
    ]
    assert Counter(sides[0]) + Counter(sides[1]) == Counter(rows)
    assert min(map(len, sides)) > 0
    trained = set(texts_of(train, "label"))
    assert all(label in trained for label, texts in texts_with.items() if len(texts) > 1)


@given(st.lists(st.tuples(few_texts, few_texts), min_size=1), st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_no_side_of_a_pair_stands_on_both_sides(rows: list[tuple[str, str]], seed: int) -> None:
    corpus = corpus_of("translate", rows)
    linked: list[tuple[set[str], set[str]]] = []  # sources and targets that hang together
    for source, target in rows:
        touching = [pair for pair in linked if source in pair[0] or target in pair[1]]
        merged = (
            {source}.union(*(s for s, _ in touching)),
            {target}.union(*(t for _, t in touching)),
        )
        linked = [pair for pair in linked if pair not in touching] + [merged]
    if len(linked) == 1:
        with pytest.raises(DataError, match="too small to hold out"):
            hold_out(corpus, fraction=0.3, seed=seed)
        return
    train, validation = hold_out(corpus, fraction=0.3, seed=seed)
    assert not set(texts_of(train, "source")) & set(texts_of(validation, "source"))
    assert not set(texts_of(train, "target")) & set(texts_of(validation, "target"))
    assert len(train) + len(validation) == len(rows)
    assert min(len(train), len(validation)) > 0


def test_pairs_that_all_hang_together_cannot_be_held_out() -> None:
    chain = [(f"s{number // 2}", f"t{(number + 1) // 2}") for number in range(50)]
    with pytest.raises(DataError, match="too small to hold out"):
        hold_out(corpus_of("translate", chain), fraction=0.1, seed=0)


def test_every_label_is_held_out_in_its_share() -> None:
    rows = [(f"text {number}", "common" if number % 10 else "rare") for number in range(1_000)]
    _, validation = hold_out(corpus_of("classify", rows), fraction=0.1, seed=3)
    assert Counter(texts_of(validation, "label")) == {"common": 90, "rare": 10}


def test_the_seed_and_nothing_else_draws_the_rows() -> None:
    corpus = corpus_of("classify", [(f"text {number}", "ab"[number % 2]) for number in range(40)])
    drawn = [texts_of(hold_out(corpus, fraction=0.1, seed=seed)[1]) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == PINNED, "a model's held-out part can be found again on any machine"


PINNED = ["text 13", "text 20", "text 26", "text 35"]


def test_the_rows_held_out_can_be_limited() -> None:
    corpus = corpus_of("classify", [(f"text {number}", "ab"[number % 2]) for number in range(100)])
    train, validation = hold_out(corpus, fraction=0.5, seed=0, max_rows=10)
    assert (len(train), len(validation)) == (90, 10)


def test_a_validation_split_is_taken_as_it_is() -> None:
    rows = [(f"text {number}", "ab"[number % 2]) for number in range(100)]
    corpus = corpus_of("classify", rows)
    corpus.splits["validation"] = corpus.splits["train"]
    train, validation = hold_out(corpus, fraction=0.1, seed=0)
    assert len(train) == len(validation) == 100
    _, first = hold_out(corpus, fraction=0.1, seed=0, max_rows=10)
    _, again = hold_out(corpus, fraction=0.1, seed=0, max_rows=10)
    _, other = hold_out(corpus, fraction=0.1, seed=1, max_rows=10)
    assert texts_of(first) == texts_of(again) != texts_of(other)
    assert len(first) == 10
    order = texts_of(validation)
    assert sorted(texts_of(first), key=order.index) == texts_of(first)


def test_the_validation_of_a_text_keeps_its_beginning() -> None:
    corpus = corpus_of("generate", [[f"{number}\n"] for number in range(10)])
    corpus.splits["validation"] = corpus.splits["train"]
    _, validation = hold_out(corpus, fraction=0.1, seed=0, max_characters=6)
    assert texts_of(validation) == ["0\n", "1\n", "2\n"]


def test_no_more_of_a_long_text_is_held_out_than_is_needed() -> None:
    corpus = corpus_of("generate", [["abcdefghij"], ["klmnopqrst"]])
    train, validation = hold_out(corpus, fraction=0.5, seed=0, max_characters=4)
    assert "".join(texts_of(train)) == "abcdefghijklmnop"
    assert "".join(texts_of(validation)) == "qrst"


# --- Public corpora, where they are on this machine ---------------------------------------------

CORPORA = os.environ.get("RNNCLI_CORPORA")
needs_corpora = pytest.mark.skipif(CORPORA is None, reason="RNNCLI_CORPORA names no directory")


@needs_corpora
def test_tiny_shakespeare_is_cut_as_everywhere() -> None:
    corpus = read_corpus([f"{CORPORA}/tinyshakespeare/input.txt"])
    train, validation = hold_out(corpus, fraction=0.1, seed=0)
    assert len(corpus.splits["train"]) == 40_000
    assert sum(map(len, column_values(train, "text"))) == 1_003_854
    assert sum(map(len, column_values(validation, "text"))) == 111_540


@needs_corpora
@pytest.mark.parametrize(
    ("data", "task", "rows"),
    [
        (["sst2/train.csv"], "classify", 6_920),
        (["airline_sentiment/train.csv"], "classify", 11_712),
        (["financial_phrasebank/train.csv"], "classify", 3_878),
        (["trec/train.csv"], "classify", 5_452),
        (["names/names.csv"], "classify", 20_050),
        (["imdb/train.csv.gz"], "classify", 25_000),
        (["multi30k/train.en", "multi30k/train.de"], "translate", 29_000),
        (["small_parallel_enja/train.en", "small_parallel_enja/train.ja"], "translate", 50_000),
        (["tatoeba_en_fr/train.tsv.gz"], "translate", 157_130),
        (["tatoeba_en_ja/train.tsv.gz"], "translate", 57_181),
    ],
)
def test_public_corpora_are_read_whole(data: list[str], task: str, rows: int) -> None:
    corpus = read_corpus([f"{CORPORA}/{name}" for name in data])
    assert (corpus.task, len(corpus.splits["train"])) == (task, rows)


@needs_corpora
def test_no_sentence_of_tatoeba_stands_on_both_sides() -> None:
    corpus = read_corpus([f"{CORPORA}/tatoeba_en_fr/dev.tsv"])
    train, validation = hold_out(corpus, fraction=0.1, seed=0)
    for column in ("source", "target"):
        assert not set(column_values(train, column)) & set(column_values(validation, column))
    assert len(validation) == 500
