"""Batches: every row once, of similar length, and windows that join to the text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnncli.data.batches import bptt_windows, bucketed_batches, sorted_batches

LENGTHS = st.lists(st.integers(0, 300), min_size=1, max_size=700).map(np.array)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 99))
def test_an_epoch_has_every_row_once(lengths, batch_size, seed):
    batches = bucketed_batches(lengths, batch_size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert len(batches) == -(-len(lengths) // batch_size)


def test_an_epoch_repeats_with_its_seed_and_differs_with_another():
    lengths = np.arange(500) % 37

    def order(seed):
        return np.concatenate(bucketed_batches(lengths, 8, np.random.default_rng(seed))).tolist()

    assert order(3) == order(3) != order(4)


def test_the_texts_of_a_batch_are_of_similar_length():
    lengths = np.random.default_rng(0).integers(1, 200, 2_000)
    batches = bucketed_batches(lengths, 16, np.random.default_rng(0))
    padded = sum(len(rows) * lengths[rows].max() for rows in batches)
    assert padded < 1.1 * lengths.sum()
    # and yet an epoch does not go from short to long
    means = [lengths[rows].mean() for rows in batches]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


@given(LENGTHS, st.integers(1, 9))
def test_scoring_reads_every_row_once_from_short_to_long(lengths, batch_size):
    rows = np.concatenate(list(sorted_batches(lengths, batch_size)))
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
    windows = list(bptt_windows(tokens, batch_size, bptt, skip))
    joined = np.concatenate([window.inputs for window in windows], 1)
    read = joined.ravel().tolist()
    assert read == list(range(skip, skip + len(read)))  # one stream after the other
    assert 0 <= len(tokens) - 1 - skip - len(read) < batch_size  # little is left over
    assert {window.inputs.shape[1] for window in windows[:-1]} <= {bptt}


@given(running_texts())
def test_targets_are_the_inputs_shifted_by_one(text):
    for window in bptt_windows(*text):
        assert (window.targets == window.inputs + 1).all()
        assert window.inputs.dtype == window.targets.dtype == np.int64


@given(running_texts())
def test_only_the_first_window_starts_anew(text):
    first, *others = bptt_windows(*text)
    assert not first.keep_state.any()
    assert all(window.keep_state.all() for window in others)


@given(running_texts(), st.data())
def test_a_part_of_a_batch_has_its_rows(text, data):
    window = next(bptt_windows(*text))
    start = data.draw(st.integers(0, len(window) - 1))
    part = window.part(slice(start, None))
    assert len(part) == len(window) - start
    assert (part.inputs == window.inputs[start:]).all()
    assert (part.targets == window.targets[start:]).all()
    assert (part.keep_state == window.keep_state[start:]).all()
