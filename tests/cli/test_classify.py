"""``rnncli classify --threshold``: abstention where the best label is improbable."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from models import classifier, train, write_lines
from shell import Result, call

TEXTS = ("the soup was lovely", "a dreadful map", "lovely and dreadful", "xyzzy", "")


def classify(*options: object, model: Path | None = None, code: int = 0) -> Result:
    result = call("classify", "-m", model or classifier(), *options)
    assert result.code == code, result.err
    return result


def objects(*options: object, model: Path | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in classify(*options, "--json", model=model).lines]


@cache
def neutral(folder: Path) -> Path:
    """Train a model for a step, with a class called neutral."""
    rows = [f"soup {i} was {word},{word}" for word in ("good", "neutral") for i in range(10)]
    return train(write_lines(folder / "t.csv", "text,label", *rows), folder / "m", "--steps", 2)


@pytest.mark.parametrize("label", ["neutral", "who knows?", "good", "a\tb"])
def test_below_the_threshold_the_answer_is_the_abstain_label(label: str) -> None:
    plain = objects(*TEXTS)
    (least, *_, middle, most) = sorted(one["probability"] for one in plain if one["label"])
    given = [] if label == "neutral" else ["--abstain-label", label]
    for threshold in (least / 2, (least + middle) / 2, (middle + most) / 2, 1):
        options = ("--threshold", threshold, *given, *TEXTS)
        found = objects(*options)
        for before, after in zip(plain, found, strict=True):
            below = before["label"] is not None and before["probability"] < threshold
            assert after.pop("abstained") is below
            assert after == (before | {"label": label} if below else before)
        fields = [line.split("\t")[0] for line in classify(*options).lines]
        assert fields == [(one["label"] or "").replace("\t", " ") for one in found]
    assert all("abstained" not in one for one in plain)


def test_a_probability_at_the_threshold_is_enough() -> None:
    (answer,) = objects("--threshold", "1e-9", TEXTS[0])
    assert (answer["abstained"], answer["label"]) == (False, "good")


def test_auto_is_two_in_three_and_announced_once() -> None:
    result = classify("--threshold", "auto", "--batch-size", 1, *TEXTS)
    (notice,) = result.err.splitlines()
    assert "0.6667" in notice
    assert "neutral" in notice
    assert result.out == classify("--threshold", 2 / 3, *TEXTS).out
    assert classify("--threshold", "auto", "-q", *TEXTS).err == ""


def test_a_class_may_have_the_name_of_the_abstain_label(tmp_path: Path) -> None:
    model = neutral(tmp_path)
    result = classify("--threshold", 1, "--batch-size", 1, "soup", "lamp", model=model)
    (notice,) = result.err.splitlines()
    assert "neutral is also a label" in notice
    assert [line.split("\t")[0] for line in result.lines] == ["neutral", "neutral"]
    words = ("--threshold", 1, "--abstain-label", "neutral", "soup", "lamp")
    assert classify(*words, model=model) == Result(0, result.out, "")


def test_the_abstain_label_can_be_filtered_like_any_other() -> None:
    options = ("--threshold", 1, "--abstain-label", "unsure", *TEXTS)
    kept = [line.split("\t")[2] for line in classify("--only", "unsure", *options).lines]
    assert kept == list(TEXTS[:-1])
    kept = [line.split("\t")[2] for line in classify("--not", "unsure", *options).lines]
    assert kept == [""]
    refused = classify("--only", "unsure", *TEXTS, code=2)
    error, hint = refused.err.splitlines()
    assert error == "error: there is no label 'unsure'; the labels are: bad, good"
    assert hint.endswith(" --only bad")


def test_abstentions_are_written_into_tables(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "t.csv", "text", "the soup was lovely")
    header, row = classify("--threshold", 1, "--column", "text", "-i", table).lines
    assert header == "text,label,probability"
    assert row.split(",")[1] == "neutral"


@pytest.mark.parametrize("threshold", ["0", "-0.5", "1.01", "nan", "inf", "most", ""])
def test_a_threshold_that_is_no_probability_is_refused(threshold: str) -> None:
    result = classify("--threshold", threshold, "soup", code=2)
    error, hint = result.err.splitlines()
    assert error.startswith(f"error: --threshold is {threshold!r}, not a probability")
    assert "--threshold auto" in hint
    assert result.out == b""


def test_an_abstain_label_needs_a_threshold() -> None:
    result = classify("--abstain-label", "unsure", "soup", code=2)
    error, hint = result.err.splitlines()
    assert error == "error: --abstain-label needs --threshold"
    assert "--threshold auto" in hint


def test_an_abstention_is_explained_by_its_best_label() -> None:
    words = ("--explain", "the soup was lovely")
    (held_back,) = objects("--threshold", 1, *words)
    (answer,) = objects(*words)
    assert held_back["explanation"] == answer["explanation"]
    assert held_back["abstained"]
