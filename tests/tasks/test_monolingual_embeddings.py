"""Embeddings from co-occurrence counts in the contexts of words."""

import numpy as np
import pytest
import torch
from models import SMALL, reviews, story
from shell import call

from rnncli.data.encoded import EncodedTexts
from rnncli.tasks.embeddings import monolingual_embeddings


def encoded(texts):
    """Encode texts, given as lists of tokens."""
    offsets = np.cumsum([0, *map(len, texts)])
    return EncodedTexts(np.array([token for text in texts for token in text], np.uint16), offsets)


def cosines(vectors):
    """Return the cosines (V, V) of words, which do not depend on a rotation."""
    directions = torch.nn.functional.normalize(vectors, dim=1)
    return directions @ directions.T


@pytest.fixture
def texts():
    """Return texts in which two animals have the same contexts, and two dishes others."""
    rng = np.random.default_rng(0)
    animals, dishes, of_animals, of_dishes = (4, 5), (6, 7), range(8, 14), range(14, 20)
    result = []
    for _ in range(200):
        for things, contexts in ((animals, of_animals), (dishes, of_dishes)):
            result.append([*rng.choice(contexts, 2), rng.choice(things), *rng.choice(contexts, 2)])
    return result


def test_words_of_the_same_contexts_are_similar(texts):
    similarity = cosines(monolingual_embeddings(encoded(texts), 20, 8))
    for one, other in ((4, 5), (6, 7)):
        dissimilar = [word for word in (4, 5, 6, 7) if word not in (one, other)]
        assert similarity[one, other] > 0.9
        assert similarity[one, dissimilar].max() < 0.3


def test_contexts_end_at_the_end_of_a_text():
    """The same tokens as texts of one word, or as one text."""
    tokens = np.tile(np.arange(4, 10, dtype=np.uint16), 50)
    single = monolingual_embeddings(EncodedTexts(tokens, np.arange(len(tokens) + 1)), 10, 4)
    whole = monolingual_embeddings(EncodedTexts(tokens, np.array([0, len(tokens)])), 10, 4)
    assert single.abs().max() == 0
    assert whole[4:].norm(dim=1).min() > 0
    assert whole[:4].abs().max() == 0  # tokens that do not occur


def test_repeated_texts_do_not_change_the_embeddings(texts):
    """With so many tokens that contexts are counted in parts."""
    once = monolingual_embeddings(encoded(texts), 20, 2)  # as many as there are kinds of words
    often = monolingual_embeddings(encoded(texts * 400), 20, 2)  # 800,000 tokens
    torch.testing.assert_close(cosines(often), cosines(once), atol=1e-3, rtol=0)


def test_embeddings_have_mean_length_one(texts):
    lengths = monolingual_embeddings(encoded(texts), 20, 8).norm(dim=1)
    assert lengths[lengths > 0].mean() == pytest.approx(1)


@pytest.mark.parametrize("dim", [1, 3, 64])
def test_embeddings_may_have_more_dimensions_than_words(texts, dim):
    vectors = monolingual_embeddings(encoded(texts), 20, dim)
    assert vectors.shape == (20, dim)
    assert vectors.isfinite().all()


def test_embeddings_are_frozen_where_most_text_has_no_labels(tmp_path):
    model = tmp_path / "m"
    options = ("-o", model, *SMALL, "--steps", 2, "--force")
    plain = tmp_path / "plain.txt"
    plain.write_bytes(story().read_bytes() * 40)
    much = call("train", reviews(), "--unlabelled", plain, *options)
    little = call("train", reviews(), "--unlabelled", reviews(), *options)
    assert (much.code, little.code) == (0, 0), much.err + little.err
    assert ", and frozen: " in much.err
    assert "initialised from co-occurrence counts" in little.err
    assert ", and frozen: " not in little.err
