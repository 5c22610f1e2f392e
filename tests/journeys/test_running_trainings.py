"""A folder that a training writes to is no place for another one, and is told from a model."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from models import SMALL, classifier
from shell import TIMEOUT, call, explained, rnncli, start, tree

from rnncli.storage.layout import Layout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """Return the place of a training that waits for its data, and then ends without any."""
    model = tmp_path / "models" / "m"
    with start("train", "-", "-o", model, *SMALL) as training:
        while not Layout(model).lock.exists():
            assert training.poll() is None
            time.sleep(0.01)
        yield model
        training.communicate(b"", timeout=TIMEOUT)
    assert training.returncode == 1  # stdin is empty
    assert tree(tmp_path) == {}


def test_a_second_training_is_refused_before_any_data_is_read(running: Path) -> None:
    hint = explained(rnncli("train", "nothing.csv", "-o", running), 1, "another training writes to")
    assert hint == f"rnncli train nothing.csv -o {running}-2"


def test_a_training_that_has_saved_nothing_yet_is_told_from_a_model(running: Path) -> None:
    for command in (["evaluate", running], ["inspect", running], ["classify", "-m", running, "a"]):
        hint = explained(call(*command), 1, f"{running} holds no model yet")
        assert hint.endswith("rnncli models")


def test_a_model_of_a_training_that_goes_on_says_so(tmp_path: Path) -> None:
    model = tmp_path / "m"
    shutil.copytree(classifier(), model)
    config = model / "config.json"
    config.write_text(config.read_text().replace('"finished": true', '"finished": false'))
    told = f"{model}: its training has not finished"
    for command in (["evaluate", model, "--no-baselines"], ["classify", "-m", model, "a"]):
        assert call(*command).err.count(told) == 1
    assert "training has not finished" in call("inspect", model).out.decode()
    assert "\tunfinished\t" in call("models", tmp_path).out.decode()
    assert told not in call("classify", "-m", classifier(), "a").err
