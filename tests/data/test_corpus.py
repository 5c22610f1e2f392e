"""Whether there is enough to learn from, or to score on."""

from pathlib import Path

import pytest
from corpora import CORPORA, Unreadable, assert_explained, error_of, needs_corpora, rows_of, write

from rnncli.data.columns import Columns
from rnncli.data.corpus import read_corpus
from rnncli.errors import DataError


def test_data_to_score_on_may_be_one_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,x\n")
    assert rows_of(read_corpus([path], for_training=False)) == [("a", "x")]
    with pytest.raises(DataError, match="nothing usable"):
        read_corpus([write(tmp_path / "b.csv", "text,label\n,x\n")], for_training=False)


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


UNREADABLE: list[Unreadable] = [
    ("a.txt", "\n \n\n", None, "{} is empty: there is nothing usable in it", "more rows"),
    (
        "a.txt",
        "one line\n",
        None,
        "{} has only one usable row, and 2 are needed at least",
        "more rows",
    ),
    ("a.csv", "text,label\n", None, "{} is empty: there is nothing usable in it", "more rows"),
    ("a.csv", "text,label\na,x\n,y\n", None, "only one usable row", "more rows"),
    (
        "a.csv",
        "text,label\na,x\nb,x\n",
        None,
        "{} has one class only: every label is 'x'",
        "--label",
    ),
]


@pytest.mark.parametrize("case", UNREADABLE)
def test_too_little_data_is_explained(tmp_path: Path, case: Unreadable) -> None:
    assert_explained(tmp_path, case)


@pytest.mark.parametrize("option", ["label", "control"])
def test_a_column_of_texts_is_not_taken_for_labels(tmp_path: Path, option: str) -> None:
    rows = "".join(f"text {number},note {number}\n" for number in range(10_001))
    path = write(tmp_path / "a.csv", f"text,note\n{rows}")
    error = error_of(path, columns=Columns(text="text", **{option: "note"}))
    assert error.message == f"{path}: the column note has 10,001 labels, more than 10,000"
    assert error.hint == f"is it the right column? --{option} COLUMN"
