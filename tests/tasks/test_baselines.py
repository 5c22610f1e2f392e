"""Naive Bayes against its definition, without NumPy."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.tasks.classify import baselines
from rnncli.tasks.classify.baselines import naive_bayes

TEXTS = st.lists(st.sampled_from("abcde"), max_size=6).map(" ".join)
LABELLED = st.lists(st.tuples(TEXTS, st.sampled_from([0, 1, 2])), min_size=1, max_size=12)
NUM_CLASSES = 3


def ngrams(text: str) -> set[str]:
    words = ["<begin>", *text.split(), "<end>"]
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}


def definition(rows: list[tuple[str, int]], text: str) -> list[float]:
    """Return log P(class) + sum of log P(n-gram | class), with one added to each count."""
    vocabulary = {ngram for document, _ in rows for ngram in ngrams(document)}
    scores = []
    for label in range(NUM_CLASSES):
        texts = [document for document, true_label in rows if true_label == label]
        counts = Counter(ngram for document in texts for ngram in ngrams(document))
        size = counts.total() + len(vocabulary)
        scores.append(
            (math.log(len(texts) / len(rows)) if texts else -math.inf)
            + sum(math.log((counts[x] + 1) / size) for x in ngrams(text) if x in vocabulary)
        )
    return scores


def fit(rows: list[tuple[str, int]], num_classes: int = NUM_CLASSES) -> baselines.NgramModel:
    texts, classes = zip(*rows, strict=True)
    return naive_bayes(texts, np.array(classes), num_classes)


@given(LABELLED, TEXTS)
def test_the_probabilities_of_naive_bayes_equal_the_definition(
    rows: list[tuple[str, int]], text: str
) -> None:
    (logits,) = fit(rows)([text])
    expected = np.array(definition(rows, text))
    result = logits - np.logaddexp.reduce(logits)
    assert result == pytest.approx(expected - np.logaddexp.reduce(expected), abs=1e-4)


def test_bigrams_distinguish_texts_of_the_same_words() -> None:
    model = fit([("dog bites man", 0), ("man bites dog", 1)])
    assert model(["a man bites dog", "The DOG bites!"]).argmax(1).tolist() == [1, 0]


def test_rare_ngrams_are_left_out_to_bound_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(f"word{number} same", number % 2) for number in range(50)]
    monkeypatch.setattr(baselines, "MAX_WEIGHTS", 12)
    model = fit(rows)
    assert model.weight.shape == (4, NUM_CLASSES)
    assert model.bias.argmax() in (0, 1)
    assert np.isfinite(model(["word1 same"])[:, :2]).all()


@pytest.mark.parametrize("text", ["", "!", "unseen"])
def test_a_text_without_known_ngrams_gets_the_most_frequent_class(text: str) -> None:
    model = fit([("warm soup", 1), ("cold tea", 0), ("warm tea", 1)])
    assert model([text]).argmax() == 1
