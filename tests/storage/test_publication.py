"""Models that are published: with their sources, and without what is of this machine alone."""

import json
import shutil
from pathlib import Path

import pytest
from models import generator, pairs, translator

import rnncli
from rnncli.storage.publication import Publication, publish
from rnncli.storage.reading import load

TEXTS = ["the cat sings today", "my brother waits here"]


def publication(**changes: object) -> Publication:
    fields = {
        "data": "sentences of our village",
        "licence": "CC0, the parish office",
        "arguments": ("village.tsv",),
        "command": "rnncli train village.tsv",
        "summary": "translates village talk",
        "scores": {"bleu": 12.5},
        "languages": ("en", "fr"),
    }
    return Publication(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    model = Path(shutil.copytree(translator(), tmp_path / "m"))
    publish(model, publication())
    return model


def test_its_card_says_what_it_was_made_of(published: Path) -> None:
    card = (published / "README.md").read_text()
    for words in ("sentences of our village", "CC0, the parish office", "| bleu | 12.5000 |"):
        assert words in card
    assert str(pairs()) not in card + (published / "config.json").read_text()


def test_it_answers_as_before_and_is_smaller(published: Path) -> None:
    before, after = map(rnncli.Translator.load, (translator(), published))
    assert after(TEXTS) == before(TEXTS)
    data = load(published).description.data
    assert data is not None and data.languages == ("en", "fr")
    sizes = [(model / "tokenizer.json").stat().st_size for model in (translator(), published)]
    assert sizes[1] < 0.8 * sizes[0]
    assert not (published / "metrics.jsonl").exists()


def test_the_card_says_what_the_scores_are_of(tmp_path: Path) -> None:
    model = Path(shutil.copytree(generator(), tmp_path / "m"))
    publish(model, publication(scored_on="letters of the mayor"))
    elsewhere = (model / "README.md").read_text()
    publish(model, publication())
    held_out = (model / "README.md").read_text()
    assert "Scores on letters of the mayor" in elsewhere
    assert "also chose the best moment" in held_out
    assert "also chose the best moment" not in elsewhere


def test_it_can_be_published_again(published: Path) -> None:
    publish(published, publication(scores={"bleu": 13.0}))
    config = json.loads((published / "config.json").read_text())
    assert config["scores"] == {"bleu": 13.0}
    assert rnncli.load(published)
