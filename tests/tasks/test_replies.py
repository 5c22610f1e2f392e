"""Answers to frequent questions: found by content, in whatever words someone asks."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import SMALL
from safetensors.numpy import load_file, save_file
from shell import call

from rnncli.storage.layout import REPLIES

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
QUESTIONS, REWORDED = BENCHMARKS / "replies.csv", BENCHMARKS / "reworded.csv"
UNTRAINED = (*SMALL, "--steps", 1)  # the network writes nothing of use


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a translator that looks answers up, and what its training announced."""
    model = tmp_path_factory.mktemp("replies") / "model"
    result = call("train", QUESTIONS, "-o", model, *UNTRAINED)
    assert result.code == 0, result.err
    return model, result.err


def test_every_answer_is_learned(trained):
    assert "answers: 10 recur; looked up by their questions, 8" in trained[1]


def test_reworded_questions_are_answered_to_the_letter(trained):
    model, _ = trained
    scores = json.loads(call("evaluate", model, REWORDED, "--json").out)
    assert scores["exact_match"] >= 0.9
    with REWORDED.open(encoding="utf-8", newline="") as file:
        answers = {row["question"]: row["answer"] for row in csv.DictReader(file)}
    # Of two sentences, the second alone says little.
    text = "I haven't finished my book yet, can I keep it longer? I am a slow reader."
    question = text.split("?")[0] + "?"
    result = call("translate", "-m", model, "--show-memory", text)
    answer = answers[question]
    assert result.lines[0] == answer
    assert result.lines[1] == f"  {answer}: I want to keep my book for longer = {answer}"
    assert call("translate", "-m", model, "--no-memory", question).lines != [answer]
    best, second = call("translate", "-m", model, "--nbest", 2, question).lines
    assert best.endswith(answer) and second.split("\t")[1] in answers.values()


def test_a_question_that_has_no_answer_is_unsure(trained):
    texts = ["do you charge fines?", "who wrote Hamlet", ""]
    lines = call(
        "translate", "-m", trained[0], "--json", stdin="\n".join([*texts, ""]).encode()
    ).lines
    sure, unsure, blank = map(json.loads, lines)
    assert unsure["confidence"] < 0.5 < sure["confidence"]
    assert (blank["translation"], blank["confidence"]) == ("", None)


def test_answers_are_not_kept_without_a_memory(tmp_path):
    result = call("train", QUESTIONS, "-o", tmp_path / "m", *UNTRAINED, "--no-memory")
    assert result.code == 0 and "recur" not in result.err
    assert not (tmp_path / "m" / REPLIES).exists()


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a question more": lambda m: m.update(questions=np.append(m["questions"], np.uint8([10, 65]))),
    "an answer that is not there": lambda m: m["rows"].put(0, 10),
    "weights that are no numbers": lambda m: m["dual"].put(0, np.nan),
    "no confidence": lambda m: m.pop("confidence"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_answers_are_refused(name, trained, tmp_path):
    model = shutil.copytree(trained[0], tmp_path / "model")
    parts = load_file(model / REPLIES)
    DAMAGE[name](parts)
    save_file({name: np.ascontiguousarray(array) for name, array in parts.items()}, model / REPLIES)
    config = json.loads((model / "config.json").read_text())
    config["files"].pop(REPLIES, None)  # its digest
    (model / "config.json").write_text(json.dumps(config))
    result = call("translate", "-m", model, "When are you open?")
    assert result.code == 1 and REPLIES in result.err


def test_answers_of_other_word_vectors_are_refused(trained, tmp_path):
    model = shutil.copytree(trained[0], tmp_path / "model")
    save_file(load_file(model / REPLIES), model / REPLIES, {"vectors": "0" * 64})
    config = json.loads((model / "config.json").read_text())
    config["files"].pop(REPLIES, None)
    (model / "config.json").write_text(json.dumps(config))
    assert call("translate", "-m", model, "When are you open?").code == 1
