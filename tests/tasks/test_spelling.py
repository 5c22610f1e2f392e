"""Words with a typing error are read as the words that were meant."""

import json
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
from models import sentence_translator
from shell import call

from rnncli.tasks.translate.source_language import SourceLanguage
from rnncli.tasks.translate.source_profile import SOURCES
from rnncli.tasks.translate.spelling import MIN_TEXTS, Spelling, Vocabulary
from rnncli.text.tokenizer import Tokenizer

SENTENCES = (
    "their children are playing in the garden because the weather is warm.",
    "we believe that she needs more time with a friend of their teacher.",
    "where is the small house that you were looking for this morning?",
)
RARE = "Brian, a biologist, collects mosses: marshy sphagnum."


@cache
def sources() -> tuple[Spelling, Vocabulary]:
    tokenizer = Tokenizer.train(SENTENCES, "subword", 500, min_count=1)
    language = SourceLanguage.of(100 * SENTENCES, tokenizer)
    spelling = Spelling.of([RARE, *(SENTENCES * MIN_TEXTS)[:MIN_TEXTS]], language, tokenizer)
    return spelling, Vocabulary(language, tokenizer)


def correct(text: str) -> str:
    spelling, vocabulary = sources()
    return spelling.correct(text, vocabulary)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("the childern", "the children"),  # exchanged
        ("we beleive", "we believe"),
        ("in teh garden", "in the garden"),
        ("the gaarden", "the garden"),  # too many
        ("the wether is warm", "the weather is warm"),  # too few
        ("the gatden", "the garden"),  # another one
        ("Thier house", "Their house"),
    ],
)
def test_a_typing_error_is_corrected(typed: str, meant: str) -> None:
    assert correct(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        RARE,  # the sources have it
        "the gardens",  # a form
        "the heather",  # another first letter
        "the wurm",  # short, and nothing is exchanged
        "see Wether and WETHER",  # names
        "wether-bound wether's x2wether",
        "xkcd zzzzzz",
        "",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert correct(text) == text


def test_few_sources_lack_words_that_are_no_errors() -> None:
    _, vocabulary = sources()
    few = Spelling.of([RARE, *SENTENCES], vocabulary.language, vocabulary.tokenizer)
    assert few.rare == ()
    assert few.correct("the childern", vocabulary) == "the childern"


def test_words_without_an_alphabet_stay() -> None:
    texts = ["".join(chr(0x4E00 + 7 * i + j) for j in range(5)) for i in range(60)]
    tokenizer = Tokenizer.train([f"x {text}" for text in texts], "subword", 900)
    vocabulary = Vocabulary(SourceLanguage.of(texts, tokenizer), tokenizer)
    assert Spelling(("x",)).correct(texts[0][1:], vocabulary) == texts[0][1:]


def test_the_command_corrects_and_says_so(tmp_path: Path) -> None:
    model = Path(copytree(sentence_translator(), tmp_path / "model"))
    config = json.loads((model / "config.json").read_text())
    config["task_values"][SOURCES]["spelling"]["rare"] = "zebra"
    (model / "config.json").write_text(json.dumps(config))
    (plain,) = call("translate", "-m", model, "The captain sings here.").lines
    typed = call("translate", "-m", model, "The captian sings here.")
    assert typed.lines == [plain]
    assert "typing errors" in typed.err
