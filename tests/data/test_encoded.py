"""Encoded texts: on disk, and the same as their tokens."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.data.encoded import LENGTH_STEP, encode
from rnncli.text.special_tokens import EOS, PAD
from rnncli.text.tokenizer import Tokenizer

CORPUS = st.lists(st.text(alphabet="abc \n🙂", max_size=12), max_size=8)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["abc \n"], "char", 1_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("encoded")


@given(texts=CORPUS, end=st.booleans(), max_length=st.none() | st.integers(1, 5))
def test_encoded_texts_are_read_back_from_disk(texts, end, max_length, tokenizer, folder):
    encoded = encode(iter(texts), tokenizer, folder / "a", add_eos=end, max_length=max_length)
    expected = [tokenizer.encode(text)[:max_length] + [EOS] * end for text in texts]
    assert [encoded[i].tolist() for i in range(len(encoded))] == expected
    assert encoded.lengths.tolist() == [len(ids) for ids in expected]
    assert encoded.tokens.tolist() == list(chain(*expected))


def test_encoded_texts_stay_on_disk(tokenizer, folder):
    encoded = encode(["abc"] * 10, tokenizer, folder / "b")
    assert isinstance(encoded.tokens, np.memmap)
    assert encoded.tokens.nbytes == (folder / "b").stat().st_size == 60  # two bytes a token


def test_a_large_vocabulary_takes_wider_integers(folder):
    words = [f"w{number}" for number in range(2**16)]
    tokenizer = Tokenizer.train(words, "word", 10**6)
    encoded = encode(words, tokenizer, folder / "c")
    assert encoded.tokens.max() == tokenizer.vocab_size - 1 > 2**16
    assert tokenizer.decode(encoded[2**16 - 1]) == words[-1]


@given(texts=CORPUS.filter(len), data=st.data())
def test_a_padded_batch_holds_its_texts_and_padding_behind(texts, data, tokenizer, folder):
    encoded = encode(texts, tokenizer, folder / "d", add_eos=True)
    choice = st.lists(st.integers(0, len(texts) - 1), min_size=1)
    rows = np.array(data.draw(choice, label="rows"))
    tokens, lengths = encoded.pad(rows)
    for row, ids, length in zip(rows, tokens, lengths, strict=True):
        assert ids[:length].tolist() == encoded[row].tolist()
        assert (ids[length:] == PAD).all()
    assert tokens.shape[1] - lengths.max() < LENGTH_STEP
    assert tokens.shape[1] % LENGTH_STEP == 0
