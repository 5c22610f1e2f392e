"""``rnncli evaluate`` of a translator: baseline, comparison, mistakes, requirements."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from models import classifier, pairs, train, translator, write_lines
from sacrebleu.metrics.chrf import CHRF
from shell import call, explained

METRICS = ("bleu", "bleu_lower", "chrf")


def scores_of(*arguments: object) -> dict[str, Any]:
    result = call("evaluate", *arguments, "--json")
    assert result.code == 0, result.err
    scores: dict[str, Any] = json.loads(result.lines[0])
    return scores


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train for a step, on the same pairs as the translator that all tests share."""
    return train(pairs(), tmp_path_factory.mktemp("untrained") / "model", "--steps", 1)


# scores


def test_each_score_lies_in_its_interval_above_that_of_the_copied_source() -> None:
    scores = scores_of(translator(), pairs())
    copied = scores["baselines"]["copied_source"]
    for name in METRICS:
        low, high = scores[name]["interval"]
        assert 0 <= low <= scores[name]["score"] <= high <= 100
        assert copied[name]["score"] < low
        assert copied[name]["signature"] == scores[name]["signature"]
    assert (scores["empty_outputs"], scores["looping_outputs"]) == (0, 0)
    assert 0.8 < scores["length_ratio"] < 1.2


def test_copied_sources_score_100_where_they_are_the_translations(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "d.tsv", "english\tfrench", "Anna waits\tAnna waits")
    copied = scores_of(translator(), data)["baselines"]["copied_source"]
    assert (copied["chrf"]["score"], copied["length_ratio"]) == (100, 1)


@pytest.mark.parametrize(
    ("reference", "options", "names"),
    [
        ("猫が好きです。", [], {"bleu": "ja-mecab", "bleu_char": "char"}),
        ("猫が好きです。", ["--tokenize", "char"], {"bleu": "char"}),
        ("le chat dort", [], {"bleu": "13a"}),
    ],
)
def test_japanese_is_scored_by_words_and_by_characters(
    reference: str, options: list[str], names: dict[str, str], tmp_path: Path
) -> None:
    data = write_lines(tmp_path / "d.tsv", "english\tfrench", f"the cat sleeps today\t{reference}")
    scores = scores_of(translator(), data, *options)
    assert {name for name in scores if name.startswith("bleu")} == {"bleu_lower", *names}
    for name, tokenizer in names.items():
        assert f"tok:{tokenizer}" in scores[name]["signature"]


def test_no_line_of_the_report_is_too_wide(untrained: Path) -> None:
    result = call("evaluate", translator(), pairs(), "--against", untrained, env={"COLUMNS": "80"})
    shown = result.out.decode()
    for words in (
        "BLEU lower-cased",
        "chrF2",
        "copied: the source",
        "95 % interval",
        "length ratio",
        "empty outputs",
        "looping",
        "paired bootstrap",
        "nrefs:1",
        "sentences: 90",
    ):
        assert words in shown
    lines = [line for line in shown.splitlines() if str(untrained) not in line]
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith(" BLEU lower-cased ") for line in lines) == 2  # in no cell, a break


@pytest.mark.parametrize("tokenizer", ["13b", "flores200"])
def test_an_unknown_tokenizer_is_explained(tokenizer: str) -> None:
    result = call("evaluate", translator(), pairs(), "--tokenize", tokenizer)
    assert "13a" in explained(result, 2, tokenizer)
    assert "scoring" not in result.err


# requirements


def test_a_score_is_required_by_a_name_in_any_case(untrained: Path) -> None:
    required = ["BLEU>=0", "bleu_lower>=0", "chrF<=100", "against.bleu.difference>0",
                "against.chrf<100", "against.bleu.p_value<0.05"]  # fmt: skip
    words = [word for own in required for word in ("--require", own)]
    result = call("evaluate", translator(), pairs(), "--against", untrained, *words)
    assert result.code == 0, result.err
    assert result.err.count("required: ") == len(required)


def test_a_score_that_is_too_low_ends_in_3() -> None:
    result = call("evaluate", translator(), "--require", "bleu>=101", "--json")
    assert result.code == 3
    assert "bleu>=101" in result.err
    assert json.loads(result.lines[0])["bleu"]["score"] <= 100


def test_an_unknown_score_is_refused_before_scoring() -> None:
    for name in ("accuracy", "bleu_char", "against.bleu", "BLEU lower-cased"):
        result = call("evaluate", translator(), pairs(), "--require", f"{name}>=0")
        assert "bleu_lower" in explained(result, 2, name)
        assert "scoring" not in result.err


def test_a_score_of_other_texts_alone_is_refused_when_they_are_known(tmp_path: Path) -> None:
    rows = [line.split("\t") for line in pairs().read_text().splitlines()[1:]]
    data = write_lines(
        tmp_path / "d.jsonl", *(json.dumps({"left": a, "right": b}) for a, b in rows)
    )
    model = train(data, tmp_path / "m", "--source", "left", "--target", "right", "--steps", 1)
    result = call("evaluate", model, "--require", "bleu_char>=0")
    assert result.code == 2
    assert "bleu_char" in result.err


# mistakes


def test_mistakes_are_written_the_worst_first(untrained: Path, tmp_path: Path) -> None:
    path = tmp_path / "mistakes.csv"
    result = call("evaluate", untrained, pairs(), "--errors", path)
    assert result.code == 0, result.err
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert f"{len(rows)} mistakes" in result.err
    scores = [float(row["chrf"]) for row in rows]
    assert scores == sorted(scores)
    known = pairs().read_text().splitlines()
    for row, score in zip(rows, scores, strict=True):
        assert f"{row['source']}\t{row['reference']}" in known
        assert row["output"] != row["reference"]
        alone = CHRF().sentence_score(row["output"], [row["reference"]]).score
        assert score == pytest.approx(alone, abs=1e-3)
    first = call("translate", "-m", untrained, rows[0]["source"]).lines
    assert first == [rows[0]["output"]]


def test_mistakes_on_stdout_leave_the_scores_to_stderr(untrained: Path) -> None:
    result = call("evaluate", untrained, pairs(), "--errors", "-")
    assert result.lines[0] == "source\treference\toutput\tchrf"
    assert len(result.lines) > 1
    assert "BLEU" in result.err


# a second translator


def test_a_translator_is_compared_with_one_that_has_learned_nothing(untrained: Path) -> None:
    scores, alone = (
        scores_of(translator(), pairs(), "--against", untrained),
        scores_of(untrained, pairs()),
    )
    against = scores["against"]
    for name in METRICS:
        assert {key: against[name][key] for key in alone[name]} == alone[name]
        difference = scores[name]["score"] - alone[name]["score"]
        assert against[name]["difference"] == pytest.approx(difference)
        low, high = against[name]["difference_interval"]
        assert 0 < low <= difference <= high
        assert against[name]["p_value"] < 0.01
    assert against["length_ratio"] == alone["length_ratio"]
    assert against["verdict"].startswith(f"{translator()} is better than {untrained} by ")
    turned = scores_of(untrained, pairs(), "--against", translator())["against"]
    assert turned["verdict"] == against["verdict"]


def test_a_translator_is_no_better_than_itself(tmp_path: Path) -> None:
    same = shutil.copytree(translator(), tmp_path / "same")
    result = call("evaluate", translator(), "--against", same, "--json")
    against = json.loads(result.lines[0])["against"]
    assert "holds out another part" not in result.err
    assert "may be chance" in against["verdict"]
    for name in METRICS:
        assert (against[name]["difference"], against[name]["p_value"]) == (0, 1)


def test_a_second_model_that_may_have_seen_the_texts_is_announced(tmp_path: Path) -> None:
    other = train(pairs(), tmp_path / "m", "--steps", 1, "--seed", 7)
    result = call("evaluate", translator(), "--against", other)
    assert result.code == 0
    assert "holds out another part" in result.err


def test_a_translator_is_compared_with_none_of_another_task() -> None:
    explained(call("evaluate", translator(), "--against", classifier()), 1, "classify")
