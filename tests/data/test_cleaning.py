"""Which rows can be learned from, and what their cells become."""

from pathlib import Path

import pytest
from corpora import (
    Unreadable,
    as_jsonl,
    as_parquet,
    assert_explained,
    rows_of,
    texts_of,
    write,
)

from rnncli.data.corpus import read_corpus


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
    path = write(tmp_path / "a.csv", "text,label\na, 01 \nb,none\nc,NaN\nd,1\n")
    assert texts_of(read_corpus([path]).splits["train"], "label") == ["01", "none", "1"]


def test_numbers_in_parquet_can_be_labels(tmp_path: Path) -> None:
    rows = [("a", 1), ("b", -1), ("c", None)]
    corpus = read_corpus([write(tmp_path / "a.parquet", as_parquet(("text", "label"), rows))])
    assert rows_of(corpus) == [("a", "1"), ("b", "-1")]
    assert corpus.notices[-1] == "1 text without a label left out"


def test_rows_without_a_text_or_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text,label\na,x\n,x\n" \n",y\nb,y\nc, \n,\n')
    corpus = read_corpus([path])
    assert rows_of(corpus) == [("a", "x"), ("b", "y")]
    assert corpus.notices[1:] == ("3 empty texts left out", "1 text without a label left out")
    path = write(
        tmp_path / "a.jsonl", as_jsonl(["en", "fr"], [["a", "b"], [None, "c"], ["d", "e"]])
    )
    assert read_corpus([path]).notices[1:] == ("1 pair with an empty side left out",)


UNREADABLE: list[Unreadable] = [
    (
        "a.jsonl",
        '{"text": "a"}\n{"text": 5}\n',
        None,
        "{}, line 2: a text is expected, not 5",
        "quota",
    ),
    (
        "a.jsonl",
        '{"text": "a", "label": [1]}\n',
        None,
        "{}, line 1: a label is expected",
        "--label",
    ),
]


@pytest.mark.parametrize("case", UNREADABLE)
def test_cells_of_the_wrong_type_are_explained(tmp_path: Path, case: Unreadable) -> None:
    assert_explained(tmp_path, case)
