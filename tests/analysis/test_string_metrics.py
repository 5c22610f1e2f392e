"""Exact match, edit distances and character accuracy of short strings."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.analysis.string_metrics import are_short, edit_distances, string_scores

STRINGS = st.text("abcé猫", max_size=7)
PAIRS = st.lists(st.tuples(STRINGS, STRINGS), min_size=1, max_size=9)


def levenshtein(first: str, second: str) -> int:
    """Compute the edit distance by its recursive definition."""

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        substituted = distance(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        return min(substituted, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(first), len(second))


@given(PAIRS)
def test_edit_distances_equal_their_definition(pairs: list[tuple[str, str]]) -> None:
    first, second = zip(*pairs, strict=True)
    expected = [levenshtein(*pair) for pair in pairs]
    assert edit_distances(first, second).tolist() == expected
    assert edit_distances(second, first).tolist() == expected


def test_known_edit_distances() -> None:
    distances = edit_distances(["kitten", "", "same", "flaw"], ["sitting", "abc", "same", "lawn"])
    assert distances.tolist() == [3, 3, 0, 2]


@given(PAIRS)
def test_the_shares_equal_their_definitions(pairs: list[tuple[str, str]]) -> None:
    outputs, references = zip(*pairs, strict=True)
    scores = string_scores(outputs, references)
    assert scores.exact_match == pytest.approx(np.mean([a == b for a, b in pairs]))
    edits, characters = sum(levenshtein(*pair) for pair in pairs), sum(map(len, references))
    assert scores.character_accuracy == pytest.approx(max(0, 1 - edits / max(characters, 1)))
    for share, (low, high) in (
        (scores.exact_match, scores.exact_match_interval),
        (scores.character_accuracy, scores.character_accuracy_interval),
    ):
        assert 0 <= low <= high <= 1
        if share in (0, 1):
            assert share in (low, high)


@given(PAIRS)
def test_right_strings_have_right_characters(pairs: list[tuple[str, str]]) -> None:
    _, references = zip(*pairs, strict=True)
    scores = string_scores(references, references)
    assert (scores.exact_match, scores.character_accuracy) == (1, 1)
    assert scores.character_accuracy_interval == (1, 1)


@pytest.mark.parametrize(
    ("texts", "short"),
    [
        (["receive", "2024-03-05", "New York"], True),
        (["the cat sat on the mat", "it rains today again", "yes"], False),
        (["yes", "no", "we will see it then", "a b c d"], False),
        (["猫が好きです。"], False),
        (["猫", "犬"], True),
    ],
)
def test_most_texts_must_have_words_for_bleu(texts: list[str], short: bool) -> None:
    assert are_short(texts) == short
