"""Warnings about faults of labelled texts."""

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from datasets import Dataset, Features, Value
from hypothesis import given
from hypothesis import strategies as st
from models import SMALL, reviews, write_lines
from shell import call

from rnncli.data.checks import SAMPLE_SIZE, check, sample
from rnncli.data.corpus import Corpus

TOPICS = (
    "duplicates:",
    "contradictory labels:",
    "leak ",
    "few texts:",
    "imbalance:",
    "nothing to read:",
)
Rows = list[tuple[str, str]]


def dataset(rows: Rows) -> Dataset:
    columns = {name: [row[place] for row in rows] for place, name in enumerate(("text", "label"))}
    return Dataset.from_dict(
        columns, features=Features({name: Value("string") for name in columns})
    )


def warnings(**splits: Rows) -> list[str]:
    """Return what is said of labelled texts that were never in a file."""
    parts = {split: dataset(rows) for split, rows in splits.items()}
    return list(check(Corpus("rows", "classify", parts, {}, None, None, (), "")))


def warning(topic: str, **splits: Rows) -> str:
    """Return the one warning about something."""
    (found,) = [line for line in warnings(**splits) if line.startswith(topic)]
    return found


def several(number: int, label: str, text: str = "text") -> Rows:
    return [(f"{text} {label} {i}", label) for i in range(number)]


def told_by_train(tmp_path: Path, *lines: str) -> list[str]:
    data = write_lines(tmp_path / "data.csv", "text,label", *lines)
    result = call("train", data, "-o", tmp_path / "m", *SMALL, "--steps", 1)
    assert result.code == 0, result.err
    return [line for line in result.err.splitlines() if line.startswith(TOPICS)]


def test_nothing_is_said_of_data_without_faults(tmp_path: Path) -> None:
    assert told_by_train(tmp_path, *reviews().read_text().splitlines()[1:]) == []


def test_train_says_what_is_wrong_in_a_line_each(tmp_path: Path) -> None:
    faulty = [*several(99, "good"), *several(8, "bad"), ("The  Same", "good"), ("the same", "bad")]
    lines = told_by_train(tmp_path, *map(",".join, faulty), "?!,good")
    assert [line.partition(":")[0] for line in lines] == [
        "duplicates",
        "contradictory labels",
        "few texts",
        "imbalance",
        "nothing to read",
    ]


def test_data_for_other_tasks_may_repeat_itself(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "data.txt", *["The same line."] * 20)
    result = call("train", data, "-o", tmp_path / "m", *SMALL, "--steps", 1)
    assert result.code == 0
    assert not any(line.startswith(TOPICS) for line in result.err.splitlines())


labelled = st.lists(
    st.tuples(st.text("aB ß\t!", min_size=1).filter(str.strip), st.sampled_from("xyz")), min_size=1
)


@given(labelled)
def test_repeated_texts_are_counted_as_comparing_them_all_would(rows: Rows) -> None:
    folded = [" ".join(text.casefold().split()) for text, _ in rows]
    counts = {text: n for text, n in Counter(folded).items() if n > 1}
    labels = defaultdict(set)
    for text, (_, label) in zip(folded, rows, strict=True):
        labels[text].add(label)
    torn = {text: own for text, own in labels.items() if len(own) > 1}
    told = {line.partition(":")[0]: line for line in warnings(train=rows)}
    assert ("duplicates" in told) == bool(counts)
    assert ("contradictory labels" in told) == bool(torn)
    if counts:
        assert f" {len(counts)} text" in told["duplicates"]
        assert f" {sum(counts.values())} of {len(rows)} rows" in told["duplicates"]
    if torn:
        assert f" {len(torn)} text" in told["contradictory labels"]
        assert any(
            f"({', '.join(map(repr, sorted(own)))})" in told["contradictory labels"]
            for own in torn.values()
        )


def test_the_example_of_a_contradiction_has_these_labels() -> None:
    rows = [*several(20, "good"), *several(20, "bad"), ("Fine.", "bad"), ("fine. ", "good")]
    assert "'Fine.' ('bad', 'good')" in warning("contradictory", train=rows)


def test_texts_on_both_sides_are_told_of_each_part() -> None:
    train = [*several(20, "good"), *several(20, "bad")]
    test = [("TEXT  good 3", "good"), ("text good 30", "good"), train[4], train[4]]
    lines = warnings(train=train, validation=several(9, "new"), test=test)
    (line,) = lines
    assert line.startswith("leak from train into test: 3 of 4 texts, such as 'TEXT  good 3'")


def test_labels_with_few_texts_are_named_from_the_smallest_and_five_at_most() -> None:
    sizes = {"a": 9, "b": 3, "c": 10, "d": 1, "e": 8, "f": 7, "g": 6}
    rows = [row for label, size in sizes.items() for row in several(size, label)]
    line = warning("few texts", train=rows)
    assert "6 labels" in line
    assert "'d' (1), 'b' (3), 'g' (6), 'f' (7), 'e' (8), ..." in line
    assert "'c'" not in line and "'a'" not in line


@pytest.mark.parametrize(("size", "is_told"), [(200, False), (201, True)])
def test_labels_of_very_different_size_are_told(size: int, is_told: bool) -> None:
    lines = warnings(train=[*several(size, "ham"), *several(20, "spam")])
    assert any("201 texts of 'ham', 20 of 'spam'" in line for line in lines) == is_told
    assert len(lines) == is_told


@pytest.mark.parametrize(
    ("text", "is_told"),
    [("?!...", True), ("\u2014 \u00ab\u00bb\u200b", True), ("\U0001f44d", False), ("7", False)],
)
def test_texts_of_punctuation_alone_are_told(text: str, is_told: bool) -> None:
    lines = warnings(train=[*several(20, "good"), *several(20, "bad"), (text, "bad")])
    assert any(line.startswith("nothing to read: 1 text") for line in lines) == is_told


def test_a_text_of_punctuation_among_a_thousand_is_not_told() -> None:
    assert warnings(train=[*several(500, "good"), *several(500, "bad"), (":)", "good")]) == []


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_a_warning_is_one_line_that_steers_no_terminal(text: str, label: str) -> None:
    rows = [(5_000 * text, 5_000 * label), (5_000 * text, "x"), (5_000 * text, 5_000 * label)]
    for line in warnings(train=rows, test=rows):
        assert line.isprintable()
        assert len(line) < 4_000


@pytest.mark.parametrize("number", [1, SAMPLE_SIZE - 1, SAMPLE_SIZE + 1, 10 * SAMPLE_SIZE + 7])
def test_a_sample_is_from_all_over_the_data(number: int) -> None:
    drawn = [int(text) for text in sample(dataset([(str(i), "x") for i in range(number)]))]
    assert SAMPLE_SIZE // 2 < len(drawn) <= SAMPLE_SIZE or len(drawn) == number
    assert drawn[0] == 0
    assert len({b - a for a, b in pairwise(drawn)}) <= 1
    assert number - drawn[-1] <= number // SAMPLE_SIZE + 1
