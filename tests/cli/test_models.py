"""The list of the models on this machine."""

import json
import os
import shutil
from pathlib import Path

import pytest
from models import classifier, generator, translator
from shell import call, on_a_terminal

import rnncli
from rnncli.cli import models as command
from rnncli.storage.bundled import bundled_models

NO_CACHE = {"HF_HUB_CACHE": os.devnull}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a model of each task in models/."""
    for task, model in (
        ("classify", classifier),
        ("generate", generator),
        ("translate", translator),
    ):
        shutil.copytree(model(), tmp_path / "models" / task)
    return tmp_path


def test_models_are_listed_with_what_they_are(folder: Path) -> None:
    result = call("models", cwd=folder, env=NO_CACHE)
    assert (result.code, result.err) == (0, "")
    rows = [line.split("\t") for line in result.lines if not line.startswith("bundled:")]
    assert [row[:2] for row in rows] == [
        ["models/classify", "classify"],
        ["models/generate", "generate"],
        ["models/translate", "translate"],
    ]
    config = json.loads((folder / "models/classify/config.json").read_text())
    assert rows[0][2] == f"accuracy {100 * config['scores']['accuracy']:.1f} %"
    assert rows[1][2].startswith("bits per character ")
    assert rows[0][5] == config["data"]["name"]
    size = json.loads(call("models", "--json", cwd=folder, env=NO_CACHE).lines[0])["bytes"]
    assert rows[0][3] == f"{size / 1e3:.0f} kB"
    shown = on_a_terminal("models", cwd=folder).decode()
    assert all(f" {row[0]} " in shown for row in rows)


def test_each_model_is_a_json_object_and_a_python_object(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = call("models", folder / "models", "--json", env=NO_CACHE)
    objects = [json.loads(line) for line in result.lines]
    monkeypatch.setenv("HF_HUB_CACHE", os.devnull)
    entries = rnncli.models(folder / "models")
    assert [fields["path"] for fields in objects] == [str(entry.path) for entry in entries]
    assert objects[0]["labels"] == ["bad", "good"]
    origins = ["trained"] * 3 + ["bundled"] * len(bundled_models())
    assert [fields["origin"] for fields in objects] == origins
    for fields, entry in zip(objects, entries, strict=True):
        assert rnncli.load(fields["path"]).description == entry.description


def test_damaged_and_unfinished_models_are_marked(folder: Path) -> None:
    (folder / "models/generate/config.json").write_text("{")
    config = folder / "models/classify/config.json"
    values = json.loads(config.read_text())
    values["training"]["finished"] = False
    config.write_text(json.dumps(values))
    result = call("models", cwd=folder, env=NO_CACHE)
    scores = [line.split("\t")[2] for line in result.lines]
    assert scores[:2] == ["unfinished", "damaged"]
    assert "models/generate/config.json" in result.err


def test_models_of_the_environment_and_the_cache_of_the_hub_are_listed(tmp_path: Path) -> None:
    revision = "0123456789abcdef"
    snapshot = tmp_path / "hub" / "models--org--cheer" / "snapshots" / revision
    shutil.copytree(classifier(), snapshot)
    other = tmp_path / "hub" / "models--org--other" / "snapshots" / revision
    other.mkdir(parents=True)
    (other / "config.json").write_text('{"model_type": "bert"}')
    environment = {"HF_HUB_CACHE": str(tmp_path / "hub"), "RNNCLI_MODEL": str(generator())}
    names = [line.split("\t")[0] for line in call("models", cwd=tmp_path, env=environment).lines]
    assert names == [str(generator()), *bundled_models(), "hf:org/cheer@0123456"]
    environment = {"HF_HOME": str(tmp_path)}
    listed = call("models", cwd=tmp_path, env=environment).lines
    assert listed[-1].startswith("hf:org/cheer@0123456")


def test_without_models_the_way_to_one_is_told(tmp_path: Path) -> None:
    result = call("models", cwd=tmp_path, env=NO_CACHE)
    assert result.code == 0
    assert [line.split("\t")[0] for line in result.lines] == list(bundled_models())
    assert result.err == "there is no model in models yet\nnext: rnncli train\n"


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-3, "0s"), (1, "1s"), (119, "1m"), (7_200, "2h"), (9e5, "10d")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, age: str) -> None:
    assert command._age(seconds) == age
