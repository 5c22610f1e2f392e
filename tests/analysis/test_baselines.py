"""Baselines against the formulas of the textbook, without NumPy."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.analysis.baselines import MajorityClass, NaiveBayes

TEXTS = st.lists(st.sampled_from("abcde"), max_size=6).map(" ".join)
LABELLED = st.lists(st.tuples(TEXTS, st.sampled_from("xyz")), min_size=1, max_size=12)


def features(text: str) -> list[str]:
    words = text.split()
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def textbook(rows: list[tuple[str, str]], text: str) -> dict[str, float]:
    """Return log P(label) + sum of log P(feature | label), with one added to each count."""
    vocabulary = {feature for own, _ in rows for feature in features(own)}
    scores = {}
    for label in {label for _, label in rows}:
        counts = Counter(f for own, its in rows if its == label for f in features(own))
        size = counts.total() + max(1, len(vocabulary))
        scores[label] = math.log(sum(its == label for _, its in rows) / len(rows)) + sum(
            math.log((counts[f] + 1) / size) for f in features(text) if f in vocabulary
        )
    return scores


@given(LABELLED, TEXTS)
def test_naive_bayes_gives_the_label_that_the_textbook_gives(rows, text):
    texts, labels = zip(*rows, strict=True)
    (label,) = NaiveBayes(texts, labels)([text])
    expected = textbook(rows, text)
    assert expected[label] == pytest.approx(max(expected.values()))


def test_pairs_tell_apart_what_has_the_same_words():
    learned = NaiveBayes(["dog bites man", "man bites dog"], ["news", "no news"])
    assert learned(["a man bites dog", "The DOG bites!"]) == ["no news", "news"]


def test_a_text_of_new_words_gets_the_most_frequent_label():
    learned = NaiveBayes(["warm soup", "cold tea", "warm tea"], ["good", "bad", "good"])
    assert learned(["", "gulls", "?!"]) == ["good"] * 3


def test_texts_without_words_can_be_learned_from():
    assert NaiveBayes(["!", "?", "?"], ["a", "b", "b"])(["!", "some words"]) == ["b", "b"]


def test_the_majority_class_is_given_to_every_text():
    assert MajorityClass(["b", "a", "b"])(["x", "y"]) == ["b", "b"]
