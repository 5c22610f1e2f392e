"""A training that starts from another model of its task has its sizes and its weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import classifier, generator, pairs, reviews, story, write_lines
from shell import Result, call, explained

from rnncli.storage.reading import load

SIZES = ("--hidden-size", 12, "--embedding-dim", 10, "--cell", "gru", "--precision", "float32")
STANDING_STILL = ("--steps", 1, "--learning-rate", 1e-12, "--dropout", 0)


def said(result: Result) -> str:
    assert result.code == 0, result.err
    return next(line for line in result.err.splitlines() if line.startswith("initialised from"))


def test_words_and_labels_that_the_model_knows_keep_their_rows(tmp_path: Path) -> None:
    data = write_lines(
        tmp_path / "other.csv",
        "text,label",
        *[f"the {thing} was lovely,good" for thing in ("zebra", "soup", "map", "tower")],
        *[f"the {thing} was dreadful,odd" for thing in ("zebra", "bread", "lamp", "tower")],
    )
    result = call("train", data, "-o", tmp_path / "m", "--init-from", classifier(), *STANDING_STILL)
    assert "; new" not in said(result)
    before, after = load(classifier()), load(tmp_path / "m")
    for word in ("lovely", "dreadful"):
        rows = [
            model.weights["encoder.embedding.weight"][model.tokenizer.encode(word)[0]]
            for model in (before, after)
        ]
        np.testing.assert_allclose(*rows, atol=1e-3)
    biases = [
        dict(zip(model.description.labels, model.weights["head.output.bias"], strict=True))
        for model in (before, after)
    ]
    assert biases[1]["good"] == pytest.approx(biases[0]["good"], abs=1e-3)
    assert "odd" in biases[1]


def test_sizes_that_are_asked_for_are_kept_and_what_fits_is_copied(tmp_path: Path) -> None:
    other = ("--hidden-size", 7, "--init-from", classifier())
    result = call("train", reviews(), "-o", tmp_path / "m", *other, *STANDING_STILL)
    new = said(result).partition("new: ")[2]
    assert "encoder.layers.0.0.weight_hh" in new
    assert "encoder.embedding.weight" not in new
    assert load(tmp_path / "m").description.architecture.encoder.hidden_size == 7


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
