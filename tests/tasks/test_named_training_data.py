"""What a model names as its training data is read if it is a file; else a person names it."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from models import classifier, reviews, train, write_lines, write_reviews
from shell import call, explained

import rnncli
from rnncli.errors import DataError

_events: list[tuple[str, Any]] = []


@pytest.fixture
def events() -> Iterator[list[tuple[str, Any]]]:
    """Return what is opened, and where to, from here on; hooks of Python stay for its life."""
    if not _events:
        sys.addaudithook(lambda name, values: _events.append((name, values)))
    _events.clear()
    yield _events
    _events.append(("end", ()))


def stranger(path: Path, *arguments: str) -> Path:
    """Copy a model, and let it name other training data."""
    model = shutil.copytree(classifier(), path / "from elsewhere")
    config = json.loads((model / "config.json").read_text())
    config["data"] |= {"arguments": arguments, "name": " ".join(arguments)}
    (model / "config.json").write_text(json.dumps(config))
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        ["org/name"],
        ["imdb"],
        ["/proc/self/environ"],
        ["link.csv"],
        ["pipe.csv"],
        ["t.en", "/dev/zero"],
    ],
)
def test_nothing_but_files_is_touched_that_a_model_names(
    arguments: list[str],
    events: list[tuple[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "link.csv").symlink_to("/proc/self/environ")
    os.mkfifo(here / "pipe.csv")
    model = stranger(here, *arguments)
    monkeypatch.chdir(here)
    events.clear()
    hint = explained(call("evaluate", model), 1, arguments[-1], "no file or folder here")
    compared = call("evaluate", model, reviews(), "--json")  # with baselines, if there were any
    assert compared.code == 0, compared.err
    assert json.loads(compared.out)["baselines"] == {}
    assert "baselines left out" in compared.err
    opened = [str(values[0]) for name, values in events if name == "open"]
    assert str(model / "config.json") in opened
    assert not [path for path in opened if re.search("environ|zero|link.csv|pipe.csv", path)]
    assert not [name for name, _ in events if name.startswith("socket.")]
    assert hint.endswith(f"--split held-out {shlex.join(arguments)}")


def test_the_held_out_part_is_scored_wherever_the_data_lies_now(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    data = write_reviews(tmp_path / "far" / "texts.csv")
    model = train(data, tmp_path / "near" / "m", "--steps", 1)
    named = rnncli.evaluate(model).scores  # read where it was
    assert named["baselines"]
    copy = shutil.move(data, model.parent)
    with pytest.raises(DataError, match="texts"):
        rnncli.evaluate(model)
    held_out = rnncli.evaluate(model, copy, split="held-out").scores
    assert named["texts"] == held_out["texts"]
    assert held_out["texts"] < rnncli.evaluate(model, copy).scores["texts"]
    write_lines(data, "text,label", "the soup was lovely,good", "the soup was cold,bad")
    with pytest.raises(DataError, match="changed"):
        rnncli.evaluate(model)


def test_a_model_trained_on_stdin_is_scored_on_a_file_of_the_same_content(tmp_path: Path) -> None:
    content = reviews().read_bytes()
    trained = call("train", "-", "-o", "m", "--steps", 1, cwd=tmp_path, stdin=content)
    assert trained.code == 0, trained.err
    hint = explained(call("evaluate", tmp_path / "m"), 1, "stdin")
    command = shlex.split(hint.partition(": ")[2].replace("FILE", shlex.quote(str(reviews()))))
    result = call(*command[1:], "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["baselines"]


def test_the_held_out_part_has_the_columns_of_the_training() -> None:
    result = call("evaluate", classifier(), reviews(), "--split", "held-out", "--text", "text")
    assert "leave" in explained(result, 2, "columns")


def test_a_classifier_of_a_folder_of_classes_is_scored_on_its_held_out_part(tmp_path: Path) -> None:
    for label in ("good", "bad"):
        (tmp_path / "texts" / label).mkdir(parents=True)
        for number in range(10):
            (tmp_path / "texts" / label / f"{number}.txt").write_text(f"a {label} text {number}")
    model = train(tmp_path / "texts", tmp_path / "m", "--steps", 1)
    assert rnncli.evaluate(model, baselines=False).scores["texts"] == 2
