from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.data.batches import LENGTH_STEP, bucketed, encode, in_order, streams
from rnncli.text.special_tokens import EOS, PAD
from rnncli.text.tokenizer import Tokenizer

CORPUS = st.lists(st.text(alphabet="abc \n🙂", max_size=12), max_size=8)
LENGTHS = st.lists(st.integers(0, 300), min_size=1, max_size=700).map(np.array)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["abc \n"], "char", 1_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("encoded")


@given(texts=CORPUS, end=st.booleans(), max_length=st.none() | st.integers(1, 5))
def test_encoded_texts_are_read_back_from_disk(texts, end, max_length, tokenizer, folder):
    encoded = encode(iter(texts), tokenizer, folder / "a", end=end, max_length=max_length)
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
    encoded = encode(texts, tokenizer, folder / "d", end=True)
    choice = st.lists(st.integers(0, len(texts) - 1), min_size=1)
    rows = np.array(data.draw(choice, label="rows"))
    tokens, lengths = encoded.padded(rows)
    for row, ids, length in zip(rows, tokens, lengths, strict=True):
        assert ids[:length].tolist() == encoded[row].tolist()
        assert (ids[length:] == PAD).all()
    assert tokens.shape[1] - lengths.max() < LENGTH_STEP
    assert tokens.shape[1] % LENGTH_STEP == 0


@given(LENGTHS, st.integers(1, 9), st.integers(0, 99))
def test_an_epoch_has_every_row_once(lengths, batch_size, seed):
    batches = bucketed(lengths, batch_size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert len(batches) == -(-len(lengths) // batch_size)


def test_an_epoch_repeats_with_its_seed_and_differs_with_another():
    lengths = np.arange(500) % 37

    def order(seed):
        return np.concatenate(bucketed(lengths, 8, np.random.default_rng(seed))).tolist()

    assert order(3) == order(3) != order(4)


def test_the_texts_of_a_batch_are_of_similar_length():
    lengths = np.random.default_rng(0).integers(1, 200, 2_000)
    batches = bucketed(lengths, 16, np.random.default_rng(0))
    padded = sum(len(rows) * lengths[rows].max() for rows in batches)
    assert padded < 1.1 * lengths.sum()
    # and yet an epoch does not go from short to long
    means = [lengths[rows].mean() for rows in batches]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


@given(LENGTHS, st.integers(1, 9))
def test_scoring_reads_every_row_once_from_short_to_long(lengths, batch_size):
    rows = np.concatenate(list(in_order(lengths, batch_size)))
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    assert (np.diff(lengths[rows]) >= 0).all()


@st.composite
def running_texts(draw):
    batch_size, bptt = draw(st.integers(1, 6)), draw(st.integers(1, 20))
    skip = draw(st.integers(0, 15))
    length = draw(st.integers(skip + 1 + batch_size, 300))
    return np.arange(length, dtype=np.uint16), batch_size, bptt, skip


@given(running_texts())
def test_the_windows_of_a_stream_join_to_the_text(text):
    tokens, batch_size, bptt, skip = text
    windows = list(streams(tokens, batch_size, bptt, skip))
    joined = np.concatenate([window.inputs for window in windows], 1)
    read = joined.ravel().tolist()
    assert read == list(range(skip, skip + len(read)))  # one stream after the other
    assert 0 <= len(tokens) - 1 - skip - len(read) < batch_size  # little is left over
    assert {window.inputs.shape[1] for window in windows[:-1]} <= {bptt}


@given(running_texts())
def test_targets_are_the_inputs_shifted_by_one(text):
    for window in streams(*text):
        assert (window.targets == window.inputs + 1).all()
        assert window.inputs.dtype == window.targets.dtype == np.int64


@given(running_texts())
def test_only_the_first_window_starts_anew(text):
    first, *others = streams(*text)
    assert not first.keep_state.any()
    assert all(window.keep_state.all() for window in others)
