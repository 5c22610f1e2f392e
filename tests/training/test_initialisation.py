"""A training that starts from another model is of its sizes, and has its weights and words."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import pairs, reviews, story
from shell import Result, call

from rnncli.storage.reading import SavedModel, load

SIZES = ("--hidden-size", 12, "--embedding-dim", 10, "--cell", "gru", "--precision", "float32")
STANDING_STILL = ("--steps", 1, "--learning-rate", 1e-12, "--dropout", 0)


def said(result: Result) -> str:
    assert result.code == 0, result.err
    return next(line for line in result.err.splitlines() if line.startswith("starting as"))


@pytest.fixture(scope="module", params=["word", "char"])
def text(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text model, hardly trained."""
    model = tmp_path_factory.mktemp("text") / "model"
    level = ("--level", request.param)
    assert call("train", story(), "-o", model, *SIZES, *level, "--steps", 2).code == 0
    return model


def row(model: SavedModel, name: str, *spellings: str) -> np.ndarray:
    tokens = [model.tokenizer.token(id) for id in range(model.tokenizer.vocab_size)]
    return model.weights[name][next(tokens.index(one) for one in spellings if one in tokens)]


def test_a_text_model_starts_a_classifier_that_is_of_its_sizes(text: Path, tmp_path: Path) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", "--init-from", text, *STANDING_STILL)
    given, own = load(text), load(tmp_path / "m", "classify")
    new = said(result).partition("new: ")[2].split(", ")  # the other direction, and the labels
    assert all(name.startswith(("encoder.layers.0.1.", "head.")) for name in new)
    assert (own.config.cell, own.config.hidden_size, own.tokenizer.level) == (
        "gru",
        12,
        given.tokenizer.level,
    )
    for name in ("weight_ih", "weight_hh"):
        np.testing.assert_allclose(
            own.weights[f"encoder.layers.0.0.{name}"],
            given.weights[f"decoder.layers.0.{name}"],
            atol=1e-3,
        )


def test_a_classifier_knows_the_words_of_the_text_model_that_it_starts_from(
    text: Path, tmp_path: Path
) -> None:
    given = load(text)
    word, alone = (" gulls", "gulls") if given.tokenizer.level == "word" else ("g", "g")
    call("train", reviews(), "-o", tmp_path / "m", "--init-from", text, *STANDING_STILL)
    own = load(tmp_path / "m", "classify")
    np.testing.assert_allclose(
        row(own, "encoder.embedding.weight", alone),
        row(given, "decoder.embedding.weight", word),
        atol=1e-3,
    )


def test_sizes_that_are_asked_for_are_kept_and_what_fits_is_copied(
    text: Path, tmp_path: Path
) -> None:
    other = ("--hidden-size", 7, "--init-from", text)
    result = call("train", reviews(), "-o", tmp_path / "m", *other, *STANDING_STILL)
    new = said(result).partition("new: ")[2]
    assert "encoder.layers.0.0.weight_hh" in new
    assert "encoder.embedding.weight" not in new
    assert load(tmp_path / "m").config.hidden_size == 7


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
