"""The length penalty of a translator: tuned on held-out pairs, saved, and used."""

import json
from pathlib import Path

import pytest
from models import SMALL, pairs
from sacrebleu.metrics.bleu import BLEU
from shell import call

from rnncli import Translator
from rnncli.config import USUAL_LENGTH_PENALTY, SearchConfig
from rnncli.tasks.translate.length_penalty import (
    BLEU_TOLERANCE,
    MIN_PAIRS,
    PENALTIES,
    tune_length_penalty,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a translator of the phrasebook, briefly trained, and the messages of training."""
    model = tmp_path_factory.mktemp("length") / "model"
    size = ("--level", "word", "--hidden-size", 16, "--steps", 120)
    part = ("--max-rows", 2_000, "--validation", 0.02)
    result = call("train", "phrasebook", "-o", model, *SMALL, *size, *part)
    assert result.code == 0, result.err
    return model, result.err


@pytest.fixture(scope="module")
def phrases() -> tuple[list[str], list[str]]:
    """Return some pairs of the phrasebook: sources and translations."""
    book = Path(__file__).parents[2] / "data" / "phrasebook.tsv"
    rows = [line.split("\t") for line in book.read_text("utf-8").splitlines()[1 : 3 * MIN_PAIRS]]
    return [row[0] for row in rows], [row[1] for row in rows]


def penalty_of(model: Path) -> float:
    return json.loads((model / "config.json").read_text())["tuned"]["length_penalty"]


def test_training_tunes_a_penalty_and_announces_it(trained):
    model, messages = trained
    assert penalty_of(model) in PENALTIES
    assert f"length penalty: {penalty_of(model):g}, tuned on the held-out part" in messages


def test_the_tuned_penalty_is_the_default(trained, phrases):
    translator, tuned = Translator.load(trained[0]), penalty_of(trained[0])

    def scores(penalty: float | None) -> list[float]:
        return [output.score for output in translator(phrases[0][:100], SearchConfig(5, penalty))]

    assert scores(None) == pytest.approx(scores(tuned), abs=1e-4)
    assert scores(None) != pytest.approx(scores(tuned + 0.5), abs=1e-4)


@pytest.mark.slow
def test_no_other_penalty_gives_better_translations(trained, phrases):
    sources, references = phrases
    translator = Translator.load(trained[0])
    scores = {
        penalty: BLEU()
        .corpus_score(
            [output.text for output in translator(sources, SearchConfig(length_penalty=penalty))],
            [references],
        )
        .score
        for penalty in PENALTIES
    }
    tuned = tune_length_penalty(translator, sources, references)
    assert tuned is not None
    assert len(set(scores.values())) > 1
    assert tuned.bleu == pytest.approx(max(scores.values()))
    lowest = max(scores.values()) - BLEU_TOLERANCE
    best = [penalty for penalty in PENALTIES if scores[penalty] >= lowest]
    assert tuned.length_penalty == best[len(best) // 2]


def test_few_pairs_give_no_penalty(trained, phrases):
    few = [side[: MIN_PAIRS - 1] for side in phrases]
    assert tune_length_penalty(Translator.load(trained[0]), *few) is None


def test_a_model_without_a_tuned_penalty_uses_the_default(tmp_path):
    result = call("train", pairs(), "-o", tmp_path / "m", *SMALL, "--steps", 3)
    assert result.code == 0, result.err
    assert "length penalty" not in result.err
    translator = Translator.load(tmp_path / "m")
    default = SearchConfig(length_penalty=USUAL_LENGTH_PENALTY)
    (result,), (expected,) = (translator(["the cat sings"], config) for config in (None, default))
    assert result.score == pytest.approx(expected.score, abs=1e-4)
