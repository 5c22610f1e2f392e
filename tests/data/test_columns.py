"""The task and its columns: by name, by option, or not at all."""

from pathlib import Path

import pytest
from corpora import Unreadable, as_csv, as_jsonl, assert_explained, error_of, rows_of, write

from rnncli.config import Task
from rnncli.data.columns import ANY_COLUMNS, Columns
from rnncli.data.corpus import read_corpus


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


def test_other_columns_of_labels_are_named_with_the_option_that_takes_them(tmp_path: Path) -> None:
    header = ["id", "message", "stars", "team", "sent", "rating"]
    teams, days = ("billing", "the shop"), ("2024-01-02", "2024-02-03")
    rows = [
        [str(n), f"this is message {n}", str(n % 5), teams[n % 2], days[n % 2], str(n % 3)]
        for n in range(20)
    ]
    path = write(tmp_path / "a.csv", as_csv([header, *rows]))
    corpus = read_corpus([path])
    assert corpus.columns["label"] == "rating"
    notice = "labels may also be in stars, team; to take one instead: --label stars"
    assert notice in corpus.notices
    assert len(read_corpus([path], columns=Columns(label="team")).notices) == 1


def test_of_more_than_two_languages_the_first_two_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", as_jsonl(["id", "en", "de", "fr"], [[1, "a", "b", "c"]] * 2))
    corpus = read_corpus([path])
    assert corpus.languages == ("en", "de")
    assert corpus.notices == (
        "task: translate, from en to de",
        "left out: fr, which --source and --target can choose",
        "left out: id",
    )
    assert read_corpus([path], columns=Columns(target="fr")).languages == ("en", "fr")


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("source\ttarget", True),
        ("English\tFrench", True),
        ("sentence\tlabel", True),
        ("question\tanswer", True),
        ("Go.\tVa !", False),
        ("Question\tQuestion", False),
        ("Text\tTexte\tCC BY 2.0 (c)", False),
        ("no\tnein", False),
    ],
)
def test_the_header_of_a_tsv_is_told_from_a_pair(
    tmp_path: Path, first: str, is_header: bool
) -> None:
    cells = ("One book.", "Un livre.", "CC BY 2.0 (a)")[: first.count("\t") + 1]
    others = ("A red car.", "Une voiture.", "CC BY 2.0 (b)")[: first.count("\t") + 1]
    rows = "\n".join("\t".join(row) for row in (cells, others))
    corpus = read_corpus([write(tmp_path / "a.tsv", f"{first}\n{rows}\n")])
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


UNREADABLE: list[Unreadable] = [
    ("a.csv", "\n\n", None, "{} is empty: there is no row in it", "rows"),
    ("a.tsv", "\r\n", None, "{} is empty: there is no row in it", "rows"),
    ("a.jsonl", "\n{}\n", None, "{} is empty: there is no row in it", "rows"),
    (
        "a.csv",
        "id,body2,kind\n1,a good one,x\n2,a bad one,y\n",
        None,
        "neither names nor contents tell which columns to train on, for classify or translate or "
        "generate; its columns are: id, body2, kind",
        "--task classify --text body2 --label kind",
    ),
    ("a.csv", "Good film\nBad\n", "classify", "tell which column is the text or the label", "name"),
    (
        "a.csv",
        "text,a,b\na text,b,c\nb text,c,c\n",
        "classify",
        "tell which column is the ",
        "--text text --label",
    ),
    ("a.csv", "word,x\na,b\n", "generate", "which column is the text; its", "--text word"),
    ("a.txt", "a\nb\n", "classify", "{} is plain text, which has no labels", ".csv"),
    ("a.txt", "a\nb\n", "translate", "{} is plain text, which has no translations", ".tsv"),
]


@pytest.mark.parametrize("case", UNREADABLE)
def test_columns_that_cannot_be_found_are_explained(tmp_path: Path, case: Unreadable) -> None:
    assert_explained(tmp_path, case)
