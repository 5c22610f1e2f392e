"""A training that starts from another model of its task has its sizes and its weights."""

import json
from pathlib import Path

import pytest
from models import classifier, generator, pairs, reviews, story
from shell import Result, call, explained

SIZES = ("--hidden-size", 12, "--embedding-dim", 10, "--cell", "gru", "--precision", "float32")
STANDING_STILL = ("--steps", 1, "--learning-rate", 1e-12, "--dropout", 0)


def said(result: Result) -> str:
    assert result.code == 0, result.err
    return next(line for line in result.err.splitlines() if line.startswith("initialised from"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--hidden-size", 7], "--hidden-size 7 is not that of"),
        (["--cell", "gru"], "--cell gru is not that of"),
        (["--vectors", "english"], "--vectors english is not that of"),
    ],
)
def test_sizes_that_are_not_those_of_the_model_are_refused(
    tmp_path: Path, options: list[object], reason: str
) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", "--init-from", classifier(), *options)
    explained(result, 2, reason)
    assert not (tmp_path / "m").exists()


def test_a_model_of_another_task_is_refused(tmp_path: Path) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", "--init-from", generator())
    explained(result, 1, "is a model for the task generate, not classify")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("data", [reviews, story, pairs])
def test_training_goes_on_from_a_model_of_the_same_task(data, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    learning = ("--steps", 40, "--learning-rate", 0.03, "--dropout", 0)
    assert call("train", data(), "-o", first, *SIZES, *learning).code == 0
    result = call("train", data(), "-o", second, "--init-from", first, *STANDING_STILL)
    assert "; new" not in said(result)
    before, after = (json.loads((m / "config.json").read_text()) for m in (first, second))
    assert after["scores"]["loss"] == pytest.approx(before["scores"]["loss"], abs=0.02)


def test_a_model_that_is_not_there_is_refused_before_data_is_read(tmp_path: Path) -> None:
    result = call("train", "nothing.csv", "-o", tmp_path / "m", "--init-from", tmp_path / "none")
    assert result.code == 1
    assert "none does not exist" in result.err
