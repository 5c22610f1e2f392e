"""Splitting a text into its sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.text.sentences import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["A man sleeps.", "Two dogs run!", "Why?"],
        ["Dr. Frost met J. Moor at 5 p.m. on the pier.", "They sang."],
        ['She said "wait."', "Nobody did."],
        ["It cost 3.50 in the U.S. then.", "Was it dear?"],
        ["Ein Hund bellt.", "Über ihm sitzt eine Katze."],
        ["a man sleeps.", "two dogs run!", "dr. frost sings."],
        ["no end", ],
    ],
)  # fmt: skip
def test_sentences_end_at_the_right_marks(sentences):
    assert split_sentences(" ".join(sentences)) == sentences


def test_japanese_has_no_spaces_between_sentences():
    assert split_sentences("犬が走る。猫は「眠い。」と言う。本当？") == [
        "犬が走る。",
        "猫は「眠い。」と言う。",
        "本当？",
    ]


@given(st.text("aB .!?。」\"'", max_size=40))
def test_nothing_but_spaces_is_lost(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
