"""Embeddings from co-occurrence counts in pairs of sentences."""

import numpy as np
import pytest
import torch
from models import DOES, SMALL, WHEN, pairs
from shell import call
from torch.nn.functional import normalize

from rnncli.data.encoded import EncodedTexts
from rnncli.storage import reading as saved_model
from rnncli.tasks.embeddings import bilingual_embeddings
from rnncli.text.special_tokens import EOS

FIRST, WORDS = 4, 12  # special tokens stand before the words of a language
SIZE = FIRST + WORDS


def encoded(texts):
    """Encode texts, given as lists of tokens."""
    ended = [[*text, EOS] for text in texts]
    offsets = np.cumsum([0, *map(len, ended)])
    return EncodedTexts(np.array([t for text in ended for t in text], np.uint16), offsets)


def word_by_word(count=300, longest=5):
    """Return sentences of random words, and translations with the same tokens."""
    rng = np.random.default_rng(0)
    texts = [rng.choice(WORDS, rng.integers(2, longest), replace=False) for _ in range(count)]
    return (encoded([words + FIRST for words in texts]),) * 2


def vectors_of(sources, targets, dim=8, rows=None):
    rows = np.arange(len(sources)) if rows is None else rows
    return bilingual_embeddings(sources, targets, rows, SIZE, SIZE, dim)


def cosines(source, target):
    return normalize(source, dim=1) @ normalize(target, dim=1).T


def test_words_are_similar_to_their_translations_alone():
    similarity = cosines(*vectors_of(*word_by_word(), dim=WORDS))[FIRST:, FIRST:]
    assert similarity.diagonal().min() > 0.9
    assert (similarity - torch.diag(similarity.diagonal())).max() < 0.5


def test_similarity_decays_with_the_distance_in_the_sentence():
    rng = np.random.default_rng(0)
    texts = [np.concatenate([(0, 1), rng.choice(np.arange(2, WORDS), 4)]) for _ in range(300)]
    similarity = cosines(*vectors_of(*[encoded([t + FIRST for t in texts])] * 2, dim=WORDS))
    for one, other in ((0, 1), (1, 0)):
        assert similarity[FIRST + one, FIRST + one] > similarity[FIRST + one, FIRST + other]


def test_words_of_no_pair_have_zeros():
    source, target = vectors_of(encoded([[4, 5], [6]]), encoded([[5, 4], [6]]), rows=np.array([0]))
    for vectors in (source, target):
        assert vectors[[4, 5]].norm(dim=1).min() > 0
        assert vectors[:4].abs().max() == 0  # <eos> too
        assert vectors[6:].abs().max() == 0


@pytest.mark.parametrize("texts", [[[]], [[], [4]], [[4]]])
def test_pairs_without_words_are_no_error(texts):
    for vectors in vectors_of(encoded(texts), encoded([[] for _ in texts])):
        assert not vectors.any()


def test_pairs_of_long_sentences_are_counted_in_parts():
    """Three million co-occurrences."""
    sources, targets = word_by_word(count=4_000)
    texts = [np.tile(sources[i][:-1], 12) for i in range(4_000)]
    source, target = vectors_of(encoded(texts), targets, dim=WORDS)
    similarity = cosines(source, target)[FIRST:, FIRST:]
    assert torch.equal(similarity.argmax(1), torch.arange(WORDS))


@pytest.mark.parametrize("dim", [1, 3, 40])
def test_embeddings_have_mean_length_one(dim):
    for vectors in vectors_of(*word_by_word(), dim=dim):
        assert vectors.shape == (SIZE, dim)
        lengths = vectors.norm(dim=1)
        assert lengths[lengths > 0].mean() == pytest.approx(1, abs=0.1)


def test_a_translator_is_initialised_with_the_embeddings(tmp_path):
    options = ("--level", "word", "--steps", 1, "--learning-rate", 1e-6, "--embedding-dim", 24)
    result = call("train", pairs(), "-o", tmp_path / "m", *SMALL, *options)
    assert result.code == 0, result.err
    assert "co-occurrence counts of words and their translations" in result.err
    model = saved_model.load(tmp_path / "m", "translate")
    dictionary = DOES | WHEN
    translations = list(dictionary.values())

    def vectors(words, tokenizer, weights):
        rows = [tokenizer.encode(f"a {word}")[-1] for word in words]
        return torch.from_numpy(weights)[rows]

    similarity = cosines(
        vectors(dictionary, model.tokenizer, model.weights["encoder.embedding.weight"]),
        vectors(translations, model.target_tokenizer, model.weights["decoder.embedding.weight"]),
    )
    output = [translations[i] for i in similarity.argmax(1).tolist()]
    assert output == translations
