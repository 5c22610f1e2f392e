"""Texts of another language than that of the training sources are told."""

import json
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path
from shutil import copytree

import pytest
from models import DOES, WHEN, WHO, sentence_translator
from shell import call

from rnncli.tasks.translate.source_language import SourceLanguage
from rnncli.tasks.translate.source_profile import MAX_TEXTS, SOURCES
from rnncli.text.tokenizer import Tokenizer

NOTICE = "hardly in the language"
ENGLISH, FRENCH = (
    [" ".join(words) for words in product(*(getattr(part, side)() for part in (WHO, DOES, WHEN)))]
    for side in ("keys", "values")
)


ENDS = ("and is glad", "as we all do", "but not in the rain", "where the boats are")
LONGER = [f"{text} {end}" for text in ENGLISH for end in ENDS]


@cache
def english() -> tuple[SourceLanguage, Tokenizer]:
    # As many as are looked at of a larger corpus.
    texts = ([text for i, text in enumerate(LONGER) if i % 7] * 70)[:MAX_TEXTS]
    assert len(texts) == MAX_TEXTS
    tokenizer = Tokenizer.train(texts, "subword", 500)
    return SourceLanguage.of(texts, tokenizer), tokenizer


def foreign(texts: Sequence[str]) -> list[bool]:
    language, tokenizer = english()
    return [language.is_foreign(text, tokenizer.encode(text)) for text in texts]


def test_other_languages_are_told() -> None:
    assert sum(foreign(LONGER)) < 0.01 * len(LONGER)
    assert all(foreign([f"{text} et nous voilà" for text in FRENCH]))
    assert foreign(["今日は雨が降るので船は来ない。", "Zzqx kjw vvq xxz qwp"]) == [True, True]


@pytest.mark.parametrize("text", ["", "mon frère", "12 / 3", "Quoi ? Là ?"])
def test_short_texts_tell_nothing(text: str) -> None:
    assert foreign([text]) == [False]


def test_few_sources_tell_no_language() -> None:
    _, tokenizer = english()
    few = SourceLanguage.of(ENGLISH, tokenizer)
    assert not any(few.is_foreign(text, tokenizer.encode(text)) for text in 2 * FRENCH)


def test_the_command_says_so_once(tmp_path: Path) -> None:
    model = Path(copytree(sentence_translator(), tmp_path / "model"))
    config = json.loads((model / "config.json").read_text())
    config["task_values"][SOURCES]["language"]["max_bits"] = 1.2
    (model / "config.json").write_text(json.dumps(config))
    french = ["La fille chante bien aujourd'hui chez nous.", "Le chat dort encore ici avec moi."]
    result = call("translate", "-m", model, *french)
    assert len(result.lines) == 2
    assert result.err.count(NOTICE) == 1
    english = call("translate", "-m", model, "The cat sleeps here today.")
    assert NOTICE not in english.err
