"""``rnncli.train``: the training of the command, from Python."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from models import SMALL, pairs, reviews, story, write_reviews, write_story
from shell import call

import rnncli
from rnncli.config import Settings
from rnncli.errors import ConfigError, DataError, ModelError
from rnncli.storage.reading import load
from rnncli.tasks.evaluation_data import read_held_out
from rnncli.tasks.training_settings import TrainingSettings

TINY = {"hidden_size": 8, "embedding_dim": 8, "precision": "float32", "steps": 3, "vectors": "none"}


@pytest.mark.parametrize("data", [reviews, story, pairs])
def test_python_trains_the_same_model_as_the_command(data, tmp_path: Path) -> None:
    announced: list[str] = []
    result = rnncli.train(data(), output=tmp_path / "api", announce=announced.append, **TINY)
    done = call("train", data(), "-o", tmp_path / "command", *SMALL, "--steps", 3)
    assert done.code == 0, done.err
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("api", "command")]
    assert weights[0] == weights[1]
    assert result.path == tmp_path / "api"
    assert result.scores == json.loads((result.path / "config.json").read_text())["scores"]
    assert result.model(["the soup was lovely"])
    assert all(line in done.err for line in announced)
    assert any(line.startswith("model: ") for line in announced)


def test_the_description_has_the_equivalent_command(tmp_path: Path) -> None:
    result = rnncli.train([reviews()], output=str(tmp_path / "api"), label="label", **TINY)
    command = json.loads((result.path / "config.json").read_text())["training"]["command"]
    words = f"rnncli train {reviews()} --output {tmp_path / 'api'} --label label --hidden-size 8"
    assert command.startswith(words)


def test_train_prints_nothing(tmp_path: Path, capfd) -> None:
    rnncli.train(reviews(), output=tmp_path / "m", max_time="90s", epochs=1, hidden_size=8)
    assert capfd.readouterr() == ("", "")


def test_an_ngram_model_that_has_too_little_time_is_announced(tmp_path: Path) -> None:
    def announced(**budget: Any) -> str:
        lines: list[str] = []
        output = tmp_path / next(iter(budget))
        rnncli.train(reviews(), output=output, announce=lines.append, hidden_size=8, **budget)
        return "\n".join(lines)

    assert "not fitted to the end" in announced(max_time=0.01)
    whole = announced(steps=1)
    assert "n-gram model alone" in whole
    assert "not fitted to the end" not in whole


def test_what_is_saved_has_no_higher_loss_than_its_ngram_model_alone(tmp_path: Path) -> None:
    rows = [f"{start}{end},{start}" for start in "abcd" for end in ("ba", "bo", "cu", "di", "fe")]
    (tmp_path / "few.csv").write_text("text,label\n" + "".join(f"{row}\n" for row in rows))
    lines: list[str] = []
    budget: dict[str, Any] = {**TINY, "learning_rate": 1.0}  # with which the network learns nothing
    result = rnncli.train(
        tmp_path / "few.csv", output=tmp_path / "m", announce=lines.append, **budget
    )
    (before,) = (line for line in lines if line.startswith("n-gram model alone: loss "))
    loss, accuracy = (float(number) for number in re.findall(r"\d+\.\d+", before))
    assert round(result.scores["loss"], 3) <= loss
    assert round(100 * result.scores["accuracy"], 1) <= accuracy
    (after,) = (line for line in lines if line.startswith("the n-gram model alone is "))
    assert f" {accuracy:.1f} % with a loss of {loss:.3f}, and the lowest loss is saved" in after


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hiden_size": 8}, "hiden_size"),
        ({"steps": "many"}, "--steps is 'many'"),
        ({"steps": 2.5}, "--steps is 2.5"),
        ({"dropout": None, "cell": "gnu"}, "--cell 'gnu'"),
        ({"learning_rate": "fast"}, "--learning-rate is 'fast'"),
        ({"max_time": "soon"}, "'soon'"),
        ({"device": "tpu"}, "--device 'tpu'"),
    ],
)
def test_invalid_settings_are_refused_before_reading(
    settings, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        rnncli.train(tmp_path / "none.csv", output=tmp_path / "m", **settings)
    assert raised.value.hint
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("data", [3, [("the soup was lovely", "good")]])
def test_data_itself_is_refused(data: Any) -> None:
    with pytest.raises(ConfigError, match="is named, not handed over"):
        rnncli.train(data)


def test_missing_data_and_existing_models_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        rnncli.train(tmp_path / "none.csv")
    rnncli.train(reviews(), output=tmp_path / "m", **TINY)
    with pytest.raises(ModelError, match="holds a model already"):
        rnncli.train(reviews(), output=tmp_path / "m", **TINY)
    assert rnncli.train(reviews(), output=tmp_path / "m", force=True, **TINY).epochs > 0


def test_every_setting_is_a_keyword() -> None:
    names = {setting.name for setting in fields(Settings)}
    assert set(TrainingSettings.__annotations__) == names


@pytest.mark.parametrize("write", [write_story, write_reviews])
def test_what_a_short_budget_held_out_is_held_out_again(write, tmp_path: Path) -> None:
    data = write(tmp_path / "data.txt")
    data.write_bytes(40 * data.read_bytes() if write is write_story else data.read_bytes())
    settings = {**TINY, "steps": 3, "max_time": "2s"}
    model = rnncli.train(data, output=tmp_path / "m", validation=0.9, **settings).path
    description = json.loads((model / "config.json").read_text())
    training_data = load(model).description.data
    assert training_data is not None
    rows = read_held_out(description["task"], training_data, None, print).rows
    assert len(rows) == description["data"]["rows"]["validation"]
    assert sum(map(len, rows["text"])) <= 2 * 2_000 + 100
    assert len(rows) <= 2 * 25


@pytest.mark.parametrize("data", [reviews, story, pairs])
def test_no_more_rows_are_trained_on_than_asked_for(data, tmp_path: Path) -> None:
    result = rnncli.train(data(), output=tmp_path / "m", **TINY, max_rows=20)
    rows = json.loads((result.path / "config.json").read_text())["data"]["rows"]
    assert rows["train"] == 20
    assert rows["validation"] >= 1


def test_pytorch_keeps_its_number_of_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        rnncli.train(reviews(), output=tmp_path / "m", **TINY)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
