"""Embeddings from the contexts of words."""

import numpy as np
import pytest
import torch
from models import SMALL, reviews, story
from shell import call

from rnncli.data.encoded import EncodedTexts
from rnncli.tasks.embeddings import monolingual_embeddings


def encoded(texts):
    """Return texts, given as lists of tokens, as the encoder leaves them on disk."""
    offsets = np.cumsum([0, *map(len, texts)])
    return EncodedTexts(np.array([token for text in texts for token in text], np.uint16), offsets)


def angles(vectors):
    """Return the cosines (V, V) between words, which do not depend on how the axes lie."""
    directions = torch.nn.functional.normalize(vectors, dim=1)
    return directions @ directions.T


@pytest.fixture
def texts():
    """Two animals do and are what animals do and are, two dishes what dishes do."""
    rng = np.random.default_rng(0)
    animals, dishes, of_animals, of_dishes = (4, 5), (6, 7), range(8, 14), range(14, 20)
    found = []
    for _ in range(200):
        for things, said in ((animals, of_animals), (dishes, of_dishes)):
            found.append([*rng.choice(said, 2), rng.choice(things), *rng.choice(said, 2)])
    return found


def test_words_that_stand_beside_the_same_words_are_alike(texts):
    alike = angles(monolingual_embeddings(encoded(texts), 20, 8))
    for one, other in ((4, 5), (6, 7)):
        strangers = [word for word in (4, 5, 6, 7) if word not in (one, other)]
        assert alike[one, other] > 0.9
        assert alike[one, strangers].max() < 0.3


def test_what_stands_in_another_text_is_no_neighbour():
    """The same running text, cut so that every word is alone, or left whole."""
    tokens = np.tile(np.arange(4, 10, dtype=np.uint16), 50)
    alone = monolingual_embeddings(EncodedTexts(tokens, np.arange(len(tokens) + 1)), 10, 4)
    whole = monolingual_embeddings(EncodedTexts(tokens, np.array([0, len(tokens)])), 10, 4)
    assert alone.abs().max() == 0
    assert whole[4:].norm(dim=1).min() > 0
    assert whole[:4].abs().max() == 0  # tokens that do not occur


def test_texts_that_are_said_again_and_again_say_nothing_new(texts):
    """So many of them that neighbours are counted in parts, and parts of them."""
    once = monolingual_embeddings(encoded(texts), 20, 2)  # as many as there are kinds of words
    often = monolingual_embeddings(encoded(texts * 400), 20, 2)  # 800,000 tokens
    torch.testing.assert_close(angles(often), angles(once), atol=1e-3, rtol=0)


def test_vectors_have_the_length_that_embeddings_begin_with(texts):
    lengths = monolingual_embeddings(encoded(texts), 20, 8).norm(dim=1)
    assert lengths[lengths > 0].mean() == pytest.approx(1)


@pytest.mark.parametrize("dim", [1, 3, 64])
def test_more_numbers_than_words_are_filled_up(texts, dim):
    vectors = monolingual_embeddings(encoded(texts), 20, dim)
    assert vectors.shape == (20, dim)
    assert vectors.isfinite().all()


def test_much_plain_text_settles_what_words_mean_and_little_does_not(tmp_path):
    model = tmp_path / "m"
    options = ("-o", model, *SMALL, "--steps", 2, "--force")
    plain = tmp_path / "plain.txt"
    plain.write_bytes(story().read_bytes() * 40)
    much = call("train", reviews(), "--unlabelled", plain, *options)
    little = call("train", reviews(), "--unlabelled", reviews(), *options)
    assert (much.code, little.code) == (0, 0), much.err + little.err
    assert "frozen" in much.err
    assert "initialised from co-occurrence counts" in little.err
    assert "frozen" not in little.err
