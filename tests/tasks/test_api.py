"""The Python interface: models are loaded, called, pickled, and used in other processes."""

import json
import math
import multiprocessing
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from models import classifier, generator, translator
from shell import NOT_FOR_HELP, TIMEOUT, environment, loaded_modules

import rnncli
from rnncli.cli import COMMANDS
from rnncli.config import SamplingConfig
from rnncli.errors import ModelError
from rnncli.tasks.classify.predict import MAX_CHARACTERS, Classification
from rnncli.tasks.generate.predict import Generation
from rnncli.tasks.translate.translation import Translation
from rnncli.text.batching import split_long_text

MODELS: dict[str, Callable[[], Path]] = {
    "classify": classifier,
    "generate": generator,
    "translate": translator,
}
every_task = pytest.mark.parametrize("task", MODELS)
TEXTS = ["the soup was lovely", "", "a dreadful map", "l'été 日本\n\0", "the cat sleeps here", " "]
SHORT = SamplingConfig(length=20, seed=3)


def answers(model: Any, texts: list[str]) -> tuple[list[str], list[float]]:
    """Return the texts and the numbers that a model of any task predicts, reproducibly."""
    if isinstance(model, rnncli.TextGenerator):
        return [output.text for output in model(texts, SHORT)], []
    output = model(texts)
    if isinstance(model, rnncli.Translator):
        return [one.text for one in output], [one.score for one in output]
    return [one.label for one in output], [p for c in output for p in c.probabilities.values()]


def assert_alike(
    output: tuple[list[str], list[float]], expected: tuple[list[str], list[float]]
) -> None:
    assert output[0] == expected[0]
    assert output[1] == pytest.approx(expected[1], abs=1e-6)


# Loading


@pytest.mark.parametrize(
    ("task", "kind", "result"),
    [
        ("classify", "TextClassifier", Classification),
        ("generate", "TextGenerator", Generation),
        ("translate", "Translator", Translation),
    ],
)
@pytest.mark.parametrize("path", [Path, str])
def test_a_model_of_any_task_is_loaded(
    task: str, kind: str, result: type, path: Callable[[Path], Path | str]
) -> None:
    model = rnncli.load(path(MODELS[task]()))
    assert type(model) is getattr(rnncli, kind)
    assert model.task == task
    output = model(TEXTS)
    assert [type(one) for one in output] == [result] * len(TEXTS)
    assert model([]) == []


def test_results_have_python_types() -> None:
    (output,) = rnncli.TextClassifier.load(classifier())(["the soup was lovely"])
    assert (output.label, type(output.label), type(output.probability)) == ("good", str, float)
    assert list(output.probabilities) == ["bad", "good"]
    assert output.probability == max(output.probabilities.values())
    assert sum(output.probabilities.values()) == pytest.approx(1)
    (translation,) = rnncli.Translator.load(translator())(["the cat sleeps here"])
    assert (type(translation.text), type(translation.score)) == (str, float)
    assert math.isfinite(translation.score)
    (text,) = rnncli.TextGenerator.load(generator())(["the ferry"], SHORT)
    assert (text.prompt, len(text.text)) == ("the ferry", 20)


@every_task
def test_a_model_of_another_task_is_refused_with_the_command_that_suits_it(task: str) -> None:
    for kind in (rnncli.TextClassifier, rnncli.TextGenerator, rnncli.Translator):
        if kind.task != task:
            with pytest.raises(ModelError, match=f"is a model for the task {task}, not ") as caught:
                kind.load(MODELS[task]())
            assert caught.value.hint == f"rnncli {task} -m {MODELS[task]()}"


@pytest.mark.parametrize("place", ["nowhere", ".", "file"])
def test_a_path_without_a_model_is_an_error(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for load in (rnncli.load, rnncli.TextClassifier.load):
        with pytest.raises(ModelError) as caught:
            load(tmp_path / place)
        assert str(tmp_path / place) in caught.value.message
        assert caught.value.hint


# In other processes


@every_task
def test_a_pickled_model_predicts_the_same_and_is_no_larger_than_its_files(task: str) -> None:
    model = rnncli.load(MODELS[task]())
    before = answers(model, TEXTS)  # fills all caches
    data = pickle.dumps(model)
    assert_alike(answers(pickle.loads(data), TEXTS), before)
    sizes = {file.name: file.stat().st_size for file in MODELS[task]().iterdir()}
    # In memory weights are in full precision, on disk in half.
    assert len(data) < 1.5 * (sum(sizes.values()) + sizes["model.safetensors"])
    assert len(pickle.dumps(pickle.loads(data))) < 1.01 * len(data)


@every_task
def test_a_model_of_two_threads_can_be_pickled(task: str) -> None:
    model = rnncli.load(MODELS[task](), threads=2)
    before = answers(model, TEXTS)
    assert_alike(answers(pickle.loads(pickle.dumps(model)), TEXTS), before)


def test_processes_share_the_work() -> None:
    models = {task: rnncli.load(path()) for task, path in MODELS.items()}
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        output = {
            task: pool.map(model, [TEXTS[:3], TEXTS[3:]])
            for task, model in models.items()
            if task != "generate"  # what it writes differs each time
        }
        output["generate"] = pool.starmap(models["generate"], [(TEXTS[:3], SHORT)])
    for task in ("classify", "translate"):
        single = models[task](TEXTS)
        shared = [one for some in output[task] for one in some]
        number = "probability" if task == "classify" else "score"
        name = "label" if task == "classify" else "text"
        assert [getattr(one, name) for one in shared] == [getattr(one, name) for one in single]
        numbers = [getattr(one, number) for one in shared]
        assert numbers == pytest.approx([getattr(one, number) for one in single], abs=1e-6)
    assert output["generate"] == [models["generate"](TEXTS[:3], SHORT)]


# In a process of its own, since ``map`` forks it.
MAP = """
import json, sys
from datasets import Dataset, disable_progress_bars
import rnncli
from rnncli.config import SamplingConfig
disable_progress_bars()
SHORT = SamplingConfig(length=20, seed=3)
texts = json.loads(sys.argv[1])

def answer(batch):
    if model.task == "generate":
        texts = [found.text for found in model(batch["text"], SHORT)]
        return {"answer": texts, "number": [0] * len(texts)}
    found = model(batch["text"])
    if model.task == "translate":
        return {"answer": [t.text for t in found], "number": [t.score for t in found]}
    return {"answer": [c.label for c in found], "number": [c.probability for c in found]}

for path in sys.argv[2:]:
    model = rnncli.load(path)
    if model.task != "classify":  # the model has answered before
        answer({"text": texts})
    found = Dataset.from_dict({"text": texts}).map(answer, batched=True, batch_size=2, num_proc=2)
    print(json.dumps([list(found["answer"]), list(found["number"])]))
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the answers and numbers of the model of each task, in a dataset."""
    paths = {task: path() for task, path in MODELS.items()}
    done = subprocess.run(
        [sys.executable, "-c", MAP, json.dumps(TEXTS), *paths.values()],
        capture_output=True,
        env=environment({"HF_HOME": str(tmp_path_factory.mktemp("home"))}),
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return dict(zip(paths, map(json.loads, done.stdout.splitlines()), strict=True))


@every_task
def test_a_dataset_can_be_mapped_by_two_processes(task: str, mapped: dict[str, Any]) -> None:
    output, numbers = mapped[task]
    model = rnncli.load(MODELS[task]())
    expected, probabilities = answers(model, TEXTS)
    assert output == expected
    if task == "classify":
        assert numbers == pytest.approx(np.reshape(probabilities, (-1, 2)).max(1), abs=1e-6)
    if task == "translate":
        assert numbers == pytest.approx(probabilities, abs=1e-6)


@every_task
def test_the_number_of_threads_does_not_change_a_result(task: str) -> None:
    rng = np.random.default_rng(0)
    words = ["the", "soup", "cat", "was", "sleeps", "dreadful", "lovely", "here", "été", "ferry"]
    texts = [" ".join(rng.choice(words, rng.integers(0, 7))) for _ in range(600)]
    one, two = (rnncli.load(MODELS[task](), threads=n) for n in (1, 2))
    assert_alike(answers(two, texts), answers(one, texts))


# Any text

SURROGATES = ["\ud800", "the soup \udfff was", "\udcff\ud800 \udc00", "caf\udce9", "🎈\ud83c"]


@every_task
def test_lone_surrogates_are_no_error(task: str) -> None:
    model = rnncli.load(MODELS[task]())
    replaced = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in SURROGATES]
    assert replaced != SURROGATES
    assert_alike(answers(model, SURROGATES), answers(model, replaced))
    if isinstance(model, rnncli.TextGenerator):
        assert [output.prompt for output in model(SURROGATES, SHORT)] == SURROGATES


@given(st.text(st.sampled_from("ab \n é"), max_size=60), st.integers(1, 20))
@example("", 1)
@example(" " * 9, 4)
@example("abcd", 4)
@example("ab cd", 4)
def test_pieces_join_to_the_text_and_end_at_spaces(text: str, size: int) -> None:
    pieces = split_long_text(text, size)
    assert "".join(pieces) == text
    assert all(pieces) or pieces == [""]
    assert max(map(len, pieces)) <= size
    for piece in pieces[:-1]:  # in its second half, where there is a space
        assert piece.endswith(" ") or (len(piece) == size and " " not in piece[size // 2 :])


def test_a_long_text_gets_the_mean_of_its_pieces() -> None:
    rng = np.random.default_rng(0)
    words = rng.choice(["lovely", "the", "soup"], 2_400).tolist() + ["dreadful"] * 2_000
    text = " ".join(words)[:25_000]
    assert len(text) == 25_000
    notices: list[str] = []
    model = rnncli.TextClassifier.load(classifier(), announce=notices.append)
    pieces = split_long_text(text, MAX_CHARACTERS)
    assert len(pieces) == 3
    parts = model(pieces)
    assert notices == []
    before, output, after = model(["lovely", text, "dreadful"])
    assert len(notices) == 1
    assert {part.label for part in parts} == {"good", "bad"}  # the pieces do differ
    assert sum(output.probabilities.values()) == pytest.approx(1)
    for label, probability in output.probabilities.items():
        mean = sum(
            len(piece) * part.probabilities[label]
            for piece, part in zip(pieces, parts, strict=True)
        ) / len(text)
        assert probability == pytest.approx(mean, abs=1e-5)
    assert output.probability == max(output.probabilities.values())
    assert (before.label, after.label) == ("good", "bad")
    model([text])
    assert len(notices) == 1


def test_a_text_of_the_largest_length_is_not_split() -> None:
    notices: list[str] = []
    model = rnncli.TextClassifier.load(classifier(), announce=notices.append)
    model(["a" * MAX_CHARACTERS])
    assert notices == []
    model(["a" * (MAX_CHARACTERS + 1)])
    assert len(notices) == 1


# Shell completion

COMPLETIONS = {
    ("rnncli cl", 1): {"classify"},
    ("rnncli ", 1): set(COMMANDS),
    ("rnncli classify --ba", 2): {"--batch-size"},
}


@pytest.mark.parametrize(("typed", "word"), COMPLETIONS)
def test_shell_completion_loads_no_heavy_module(typed: str, word: int) -> None:
    env = {"_RNNCLI_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(word)}
    result, modules = loaded_modules([], env=env)
    assert (set(result.out.decode().split()), result.err) == (COMPLETIONS[typed, word], "")
    assert modules & NOT_FOR_HELP == set()
