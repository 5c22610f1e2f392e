"""Files, pipes and standard input: their formats, their bytes, and what is no text."""

import gzip
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
from corpora import (
    REVIEWS,
    Unreadable,
    as_csv,
    as_parquet,
    ask,
    assert_explained,
    error_of,
    one_line,
    rows_of,
    texts_of,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.data import arrow
from rnncli.data.columns import Columns
from rnncli.data.corpus import read_corpus


@pytest.mark.parametrize("ending", [".txt", ".text", ".txt.gz", ".TXT", ".md", ""])
def test_plain_text_is_read_line_by_line(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"data{ending}", "one\r\n\n two \nlast")
    corpus = read_corpus([path])
    assert corpus.task == "generate"
    assert texts_of(corpus.splits["train"]) == ["one\n", "\n", " two \n", "last\n"]
    assert corpus.notices[-1] == "task: generate, from plain text"
    has_known_ending = Path(path.lower().removesuffix(".gz")).suffix in (".txt", ".text")
    assert len(corpus.notices) == (1 if has_known_ending else 2)


@pytest.mark.parametrize(
    "text", ["x" * 50_000, "é€\U0001f600" * 9_000, "\n" + "a\r" * 20_000 + "."]
)
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


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"\xef\xbb\xbftext,label\na,x\nb,y\n")
    assert read_corpus([path]).columns == {"text": "text", "label": "label"}


def test_bytes_that_are_not_utf8_are_replaced_and_counted(tmp_path: Path) -> None:
    whole = "naïve café déjà".encode()
    path = write(
        tmp_path / "a.csv",
        b"text,label\ncaf\xe9,x\n\xff\xfe b,y\n\xe2\x82,z\n" + 2 * (whole + b",z\n"),
    )
    corpus = read_corpus([path])
    texts = texts_of(corpus.splits["train"])
    assert texts == ["caf\ufffd", "\ufffd\ufffd b", "\ufffd", *2 * [whole.decode()]]
    assert corpus.notices[-1] == "5 bytes not UTF-8, replaced by \ufffd"


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow, "RECORD_BATCH_CHARACTERS", 1 << 16)  # which the file is longer than
    path = write(
        tmp_path / "big.txt.gz", b"a line of some fifty characters, no more than that\n" * 100_000
    )
    tracemalloc.start()
    read_corpus([path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000, "of 5 million bytes"


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


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    first = write(tmp_path / "a.txt", "one\ntwo\n")
    same = write(tmp_path / "b.txt", "one\ntwo\n")
    other = write(tmp_path / "c.txt", "one\ntwo!\n")
    prints = [read_corpus([path]).fingerprint for path in (first, same, other)]
    assert prints[0] == prints[1] != prints[2]
    assert len(prints[0]) == 64
    assert read_corpus([first, other]).fingerprint != read_corpus([other, first]).fingerprint


@pytest.mark.parametrize("keep", [15, -8])
def test_a_damaged_gzip_file_is_explained(tmp_path: Path, keep: int) -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % number for number in range(9_999)))
    path = tmp_path / "a.txt.gz"
    path.write_bytes(packed[:keep])
    error = error_of(str(path))
    assert error.message == f"{path} is damaged: its gzip data is cut short or broken"
    assert error.hint == f"test it: gzip --test {path}"


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
        (b"\xef\xbb\xbftext;label\na;x\nb;y\n", "classify"),
        (b'"Yes, no\nmaybe, perhaps\n', "generate"),
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


def test_aligned_texts_are_read_from_two_pipes() -> None:
    contents = [b"Go.\nYes.\nNo.\n", b"Va !\nOui.\nNon.\n"]
    pipes = [os.pipe() for _ in contents]
    for (_, end), content in zip(pipes, contents, strict=True):
        os.write(end, content)
        os.close(end)
    corpus = read_corpus([f"/dev/fd/{read}" for read, _ in pipes], task="translate")
    for read, _ in pipes:
        os.close(read)
    assert list(corpus.splits["train"][:]["target"]) == ["Va !", "Oui.", "Non."]


UNREADABLE: list[Unreadable] = [
    ("a.txt", "", None, "{} is empty", "two lines"),
    ("a.csv", b"\xef\xbb\xbf", None, "{} is empty", "two lines"),
    ("a.txt.gz", b"", None, "{} is empty", "two lines"),
    ("a.csv", "text,label\na,x\n".encode("utf-16"), None, "{} is UTF-16, not UTF-8", "iconv"),
    ("a.csv", b"PK\x03\x04....", None, "{} is a zip archive", "unzip {}"),
    ("a.txt.zst", b"\x28\xb5\x2f\xfd..", None, "{} is a zstd archive", "unzstd {}"),
]


@pytest.mark.parametrize("case", UNREADABLE)
def test_files_that_are_no_text_are_explained(tmp_path: Path, case: Unreadable) -> None:
    assert_explained(tmp_path, case)
