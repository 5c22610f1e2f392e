"""The bag of n-grams: which places a text has, what they add up to, and how they are learned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.bag_fitting import BagExamples, fit
from rnncli.ngrams import Bag, NGrams

SIZE = 1 << 16
WORDS, LETTERS, BOTH = NGrams((1, 2), ()), NGrams((), (1, 2, 3)), NGrams((1, 2), (3, 4))

TEXTS = st.text(max_size=60)
every_kind = pytest.mark.parametrize("ngrams", [WORDS, LETTERS, BOTH])


def buckets(ngrams, text, size=SIZE):
    """Return the places of one text."""
    return ngrams.gathered([text], size)[0]


@every_kind
@given(texts=st.lists(TEXTS, max_size=5))
def test_texts_together_have_the_places_of_each(ngrams, texts):
    places, starts = ngrams.gathered(texts, SIZE)
    for text, found in zip(texts, np.split(places, starts)[1:], strict=True):
        np.testing.assert_array_equal(found, buckets(ngrams, text))


@every_kind
@given(text=TEXTS)
def test_each_place_is_in_the_table_and_there_once(ngrams, text):
    found = buckets(ngrams, text, 97)
    assert ((found >= 0) & (found < 97)).all()
    assert len(set(found.tolist())) == len(found)


def test_capitals_and_spaces_make_no_difference():
    np.testing.assert_array_equal(buckets(BOTH, "  Good\n BOOK"), buckets(BOTH, "good book"))


def test_words_and_pairs_of_words_count_and_their_order_does():
    def common(one, other, ngrams=WORDS):
        return len(np.intersect1d(buckets(ngrams, one), buckets(ngrams, other)))

    nothing = len(buckets(WORDS, ""))  # that a text begins and ends
    assert len(buckets(WORDS, "not good")) == 2 + 2 + 3  # with beginning and end as words
    assert common("not good", "good not") == 2 + 2
    assert common("a b", "a c") == 2 + 2  # the word, and that it begins the text
    assert common("映画", "映像") == 2 + 2  # in scripts without spaces characters are words
    assert common("Petrov", "Ivanov", LETTERS) > common("Petrov", "Smith", LETTERS)
    assert nothing == 2 + 1


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_the_places_of_words_and_of_characters_are_those_of_each(texts):
    for text in texts:
        parts = [NGrams((1, 2), ()), NGrams((), (3, 4))]
        apart = np.concatenate([buckets(part, text) for part in parts])
        np.testing.assert_array_equal(buckets(BOTH, text), np.unique(apart))


@every_kind
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_the_score_of_a_text_is_the_sum_of_its_places(ngrams, texts):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(64, 3)).astype(np.float32), np.float32([1, 2, 3])
    logits = Bag(ngrams, weight, bias)(texts)
    places, starts = ngrams.gathered(texts, 64)
    for row, some in zip(logits, np.split(places, starts[1:]), strict=True):
        np.testing.assert_allclose(row, weight[some].sum(0) + bias, atol=1e-4)


def examples(texts, classes):
    return BagExamples(*WORDS.gathered(texts, SIZE), np.array(classes))


def test_what_is_fitted_tells_the_classes_of_other_texts():
    good, bad = ("lovely", "bright", "warm"), ("dull", "cold", "dreadful")
    things = [f"thing{i}" for i in range(20)]
    texts = [f"the {thing} was {word}" for thing in things for word in good + bad]
    classes = [int(word in bad) for _ in things for word in good + bad]
    train, held = examples(texts[:90], classes[:90]), examples(texts[90:], classes[90:])
    weight, bias = fit(train, held, SIZE, 2)
    logits = Bag(WORDS, weight, bias)(["a lovely house", "a dreadful house", "neither"])
    assert logits[0].argmax() == 0
    assert logits[1].argmax() == 1
    assert np.ptp(logits[2]) < min(np.ptp(logits[0]), np.ptp(logits[1]))


def test_labels_that_were_not_trained_on_do_not_disturb():
    train = examples(["up", "down"] * 10, [0, 1] * 10)
    validation = examples(["up", "down", "sideways"], [0, 1, -1])
    weight, bias = fit(train, validation, SIZE, 2)
    assert Bag(WORDS, weight, bias)(["up", "down"]).argmax(1).tolist() == [0, 1]


def test_a_held_out_part_of_unknown_labels_alone_is_no_reason_to_fail():
    train = examples(["up", "down"] * 10, [0, 1] * 10)
    weight, bias = fit(train, examples(["left"], [-1]), SIZE, 2)
    assert Bag(WORDS, weight, bias)(["up", "down"]).argmax(1).tolist() == [0, 1]
