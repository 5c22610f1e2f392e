"""Texts are cut into sentences and clauses like the training texts, and laid out as they were."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import sentence_translator, translator, write_lines
from shell import call

from rnncli.tasks.translate.segmentation import Segmenter, Sentences

SENTENCES = ["The boat is late.", "Why?", "We wait on the pier for an hour."]


def segmenter(announced: list[str] | None = None) -> Segmenter:
    announced = [] if announced is None else announced
    return Segmenter(Sentences.of(SENTENCES), announced.append)


def texts_of(text: str, split: bool | None = None) -> list[str]:
    return [segment.text for segment in segmenter().segments(text, split)]


def test_sentences_are_separate_where_the_training_texts_are_single_ones() -> None:
    assert texts_of("It is late. Why? We wait.") == ["It is late.", "Why?", "We wait."]
    assert texts_of("It is late. Why?", split=False) == ["It is late. Why?"]
    several = Segmenter(Sentences.of([" ".join(SENTENCES)] * 5), print)
    assert len(several.segments("It is late. Why?")) == 1
    assert len(several.segments("It is late. Why?", split=True)) == 2
    assert len(Segmenter(None, print).segments("It is late. Why?")) == 1


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "the boat is very late, so we wait here.",
            ["the boat is very late", "so we wait here."],
        ),
        ("we all wait here but they are very late", ["we all wait here", "but they are very late"]),
        ("we wait on the long old pier all day", ["we wait on the long", "old pier all day"]),
        ("雨が降る、船は来ない。", ["雨が降る", "船は来ない。"]),
    ],
)  # fmt: skip
def test_a_long_sentence_is_cut_at_a_clause_or_else_a_word(sentence: str, parts: list[str]) -> None:
    announced: list[str] = []
    segments = segmenter(announced).segments(sentence)
    assert [segment.text for segment in segments] == parts
    assert "".join(segment.before + segment.text for segment in segments) == sentence
    assert announced == [
        "sentences of more than 8 words, which the training texts hardly have, are translated in "
        "parts"
    ] * len(announced)


@given(st.text("aB ,.-;、。", max_size=80))
def test_nothing_is_lost(text: str) -> None:
    parts = segmenter().segments(text)
    joined = "".join(segment.before + segment.text for segment in parts)
    assert "".join(joined.split()) == "".join(text.split())


def test_a_clause_goes_on_in_small_letters_unless_it_begins_with_a_name() -> None:
    _, clause = segmenter().segments("the boat is very late, so Marie waits here.")
    assert clause.write("Alors elle attend.") == ", alors elle attend."
    assert clause.write("Marie attend.") == ", Marie attend."
    assert clause.write("I'm waiting.") == ", I'm waiting."
    assert clause.write("It is late.") == ", it is late."


def test_a_document_keeps_its_lines_and_their_layout(tmp_path: Path) -> None:
    lines = ["- The cat sleeps here.", "", "  2. A gull waits again. Is the captain here?"]
    document = write_lines(tmp_path / "document.txt", *lines)
    result = call("translate", "-m", sentence_translator(), "-i", document)
    assert result.lines == [
        "- Le chat dort ici.",
        "",
        "  2. Une mouette attend encore. Est-ce que le capitaine est ici ?",
    ]
    assert result.err.count("sentence by sentence") == 1


def test_no_split_translates_lines_as_a_whole() -> None:
    text = "The cat sleeps here. A gull waits again."
    whole = call("translate", "-m", sentence_translator(), "--no-split", text)
    assert "sentence by sentence" not in whole.err
    split = call("translate", "-m", sentence_translator(), text)
    assert split.lines == ["Le chat dort ici. Une mouette attend encore."] != whole.lines


def test_a_list_mark_that_is_trained_on_is_translated() -> None:
    assert Segmenter(Sentences.of(["1. a", "2. b"]), print).layout("3. c") == ""
    assert call("translate", "-m", translator(), " ").lines == [""]
