"""A classifier that is adapted to few texts: what stays, what is new, and that it is better so."""

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from models import SUBJECTS, VERDICTS, _folder, classifier, reviews, train, write_lines
from shell import Result, call, explained

import rnncli
from rnncli.storage.reading import load

TOOLS = ("hammer", "saw", "file", "drill", "anvil", "chisel")
OTHER_LABELS = {"good": "keep", "bad": "return"}


def texts(number: int, labels: dict[str, str]) -> list[str]:
    """Return lines of a table, with things and words that the model has not seen together."""
    lines = [
        f"our {tool} {verdict},{labels[label]}"
        for i, tool in enumerate(TOOLS)
        for label, verdicts in VERDICTS.items()
        for verdict in (verdicts[i % 4],)
    ]
    return lines[:number]


@cache
def known() -> Path:
    """Return a model of many reviews, such that its encoder knows something."""
    lines = [
        f"{start} {subject} {verdict},{label}"
        for start, subject in product(("the", "our", "a"), SUBJECTS)
        for label, verdicts in VERDICTS.items()
        for verdict in verdicts
    ]
    data = write_lines(_folder() / "many.csv", "text,label", *lines)
    return train(data, _folder() / "known", "--steps", 100, "--learning-rate", 0.03)


def adapt(tmp_path: Path, lines: list[str], *options: object) -> Result:
    data = write_lines(tmp_path / "few.csv", "text,label", *lines)
    result = call("train", data, "-o", tmp_path / "m", "--init-from", known(), *options)
    assert result.code == 0, result.err
    return result


def test_new_labels_are_learned_from_few_texts(tmp_path: Path) -> None:
    result = adapt(tmp_path, texts(12, OTHER_LABELS))
    assert "vocabulary stays; new labels: keep, return" in result.err
    assert "the encoder stays as it is" in result.err
    assert "epoch" not in result.err.partition("saved")[2]
    before, after = load(known()), load(tmp_path / "m")
    assert after.description.labels == ("keep", "return")
    assert after.description.settings["freeze"] is True
    for name, weight in before.weights.items():
        if not name.startswith("head."):
            np.testing.assert_array_equal(after.weights[name], weight)
    assert after.tokenizer.vocab_size == before.tokenizer.vocab_size
    # None of these verdicts stood in the few texts beside these subjects.
    model = rnncli.load(tmp_path / "m")
    for label, verdicts in VERDICTS.items():
        answers = model([f"the {s} {verdict}" for s in SUBJECTS for verdict in verdicts])
        assert np.mean([answer.label == OTHER_LABELS[label] for answer in answers]) > 0.9


def test_a_head_of_the_same_labels_stays_where_nothing_contradicts_it(tmp_path: Path) -> None:
    result = adapt(tmp_path, texts(6, {"good": "good", "bad": "bad"}))
    assert "labels that it has: bad, good" in result.err
    assert "new labels" not in result.err
    old, new = rnncli.load(known()), rnncli.load(tmp_path / "m")
    lines = [f"the {s} {v}" for s in SUBJECTS for vs in VERDICTS.values() for v in vs]
    before, after = ([answer.label for answer in model(lines)] for model in (old, new))
    assert before == after


def test_labels_may_be_partly_new(tmp_path: Path) -> None:
    lines = [*texts(8, {"good": "good", "bad": "bad"}), *[f"where is the {t},ask" for t in TOOLS]]
    result = adapt(tmp_path, lines)
    assert "labels that it has: bad, good; new labels: ask" in result.err
    labels = [a.label for a in rnncli.load(tmp_path / "m")(["where is the map", "the map broke"])]
    assert labels[0] == "ask"


def test_the_python_door_does_the_same(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "few.csv", "text,label", *texts(12, OTHER_LABELS))
    first, second = (
        rnncli.train(data, output=tmp_path / name, init_from=known()) for name in ("a", "b")
    )
    assert first.epochs == 0
    assert first.scores == second.scores
    for name, weight in load(tmp_path / "a").weights.items():
        np.testing.assert_array_equal(load(tmp_path / "b").weights[name], weight)
    scores = rnncli.evaluate(tmp_path / "a", baselines=False).scores
    assert scores["accuracy"] == pytest.approx(first.scores["accuracy"], abs=1e-4)


def test_a_model_without_ngrams_stays_without_them(tmp_path: Path) -> None:
    adapt(tmp_path, texts(12, OTHER_LABELS), "--no-ngrams")
    assert not (tmp_path / "m/ngrams.safetensors").exists()
    labels = [a.label for a in rnncli.load(tmp_path / "m")(["the map was lovely"])]
    assert labels == ["keep"]


@pytest.mark.parametrize("options", [["--no-freeze"], ["--steps", 3]])
def test_training_that_is_asked_for_trains_the_encoder(
    tmp_path: Path, options: list[object]
) -> None:
    result = adapt(tmp_path, texts(12, OTHER_LABELS), *options, "--epochs", 1)
    assert "initialised from" in result.err
    name = "encoder.layers.0.0.weight_hh"
    assert (load(tmp_path / "m").weights[name] != load(known()).weights[name]).any()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--freeze", "--init-from", "none"], "--freeze keeps the encoder of a model"),
        (["--freeze", "--init-from", "MODEL", "--unlabelled", "DATA"], "goes without pretraining"),
    ],
)
def test_freeze_is_refused_where_it_cannot_be(
    tmp_path: Path, options: list[str], reason: str
) -> None:
    places = {"MODEL": classifier(), "DATA": reviews()}
    words = [places.get(word, word) for word in options]
    explained(call("train", reviews(), "-o", tmp_path / "m", *words), 2, reason)
