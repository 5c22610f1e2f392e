"""Texts without end marks are read as sentences, where the training texts have them."""

import pytest
from models import sentence_translator, translator
from shell import call

from rnncli import Translator
from rnncli.tasks.translate.end_marks import EndMarks, without_end_mark

NOTICE = "some texts are read with an end mark"
QUESTIONS = ["What is this?", "What do you see?", "Is it late?"]
STATEMENTS = ["What a pity!", "We are late.", "It is here.", '"No."']


@pytest.fixture(scope="module")
def marks() -> EndMarks:
    return EndMarks.of(5 * (QUESTIONS + STATEMENTS))


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("is anyone there", "?"),
        ("What is new", "?"),
        ("what a day", "."),
        ("the boat leaves at 9", "."),
        ("Is it?", ""),
        ("Wait…", ""),
        ('He said "no."', ""),
        ("on the list:", ""),
        ("", ""),
    ],
)
def test_the_missing_mark_follows_from_the_beginning(text: str, mark: str, marks: EndMarks) -> None:
    assert marks.missing_mark(text) == mark


def test_marks_are_those_of_the_training_texts() -> None:
    japanese = EndMarks.of(["雨です。", "本当？", "犬がいる。"])
    assert japanese.missing_mark("雨") == "。"
    bare = EndMarks.of([*STATEMENTS, "no mark", "none here"])
    assert bare.missing_mark("the boat leaves") == ""


@pytest.mark.parametrize(
    ("text", "without"),
    [("Il dort.", "Il dort"), ("Dort-il ?", "Dort-il"), ("寝る。", "寝る"), ("...", "...")],
)
def test_the_mark_goes_from_the_translation(text: str, without: str) -> None:
    assert without_end_mark(text) == without


def test_a_text_without_a_mark_is_translated_like_one_with_it() -> None:
    sentences = ["The cat sleeps here.", "Is a gull here?", "A gull waits again."]
    plain = call("translate", "-m", sentence_translator(), *sentences)
    bare = call("translate", "-m", sentence_translator(), *(text[:-1] for text in sentences))
    assert bare.lines == [line.rstrip("?. ") for line in plain.lines]
    assert plain.lines[0] == "Le chat dort ici."
    assert (plain.err.count(NOTICE), bare.err.count(NOTICE)) == (0, 1)


def test_a_model_of_texts_without_marks_adds_none() -> None:
    result = call("translate", "-m", translator(), "the cat sleeps here")
    assert NOTICE not in result.err
    assert Translator.load(translator())(["the cat sleeps here"])[0].text == result.lines[0]
