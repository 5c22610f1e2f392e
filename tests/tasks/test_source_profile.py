"""The profile of a translator's training sources: written into its description, read with care."""

import json
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from models import sentence_translator, translator
from shell import call

from rnncli.tasks.translate.source_profile import SOURCES, SourceProfile
from rnncli.text.tokenizer import Tokenizer

SIZE = 300
TEXTS = ["It is late.", "Is Tom here?", "What a day!", "We wait for Tom. He is late."]


def profile_of(texts: list[str]) -> SourceProfile:
    return SourceProfile.of([(text, text) for text in texts], tokenizer())


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, "subword", SIZE)


def parse(value: object) -> SourceProfile | None:
    return SourceProfile.parse(value, tokenizer().vocab_size)


def test_a_profile_reads_as_it_was_written() -> None:
    profile = profile_of(5 * TEXTS)
    assert parse(json.loads(json.dumps(profile.to_json()))) == profile


def test_a_text_of_nothing_has_a_profile() -> None:
    assert parse(profile_of([""]).to_json()) == profile_of([])


DAMAGES: list[tuple[str, str, Any]] = [
    ("end_marks", "share", 2.0),
    ("end_marks", "share", float("nan")),
    ("end_marks", "full_stop", "\x1b[31m"),
    ("end_marks", "questions", ["is"]),
    ("capitals", "share", None),
    ("capitals", "words", "x" * 1_000_000),
    ("sentences", "max_words", 0),
    ("sentences", "max_words", True),
    ("sentences", "single", "all"),
    ("language", "token_bits", "0"),
    ("language", "token_bits", SIZE * "\x00"),
    ("language", "max_bits", 1e9),
    ("stand_ins", "names", "Tom"),
    ("spelling", "rare", ["late"]),
]


@pytest.mark.parametrize(("part", "name", "value"), DAMAGES)
def test_a_damaged_profile_is_refused(part: str, name: str, value: object) -> None:
    values = profile_of(TEXTS).to_json()
    values[part][name] = value
    with pytest.raises(ValueError, match="sources"):
        parse(values)


def changed(model: Path, folder: Path, value: object) -> Path:
    """Return a copy of a model with another profile; with None, of a model without one."""
    copy = Path(copytree(model, folder / "copy"))
    config = json.loads((copy / "config.json").read_text())
    config["task_values"] = {} if value is None else {SOURCES: value}
    (copy / "config.json").write_text(json.dumps(config))
    return copy


def test_a_model_with_a_damaged_profile_is_explained(tmp_path: Path) -> None:
    result = call("translate", "-m", changed(translator(), tmp_path, [1]), "a gull")
    assert (result.code, result.lines) == (1, [])
    assert "the profile of the sources is wrong" in result.err


def test_a_model_without_a_profile_reads_texts_as_they_are(tmp_path: Path) -> None:
    older = changed(sentence_translator(), tmp_path, None)
    result = call("translate", "-m", older, "The cat sleeps here. A gull waits again")
    assert "end mark" not in result.err
    assert "sentence by sentence" not in result.err
