"""A model is scored on what it was trained for, or a person is told that it is not."""

from functools import cache
from pathlib import Path

import pytest
from corpora import as_csv, write
from models import QUICK, SMALL, VERDICTS, pairs, train, translator
from shell import call, explained

LABELS = {"good": "1", "bad": "0"}
ROWS = [
    (f"the {thing} {verdict}", LABELS[label])
    for label, verdicts in VERDICTS.items()
    for verdict in verdicts
    for thing in ("soup", "bread", "garden", "ferry", "choir")
]


@cache
def model(folder: Path) -> Path:
    rows = [(str(i), text, label) for i, (text, label) in enumerate(ROWS)]
    data = write(folder / "train.csv", as_csv([("id", "body2", "team"), *rows]))
    return train(Path(data), folder / "model", "--text", "body2", "--label", "team", *QUICK)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier of the labels 0 and 1, trained on the columns body2 and team."""
    return model(tmp_path_factory.mktemp("numbers"))


def test_the_columns_of_the_training_come_first(numbers: Path, tmp_path: Path) -> None:
    rows = [("text", "body2", "team", "label")]
    rows += [(f"note {i}", text, label, "abc"[i % 3]) for i, (text, label) in enumerate(ROWS)]
    data = write(tmp_path / "test.csv", as_csv(rows))
    result = call("evaluate", numbers, data, "--require", "accuracy>=0.9", "--no-baselines")
    assert result.code == 0, result.err
    assert "from the columns body2 and team" in result.err


def test_equal_numbers_are_equal_labels(numbers: Path, tmp_path: Path) -> None:
    rows = [(text, f"{label}.0") for text, label in ROWS]
    data = write(tmp_path / "test.csv", as_csv([("text", "label"), *rows]))
    result = call("evaluate", numbers, data, "--require", "accuracy>=0.9", "--no-baselines")
    assert result.code == 0, result.err


def test_labels_that_the_model_does_not_know_are_listed(numbers: Path, tmp_path: Path) -> None:
    rows = [("text", "label"), ("a fine day", "weather"), *ROWS]
    result = call("evaluate", numbers, write(tmp_path / "a.csv", as_csv(rows)), "--no-baselines")
    assert result.code == 0, result.err
    assert "does not know, and gets wrong: weather (1); it knows 0, 1" in result.err
    rows = [("text", "label"), *[(text, f"class {label}") for text, label in ROWS]]
    result = call("evaluate", numbers, write(tmp_path / "b.csv", as_csv(rows)))
    explained(result, 1, "knows none of the labels: class 0 (20), class 1 (20); it knows 0, 1")


def test_pairs_are_scored_in_the_direction_of_the_model(tmp_path: Path) -> None:
    rows = [line.split("\t") for line in pairs().read_text().splitlines()[1:]]
    turned = [("fr", "en"), *[(target, source) for source, target in rows]]
    data = write(tmp_path / "turned.csv", as_csv(turned))
    result = call("evaluate", translator(), data, "--require", "bleu>=30")
    assert result.code == 0, result.err
    assert "columns exchanged: the model translates from en to fr" in result.err
    result = call("evaluate", translator(), data, "--source", "fr", "--target", "en")
    hint = explained(result, 1, "the model translates from en to fr")
    assert hint == "exchange them: --source en --target fr"


def test_labels_that_look_alike_are_told(tmp_path: Path) -> None:
    spellings = ("pos", "POS", "pos\u200b", "neg")
    rows = [(f"the {text} {i}", spellings[i % 4]) for i, (text, _) in enumerate(ROWS)]
    data = write(tmp_path / "a.csv", as_csv([("text", "label"), *rows]))
    result = call("train", data, "-o", tmp_path / "m", *SMALL, "--steps", 1)
    assert result.code == 0, result.err
    (warning,) = [line for line in result.err.splitlines() if line.startswith("similar labels")]
    assert "'pos' (" in warning
    assert "'POS' (" in warning
    assert "neg" not in warning
