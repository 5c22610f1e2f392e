"""The state of an interrupted training that was edited, or is of another version, is refused."""
# ruff: noqa: ARG005

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kills
import pytest
import torch
from models import SMALL, reviews
from safetensors import safe_open
from safetensors.torch import save_file
from shell import call, explained

from rnncli.storage.layout import Layout

WORDS = (*SMALL, "--seed", 3, "--steps", 8, "--patience", 100, "--workers", 1, "--threads", 1)
Run = dict[str, Any]
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model whose training was killed halfway; tests work on copies of it."""
    kills.import_everything()
    folder = tmp_path_factory.mktemp("unfinished")
    words: list[object] = ["train", reviews(), "-o", folder / "m", *WORDS]
    words += ["--checkpoint-every", "0.001s"]
    whole = kills.train(words, folder / "log")
    shutil.rmtree(folder / "m")
    kills.train(words, folder / "log", whole.calls // 2)
    assert Layout(folder / "m").state.exists()
    return folder / "m"


def edit_state(model: Path, edit: Callable[[Run, Tensors], object]) -> None:
    path = Layout(model).state
    with safe_open(path, framework="pt") as file:
        run = json.loads(file.metadata()["run"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    edit(run, tensors)
    save_file(tensors, path, {"run": json.dumps(run)})


WEIGHT = "optimizer.weights.0"
EDITS: dict[str, Callable[[Run, Tensors], object]] = {
    "no identity": lambda r, t: r.pop("identity"),
    "identity is a list": lambda r, t: r.update(identity=[]),
    "metrics are a text": lambda r, t: r.update(metrics="x"),
    "a metric without a loss": lambda r, t: r["metrics"].append({"step": 3, "training_loss": 1.0}),
    "a metric is a number": lambda r, t: r["metrics"].append(3),
    "best is a number": lambda r, t: r.update(best=1),
    "an unknown phase": lambda r, t: r.update(phase="fine-tuning"),
    "numbers are a list": lambda r, t: r.update(numbers=[1]),
    "an unknown key": lambda r, t: r.update(future=1),
    "an unknown setting": lambda r, t: r["description"]["settings"].update(future=1),
    "a setting out of range": lambda r, t: r["description"]["settings"].update(batch_size=-1),
    "no scores": lambda r, t: r["description"].update(scores={}) or r.update(best=True),
    "no step": lambda r, t: r["numbers"].pop("position.step"),
    "a step below zero": lambda r, t: r["numbers"].update({"position.step": -1}),
    "a step that is a text": lambda r, t: r["numbers"].update({"position.step": "1"}),
    "a step that is none": lambda r, t: r["numbers"].update({"position.step": None}),
    "a batch without end": lambda r, t: r["numbers"].update({"position.batch": math.inf}),
    "seconds that are no number": lambda r, t: r["numbers"].update({"budget.seconds": math.nan}),
    "an unknown number": lambda r, t: r["numbers"].update({"optimizer.future": 1}),
    "an unknown part": lambda r, t: r["numbers"].update({"future.value": 1}),
    "no weight": lambda r, t: t.pop(WEIGHT),
    "a weight of another shape": lambda r, t: t.update({WEIGHT: torch.zeros(1)}),
    "a weight of another type": lambda r, t: t.update({WEIGHT: t[WEIGHT].double()}),
    "an unknown weight": lambda r, t: t.update({"optimizer.weights.999": torch.zeros(1)}),
    "no random numbers": lambda r, t: t.pop("random.cpu"),
    "random numbers of another size": lambda r, t: t.update(
        {"random.cpu": torch.zeros(3, dtype=torch.uint8)}
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_state_is_refused(name: str, unfinished: Path, tmp_path: Path) -> None:
    model = shutil.copytree(unfinished, tmp_path / "m")
    edit_state(model, EDITS[name])
    before = Layout(model).state.read_bytes()
    result = call("train", reviews(), "-o", model, *WORDS)
    assert explained(result, 1) == f"rm {Layout(model).state}"
    assert Layout(model).state.read_bytes() == before


def test_a_state_that_is_not_edited_goes_on(unfinished: Path, tmp_path: Path) -> None:
    model = shutil.copytree(unfinished, tmp_path / "m")
    edit_state(model, lambda r, t: None)
    result = call("train", reviews(), "-o", model, *WORDS)
    assert result.code == 0, result.err
    assert "resuming at step" in result.err
