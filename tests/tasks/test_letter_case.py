"""Texts are read in the case that a model knows."""

import pytest
from models import sentence_translator
from shell import call

from rnncli.tasks.translate.letter_case import Capitals

KNOWN = {"wait", "for", "the", "boat", "here", "is", "of", "open", "file", "new", "isn't"}
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


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("Wait Here", "Wait here"),
        ("Wait for the New Boat", "Wait for the new boat"),
        ("Reopen the File…", "Reopen the file…"),
        ("Open New File...", "Open new file..."),
        ("New: Open File", "New: Open file"),
        ("Boat’s Here", "Boat’s here"),
        ("Open File as PDF", "Open file as PDF"),
        ("The Boat Isn't New", "The boat isn't new"),
        ("Wait for Tom New", None),  # names, and what stands beside them
        ("Tom New", None),
        ("Sophie New", None),
        ("The Lord of the Boat", None),
        ("Wait for the New Boat.", None),  # a sentence
        ("Here", None),
    ],
)
def test_titles_are_read_as_sentences(title: str, sentence: str | None) -> None:
    restored = Capitals.of(5 * TEXTS).as_sentence(title, KNOWN.__contains__)
    assert restored == (sentence or title)


def test_texts_stay_as_they_are_where_the_training_texts_have_no_capitals() -> None:
    assert Capitals.of([text.lower() for text in TEXTS]).restore("we wait") is None


def test_small_letters_and_capitals_are_translated_like_usual_sentences() -> None:
    sentence = "The captain laughs today."
    result = call(
        "translate", "-m", sentence_translator(), sentence, sentence.lower(), sentence.upper()
    )
    assert set(result.lines) == {"Le capitaine rit aujourd'hui."}
    assert result.err.count("other capitals") == 1
    title = call("translate", "-m", sentence_translator(), "The Captain Laughs Today")
    assert title.lines == ["Le capitaine rit aujourd'hui"]
