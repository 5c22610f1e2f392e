"""Texts are read in the case that a model knows."""

import pytest
from models import sentence_translator
from shell import call

from rnncli.tasks.translate.letter_case import Capitals

TEXTS = ["Yesterday I saw Tom.", "Is Tom here?", "He said: wait for me.", "We wait on Monday."]


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("i saw tom", "I saw Tom"),
        ("tom's boat is here", "Tom's boat is here"),
        ("WE WAIT FOR TOM.", "We wait for Tom."),
        ("- we wait on monday", "- We wait on Monday"),
        ("Yesterday I saw a McLeod.", "Yesterday I saw a McLeod."),
        ("straße", "Straße"),
        ("3 boats are here", "3 boats are here"),
        ("", ""),
    ],
)
def test_capitals_are_those_of_the_training_texts(text: str, restored: str) -> None:
    assert Capitals.of(5 * TEXTS).restore(text) == restored


def test_texts_stay_as_they_are_where_the_training_texts_have_no_capitals() -> None:
    assert Capitals.of([text.lower() for text in TEXTS]).restore("we wait") is None


def test_small_letters_and_capitals_are_translated_like_usual_sentences() -> None:
    sentence = "The captain laughs today."
    result = call(
        "translate", "-m", sentence_translator(), sentence, sentence.lower(), sentence.upper()
    )
    assert set(result.lines) == {"Le capitaine rit aujourd'hui."}
    assert result.err.count("other capitals") == 1
