"""The confidence of a translation: fitted to held-out pairs, in JSON, and marked for readers."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from models import train, translator, write_sentences
from shell import call

from rnncli import Translator
from rnncli.tasks.translate.confidence import PARAMETERS, Confidence
from rnncli.tasks.translate.translation import Translation

REFERENCE = "the boat leaves the harbour at nine"


def translations(number: int, slope: float) -> list[Translation]:
    """Return translations that are right the more often the likelier they are."""
    rng = np.random.default_rng(0)
    costs = rng.uniform(0, 4, number)  # nats a token
    good = rng.random(number) < 1 / (1 + np.exp(slope * (costs - 2)))
    return [
        Translation(REFERENCE if right else "un autre", -cost * 7, 7)
        for cost, right in zip(costs.tolist(), good.tolist(), strict=True)
    ]


def test_the_confidence_is_the_share_of_good_translations() -> None:
    fitted = Confidence.fit(translations(2_000, slope=2.0), [REFERENCE] * 2_000)
    for cost in (0.5, 1.5, 2.0, 3.0):
        expected = 1 / (1 + math.exp(2 * (cost - 2)))
        assert fitted(-cost * 7, 7) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("text", [REFERENCE, "un autre"])
def test_translations_that_are_all_alike_have_a_confidence_too(text: str) -> None:
    fitted = Confidence.fit([Translation(text, -3.0 - i, 7) for i in range(200)], [REFERENCE] * 200)
    assert (fitted(-3.0, 7) > 0.9) == (text == REFERENCE)
    assert 0 <= fitted(-1e300, 1) <= fitted(0.0, 1) <= 1


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a translator with a hundred held-out pairs, which it hardly knows."""
    folder = tmp_path_factory.mktemp("confidence")
    data = folder / "pairs.tsv"
    lines = write_sentences(data).read_text().splitlines()
    data.write_text("\n".join([lines[0], *(3 * lines[1:])]) + "\n")
    options = ("--level", "word", "--steps", 60, "--learning-rate", 0.01, "--validation", 0.5)
    return train(data, folder / "model", *options)


def test_json_has_the_confidence_of_each_translation(sure: Path) -> None:
    tuned = json.loads((sure / "config.json").read_text())["tuned"]
    assert tuned.keys() >= set(PARAMETERS)
    texts = ["The cat sleeps here.", "12", "The cat sleeps here. Zzz zzz zzz."]
    one, number, both = (
        json.loads(line) for line in call("translate", "-m", sure, "--json", *texts).lines
    )
    assert 0 < one["confidence"] < 1
    assert number["confidence"] is None
    assert both["confidence"] <= one["confidence"]


def test_a_model_without_it_has_no_such_field() -> None:
    (line,) = call("translate", "-m", translator(), "--json", "the cat sleeps").lines
    assert "confidence" not in json.loads(line)


def test_it_does_not_depend_on_the_length_penalty(sure: Path) -> None:
    model, text = Translator.load(sure), ["A gull waits."]
    first, second = (model(text, length_penalty=penalty, beam=1)[0] for penalty in (0.0, 1.4))
    assert first.score != second.score
    assert first.confidence == pytest.approx(second.confidence, rel=1e-6)
