"""Retrieval by tf-idf similarity, against its definition."""

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


def similarities(texts: Sequence[Text], query: Text) -> list[float]:
    """Return the tf-idf similarity of each text to a query, up to its length."""
    counts = Counter(term for text in texts for term in terms(text))
    weights = {
        term: max(0.0, math.log((len(texts) + 1) / (count + 0.5))) for term, count in counts.items()
    }
    return [
        sum(weights[term] ** 2 for term in terms(text) if term in set(terms(query)))
        / math.sqrt(max(1e-6, sum(weights[term] ** 2 for term in terms(text))))
        for text in texts
    ]


@given(texts_of, st.lists(st.integers(0, 11), min_size=1, max_size=8), st.integers(1, 14))
def test_the_nearest_texts_have_the_largest_similarities(
    texts: list[Text], query: Text, max_texts: int
) -> None:
    result = SimilarTexts.of(encoded(texts)).nearest(np.array(query), max_texts)
    expected = similarities(texts, query)
    best = sorted((x for x in expected if x > 0), reverse=True)[:max_texts]
    assert len(set(result.tolist())) == len(result)
    assert [expected[row] for row in result] == pytest.approx(best, rel=1e-4)


@given(texts_of)
def test_a_text_is_most_similar_to_itself(texts: list[Text]) -> None:
    index = SimilarTexts.of(encoded(texts))
    for text in texts:
        expected = similarities(texts, text)
        if max(expected) > 0:
            best = index.nearest(np.array(text), 1)
            assert expected[best[0]] == pytest.approx(max(expected), rel=1e-4)


def test_rare_words_have_more_weight():
    common, rare = 1, 2
    texts = [[common, 10 + i] for i in range(20)] + [[rare, 90]]
    result = SimilarTexts.of(encoded(texts)).nearest(np.array([50, common, 60, rare]), 3)
    assert result[0] == 20


def test_no_text_is_similar_to_unknown_words():
    assert not len(SimilarTexts.of(encoded([[1, 2], [3]])).nearest(np.array([7, 8]), 5))
    assert not len(SimilarTexts.of(encoded([[1, 2], [3]])).nearest(np.zeros(0, np.int64), 5))


def test_frequent_terms_do_not_hide_rare_ones():
    rng = np.random.default_rng(0)
    texts = [[1, 1, 1, int(x)] for x in rng.integers(2, 60_000, 40_000)]
    texts[7] = [1, 61_000]
    assert SimilarTexts.of(encoded(texts)).nearest(np.array([1, 1, 61_000]), 1).tolist() == [7]
