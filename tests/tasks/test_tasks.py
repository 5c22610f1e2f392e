"""Every task with every cell at every level, also in another process."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from models import pairs, reviews, story, train
from shell import TIMEOUT, call, environment

from rnncli import TextClassifier, TextGenerator, Translator
from rnncli.config import CELLS, LEVELS, SamplingConfig, SearchConfig

TASKS = ("classify", "generate", "translate")  # not from where torch is imported: see the last test
KINDS = list(product(TASKS, CELLS, LEVELS))


def answers(task: str, model: Path) -> dict[str, Any]:
    """Return the predictions of a model, and their numbers."""
    if task == "classify":
        texts = ["the soup was lovely", "a dreadful map", "Ünknown wörds, 日本"]
        return {
            "labels": [result.label for result in TextClassifier.load(model)(texts)],
            "numbers": [
                p
                for result in TextClassifier.load(model)(texts)
                for p in result.probabilities.values()
            ],
        }
    if task == "generate":
        generator = TextGenerator.load(model)
        return {
            "samples": [
                sample.text
                for samples in generator.samples(
                    ["The ferry", "a"], 2, SamplingConfig(length=20, seed=5)
                )
                for sample in samples
            ],
            "likeliest": generator([""], SamplingConfig(temperature=0, length=10))[0].text,
            "numbers": [generator.score(["The gulls go home.\n", "Naïve? 日本!\n"])],
        }
    output = Translator.load(model).nbest(
        ["the cat sleeps", "", "a gull sings and eats"], SearchConfig(beam=3, nbest=2)
    )
    return {
        "translations": [[t.text for t in translations] for translations in output],
        "numbers": [t.score for translations in output for t in translations],
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Train every kind of model in this process."""
    folder = tmp_path_factory.mktemp("kinds")
    data = {"classify": reviews(), "generate": story(), "translate": pairs()}
    return {
        f"{task}-{cell}-{level}": train(
            data[task],
            folder / f"{task}-{cell}-{level}",
            *("--steps", 3, "--cell", cell, "--level", level, "--learning-rate", 0.05),
        )
        for task, cell, level in KINDS
    }


@pytest.fixture(scope="module")
def elsewhere(trained: dict[str, Path]) -> dict[str, Any]:
    """Load all models in another process, and return its answers."""
    done = subprocess.run(
        [sys.executable, __file__, *map(str, trained.values())],
        capture_output=True,
        env=environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
        timeout=TIMEOUT,
        check=True,
    )
    output: dict[str, Any] = json.loads(done.stdout)
    return output


@pytest.mark.slow
@pytest.mark.parametrize(("task", "cell", "level"), KINDS)
def test_another_process_gets_the_same_answers(
    task: str, cell: str, level: str, trained: dict[str, Path], elsewhere: dict[str, Any]
) -> None:
    here = answers(task, trained[f"{task}-{cell}-{level}"])
    there = elsewhere[f"{task}-{cell}-{level}"]
    assert there.pop("numbers") == pytest.approx(here.pop("numbers"), abs=1e-6)
    assert there == here


@pytest.mark.parametrize(("task", "cell", "level"), KINDS)
def test_the_description_has_task_cell_and_level(
    task: str, cell: str, level: str, trained: dict[str, Path]
) -> None:
    info = json.loads((trained[f"{task}-{cell}-{level}"] / "config.json").read_text())
    assert (info["task"], info["settings"]["cell"], info["level"]) == (task, cell, level)
    assert info["training"]["steps"] <= 3


@pytest.mark.parametrize(("cell", "level"), list(product(CELLS, LEVELS)))
def test_a_generator_scores_after_loading_as_it_did_in_training(
    cell: str, level: str, trained: dict[str, Path]
) -> None:
    model = trained[f"generate-{cell}-{level}"]
    reported = json.loads((model / "config.json").read_text())["scores"]
    output = json.loads(call("evaluate", model, "--json").out)
    assert output["nats_per_token"] == pytest.approx(reported["loss"], abs=1e-4)


@pytest.mark.parametrize(("cell", "level"), list(product(CELLS, LEVELS)))
def test_a_classifier_scores_after_loading_as_it_did_in_training(
    cell: str, level: str, trained: dict[str, Path]
) -> None:
    model = trained[f"classify-{cell}-{level}"]
    reported = json.loads((model / "config.json").read_text())["scores"]
    output = json.loads(call("evaluate", model, "--json").out)
    assert output["accuracy"] == pytest.approx(reported["accuracy"], abs=1e-5)
    assert output["macro_f1"] == pytest.approx(reported["macro_f1"], abs=1e-5)


def test_another_process_answered_without_torch(elsewhere: dict[str, Any]) -> None:
    assert elsewhere["imported"] == []


if __name__ == "__main__":
    kinds = [Path(name) for name in sys.argv[1:]]
    result: dict[str, Any] = {path.name: answers(path.name.split("-")[0], path) for path in kinds}
    result["imported"] = sorted({"torch", "datasets"} & set(sys.modules))
    print(json.dumps(result))
