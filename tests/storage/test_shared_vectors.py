"""Models that have their word vectors in common with rnncli."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from models import reviews
from safetensors.numpy import load_file, save_file
from shell import call

from rnncli.errors import ModelError
from rnncli.storage.shared_vectors import ROWS, share_vectors
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.text.files import sha256

TEXTS = ["the soup was lovely", "I don't think it's dreadful", "qwertz", "", "COLD 🙂 cities"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Train a classifier with English vectors; return it, and a copy that shares them."""
    folder = tmp_path_factory.mktemp("shared")
    model, copy = folder / "m", folder / "shared"
    size = ("--hidden-size", 16, "--embedding-dim", 4, "--no-ngrams")
    result = call("train", reviews(), "-o", model, "--vectors", "english", "--steps", 20, *size)
    assert result.code == 0, result.err
    shutil.copytree(model, copy)
    share_vectors(copy)
    return model, copy


def test_a_model_that_shares_its_vectors_answers_as_before(models: tuple[Path, Path]) -> None:
    model, copy = map(TextClassifier.load, models)
    np.testing.assert_array_equal(copy.logits(TEXTS), model.logits(TEXTS))


def test_it_is_smaller_by_the_vectors(models: tuple[Path, Path]) -> None:
    sizes = [(model / "model.safetensors").stat().st_size for model in models]
    assert sizes[1] < 0.2 * sizes[0]


def test_it_can_be_fine_tuned(models: tuple[Path, Path], tmp_path: Path) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", "--init-from", models[1], "--steps", 2)
    assert result.code == 0, result.err


@pytest.mark.parametrize("row", [-2, 32_000])
def test_a_row_that_is_not_there_is_an_error(
    models: tuple[Path, Path], tmp_path: Path, row: int
) -> None:
    copy = shutil.copytree(models[1], tmp_path / "m")
    tensors = load_file(copy / "model.safetensors")
    tensors[ROWS][5, 0] = row
    save_file(tensors, copy / "model.safetensors")
    config = json.loads((copy / "config.json").read_text())
    config["files"]["model.safetensors"] = sha256(copy / "model.safetensors")
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="word vectors that are not there"):
        TextClassifier.load(copy)


def test_other_vectors_than_those_it_was_made_for_are_an_error(
    models: tuple[Path, Path], tmp_path: Path
) -> None:
    copy = shutil.copytree(models[1], tmp_path / "m")
    config = json.loads((copy / "config.json").read_text())
    config["files"]["english-vectors.safetensors"] = "0" * 64
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="english-vectors"):
        TextClassifier.load(copy)
