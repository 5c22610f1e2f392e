"""Texts that are like a text: the same as comparing it with each of them, term by term."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.data.encoded import EncodedTexts
from rnncli.tasks.translate.retrieval import SimilarTexts

Text = list[int]
texts_of = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=12)


def encoded(texts: Sequence[Text]) -> EncodedTexts:
    offsets = np.cumsum([0, *map(len, texts)])
    return EncodedTexts(np.concatenate(texts).astype(np.uint16), offsets)


def terms(text: Text) -> list[object]:
    return [*text, *pairwise([None, *text])]


def likenesses(texts: Sequence[Text], asked: Text) -> list[float]:
    """Return how much each text is like one, by the definition of tf-idf."""
    counts = Counter(term for text in texts for term in terms(text))
    weights = {
        term: max(0.0, math.log((len(texts) + 1) / (count + 0.5))) for term, count in counts.items()
    }
    return [
        sum(weights[term] ** 2 for term in terms(text) if term in set(terms(asked)))
        / math.sqrt(max(1e-6, sum(weights[term] ** 2 for term in terms(text))))
        for text in texts
    ]


@given(texts_of, st.lists(st.integers(0, 11), min_size=1, max_size=8), st.integers(1, 14))
def test_the_nearest_are_those_that_share_most(texts: list[Text], asked: Text, most: int) -> None:
    found = SimilarTexts.of(encoded(texts)).nearest(np.array(asked), most)
    all_of_them = likenesses(texts, asked)
    best = sorted((x for x in all_of_them if x > 0), reverse=True)[:most]
    assert len(set(found.tolist())) == len(found)
    assert [all_of_them[row] for row in found] == pytest.approx(best, rel=1e-4)


@given(texts_of)
def test_a_text_is_most_like_itself(texts: list[Text]) -> None:
    alike = SimilarTexts.of(encoded(texts))
    for text in texts:
        own = likenesses(texts, text)
        if max(own) > 0:
            best = alike.nearest(np.array(text), 1)
            assert own[best[0]] == pytest.approx(max(own), rel=1e-4)


def test_a_rare_word_counts_more_than_a_common_one():
    common, rare = 1, 2
    texts = [[common, 10 + i] for i in range(20)] + [[rare, 90]]
    found = SimilarTexts.of(encoded(texts)).nearest(np.array([50, common, 60, rare]), 3)
    assert found[0] == 20


def test_nothing_is_like_a_text_of_unknown_words():
    assert not len(SimilarTexts.of(encoded([[1, 2], [3]])).nearest(np.array([7, 8]), 5))
    assert not len(SimilarTexts.of(encoded([[1, 2], [3]])).nearest(np.zeros(0, np.int64), 5))


def test_what_all_texts_have_does_not_hide_what_a_few_have():
    rng = np.random.default_rng(0)
    texts = [[1, 1, 1, int(x)] for x in rng.integers(2, 60_000, 40_000)]
    texts[7] = [1, 61_000]
    assert SimilarTexts.of(encoded(texts)).nearest(np.array([1, 1, 61_000]), 1).tolist() == [7]
