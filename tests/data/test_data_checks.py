"""Warnings about data: faults of a classifier's own, and texts unlike those it was trained on."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, Value
from hypothesis import given
from hypothesis import strategies as st
from models import QUICK, SMALL, classifier, reviews, write_lines, write_reviews
from shell import call, read_line, rnncli, start

from rnncli.analysis.drift import FEWEST_TEXTS, Watch, profile, shifts
from rnncli.data.checks import SAMPLE, check, sample
from rnncli.data.corpus import Corpus
from rnncli.text.tokenizer import Tokenizer

TOPICS = (
    "duplicates:",
    "contradictory labels:",
    "leak ",
    "few texts:",
    "imbalance:",
    "nothing to read:",
)
RUSSIAN = "Суп был чудесный, и чайник тоже"
UNHEARD = "quarks entangle whenever bosons tunnel through lattices"

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


# What is wrong with a person's own data


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


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_a_warning_is_one_line_that_steers_no_terminal(text: str, label: str) -> None:
    rows = [(5_000 * text, 5_000 * label), (5_000 * text, "x"), (5_000 * text, 5_000 * label)]
    for line in warnings(train=rows, test=rows):
        assert line.isprintable()
        assert len(line) < 4_000


@pytest.mark.parametrize("number", [1, SAMPLE - 1, SAMPLE + 1, 10 * SAMPLE + 7])
def test_a_sample_is_from_all_over_the_data(number: int) -> None:
    drawn = [int(text) for text in sample(dataset([(str(i), "x") for i in range(number)]))]
    assert SAMPLE // 2 < len(drawn) <= SAMPLE or len(drawn) == number
    assert drawn[0] == 0
    assert len({b - a for a, b in pairwise(drawn)}) <= 1
    assert number - drawn[-1] <= number // SAMPLE + 1


# Texts unlike those of the training


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = (line.partition(",")[0] for line in reviews().read_text().splitlines())
    return Tokenizer.train(texts, "word", 1_000, fold=True)


def told(texts: list[str], data: Any, tokenizer: Tokenizer) -> list[str]:
    return [line.partition(":")[0] for line in shifts(texts, {"data": data}, tokenizer)]


KNOWN = "the soup was lovely"  # four words that the vocabulary has


def test_a_model_tells_the_scripts_and_unknown_words_of_its_data() -> None:
    data = json.loads((classifier() / "config.json").read_text())["data"]
    assert data["scripts"] == {"LATIN": 1.0}
    assert 0 <= data["unknown_words"] < 0.5


def test_other_scripts_are_told_with_number_and_example(tokenizer: Tokenizer) -> None:
    data = profile([KNOWN], [KNOWN], tokenizer)
    (line,) = shifts([KNOWN] * 19 + [RUSSIAN], {"data": data}, tokenizer)
    assert line.startswith("script: 1 of 20 texts in CYRILLIC, such as 'Суп ")
    assert "LATIN" in line


@pytest.mark.parametrize(
    ("texts", "scripts"),
    [
        ([KNOWN] * 20, {"LATIN": 1.0}),
        ([KNOWN] * 20 + [RUSSIAN], {"LATIN": 1.0}),  # a stray
        ([KNOWN] * 15 + [RUSSIAN] * 5, {"LATIN": 0.98, "CYRILLIC": 0.02}),
        (["12:30", "?!"], {"LATIN": 1.0}),
        ([RUSSIAN], None),  # a model of an earlier version
        ([RUSSIAN], {}),
        ([RUSSIAN], ["LATIN"]),
        ([RUSSIAN], {"LATIN": "all"}),
        ([RUSSIAN], {"\x1b[31m": 1.0}),
    ],
)
def test_scripts_are_not_told_without_need(
    texts: list[str], scripts: Any, tokenizer: Tokenizer
) -> None:
    assert "script" not in told(texts, {"scripts": scripts, "unknown_words": 1.0}, tokenizer)


@pytest.mark.parametrize(
    ("unknown", "usual", "is_told"),
    [
        (10, 0.0, False),  # of fifty
        (11, 0.0, True),
        (11, 0.1, True),
        (11, 0.11, False),
        (11, None, True),  # a model of an earlier version
        (10, None, False),
        (11, "few", True),
    ],
)
def test_unknown_words_are_told_where_they_are_many_and_more_than_usual(
    unknown: int, usual: Any, is_told: bool, tokenizer: Tokenizer
) -> None:
    text = " ".join(["Quarks"] * unknown + ["soup"] * (50 - unknown))
    lines = list(shifts([text], {"data": {"unknown_words": usual}}, tokenizer))
    assert len(lines) == is_told
    if is_told:
        assert lines[0].startswith("words: the model does not know 22 %")
        assert "'Quarks'" in lines[0]


@pytest.mark.parametrize("data", [None, [], "data", 7])
def test_a_model_of_a_stranger_is_compared_as_far_as_it_goes(
    data: Any, tokenizer: Tokenizer
) -> None:
    assert told([RUSSIAN, UNHEARD] * 9, data, tokenizer) == ["words"]


@given(st.lists(st.text(), min_size=1))
def test_what_is_told_of_any_texts_is_printable(tokenizer: Tokenizer, texts: list[str]) -> None:
    data = {"scripts": {"HEBREW": 1.0}, "unknown_words": 0.0}
    for line in shifts(texts * 20, {"data": data}, tokenizer):
        assert line.isprintable()


@given(st.lists(st.sampled_from([UNHEARD, " ", RUSSIAN]), max_size=60), st.integers(1, 9))
def test_a_stream_is_told_of_once_when_enough_has_come(
    tokenizer: Tokenizer, texts: list[str], size: int
) -> None:
    said: list[str] = []
    watch = Watch({"data": {"scripts": {"LATIN": 1.0}}}, tokenizer, said.append)
    seen = 0
    for first in range(0, len(texts), size):
        own = texts[first : first + size]
        watch.see(own)
        seen += sum(map(bool, map(str.strip, own)))
        assert seen >= FEWEST_TEXTS or not said
    before = list(said)
    watch.finish()
    if seen >= FEWEST_TEXTS:
        assert said == before != []
    watch.finish()
    assert len(said) == len({line.partition(":")[0] for line in said})


# Where they are told


@pytest.fixture
def old_model(tmp_path: Path) -> Path:
    """Return a model that does not say what its texts were like."""
    model = tmp_path / "old"
    shutil.copytree(classifier(), model)
    info = json.loads((model / "config.json").read_text())
    del info["data"]["scripts"], info["data"]["unknown_words"]
    (model / "config.json").write_text(json.dumps(info))
    return model


def test_classify_tells_at_the_end_of_few_texts(old_model: Path) -> None:
    result = call("classify", "-m", classifier(), RUSSIAN)
    assert result.code == 0 and len(result.lines) == 1
    assert result.err.startswith("script: 1 of 1 texts in CYRILLIC")
    assert call("classify", "-m", classifier(), KNOWN).err == ""
    assert call("classify", "-m", classifier(), "-q", RUSSIAN).err == ""
    assert call("classify", "-m", old_model, RUSSIAN).err == ""


def test_classify_tells_of_a_stream_before_it_ends_and_once() -> None:
    with start("classify", "-m", classifier()) as process:
        assert process.stdin is not None
        for _ in range(FEWEST_TEXTS):
            process.stdin.write(f"{UNHEARD}\n".encode())
            assert UNHEARD in read_line(process).decode()
        assert read_line(process, "stderr").startswith(b"words: ")
        out, err = process.communicate(2 * FEWEST_TEXTS * f"{UNHEARD}\n".encode())
    assert (process.returncode, err) == (0, b"")
    assert out.count(b"\n") == 2 * FEWEST_TEXTS


def test_classify_of_an_empty_input_tells_nothing() -> None:
    result = rnncli("classify", "-m", classifier(), stdin=b"\n \n")
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize(
    ("write", "topics"),
    [
        (write_reviews, []),
        (lambda path: write_lines(path, "text,label", f'"{RUSSIAN}",good'), ["script"]),
        (lambda path: write_lines(path, "text,label", *[f"{UNHEARD},bad"] * 30), ["words"]),
    ],
    ids=["like", "script", "words"],
)
def test_evaluate_tells_of_other_data(
    write: Callable[[Path], Path], topics: list[str], tmp_path: Path
) -> None:
    result = call("evaluate", classifier(), write(tmp_path / "other.csv"))
    assert result.code == 0
    found = [line.partition(":")[0] for line in result.err.splitlines()]
    assert [topic for topic in found if topic in ("script", "words")] == topics


def test_evaluate_tells_nothing_of_the_models_own_data(tmp_path: Path) -> None:
    model = tmp_path / "m"
    data = write_lines(
        tmp_path / "data.csv",
        "text,label",
        *(f"w{i} x{i} y{i} z{i} u{i},{i % 2}" for i in range(200)),
    )
    assert call("train", data, "-o", model, *SMALL, *QUICK, "--steps", 2).code == 0
    assert "words: " not in call("evaluate", model).err
