"""The models that come with rnncli, as a person meets them who has trained none."""

import json
from pathlib import Path

import pytest
from models import reviews
from shell import call, explained
from shell import rnncli as rnncli_process

import rnncli
from rnncli.config import BUNDLED_MODELS
from rnncli.data.corpora import bundled_file
from rnncli.storage.bundled import bundled_models

MAX_BYTES = {
    "bundled:sentiment": 6_000_000,
    "bundled:english": 4_000_000,
    "bundled:stories": 4_000_000,
    "bundled:shakespeare": 4_000_000,
    "bundled:en-fr": 7_000_000,
    "bundled:en-ja": 7_000_000,
}
MAX_WHEEL_BYTES = 32_000_000
LABELLED = {
    "I don't like it": "negative",
    "not bad at all": "positive",
    "I would not recommend it to anyone.": "negative",
    "The shop opens at nine.": "neutral",
    "best pizza in town!!": "positive",
    "Worst. Hotel. Ever.": "negative",
    "Quarterly revenue rose 12 % to a record 40 million euros.": "positive",
    "When does the next bus leave?": "neutral",
}


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_is_small(name: str) -> None:
    path = bundled_models()[name]
    assert sum(file.stat().st_size for file in path.rglob("*")) < MAX_BYTES[name]


def test_the_wheel_is_small() -> None:
    data = bundled_file("reviews.csv").parent  # nearly all of the wheel, before it is compressed
    assert sum(file.stat().st_size for file in data.rglob("*")) < MAX_WHEEL_BYTES


@pytest.mark.parametrize("name", BUNDLED_MODELS.values())
def test_the_model_of_a_task_is_there(name: str) -> None:
    assert (bundled_models()[name] / "README.md").exists()


def test_a_line_is_labelled_without_any_training(tmp_path: Path) -> None:
    lines = "\n".join(LABELLED).encode()
    result = rnncli_process("classify", cwd=tmp_path, stdin=lines)
    assert result.code == 0
    assert [line.partition("\t")[0] for line in result.lines] == list(LABELLED.values())
    assert result.err.count("bundled:sentiment") == 1
    assert "rnncli train" in result.err
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_named_everywhere(tmp_path: Path) -> None:
    classifier = rnncli.load("bundled:sentiment")
    assert classifier(["I love it"])[0].label == "positive"  # type: ignore[union-attr]
    named = call("classify", "-m", "bundled:sentiment", "I love it", cwd=tmp_path)
    assert named.out.startswith(b"positive")
    assert named.err == ""
    (tmp_path / "t.csv").write_text("text,label\nlovely,positive\nawful,negative\n")
    for model in ([], ["bundled:sentiment"], ["-m", "bundled:sentiment"]):
        scored = call("evaluate", *model, "t.csv", "--json", "--no-baselines", cwd=tmp_path)
        assert scored.code == 0, scored.err
        assert json.loads(scored.out)["accuracy"] == 1


def test_a_model_of_ones_own_goes_first(tmp_path: Path) -> None:
    assert call("train", reviews(), "--steps", 1, cwd=tmp_path).code == 0
    result = call("classify", "lovely", cwd=tmp_path)
    assert "bundled" not in result.err
    assert result.out.split(b"\t")[0] in (b"good", b"bad")


def test_it_is_listed_with_its_sources(tmp_path: Path) -> None:
    listed = call("models", "--json", cwd=tmp_path)
    entries = {entry["name"]: entry for entry in map(json.loads, listed.lines)}
    assert entries["bundled:sentiment"]["origin"] == "bundled"
    card = (bundled_models()["bundled:sentiment"] / "README.md").read_text()
    assert "MIT" in card
    assert "CC BY" in card


def test_it_adapts_to_texts_of_ones_own(tmp_path: Path) -> None:
    result = call(
        "train",
        reviews(),
        "-o",
        "m",
        "--init-from",
        "bundled:sentiment",
        "--steps",
        2,
        cwd=tmp_path,
    )
    assert result.code == 0, result.err
    assert call("classify", "-m", "m", "the soup was lovely", cwd=tmp_path).out.startswith(b"good")


def test_a_name_that_is_misspelt_is_explained(tmp_path: Path) -> None:
    result = call("classify", "-m", "bundled:sentimant", "x", cwd=tmp_path)
    assert explained(result, 1, "bundled:sentimant") == "did you mean bundled:sentiment?"
    assert "rnncli models" in result.err
