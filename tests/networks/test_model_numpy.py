"""Networks in NumPy: equal to those in PyTorch, for any batch, threads and steps."""

import os
import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from architectures import KINDS, in_numpy, randomise, small_architecture
from hypothesis import given
from hypothesis import strategies as st

from rnncli.config import CELLS
from rnncli.networks.model_torch import build as build_torch

every_cell = pytest.mark.parametrize("cell", CELLS)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])
every_direction = pytest.mark.parametrize("bidirectional", [False, True])

assert_same_logits = partial(np.testing.assert_allclose, rtol=0, atol=1e-4)  # of two libraries
assert_equal_enough = partial(np.testing.assert_allclose, rtol=0, atol=1e-5)  # of two batches


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def build(kind, cell="lstm", **sizes):
    """Build a network with random weights, in PyTorch and in NumPy."""
    model = build_torch(small_architecture(kind, cell, **sizes)).eval()
    randomise(model)
    return model, in_numpy(model)


def texts(rng, n=5, longest=11, vocab_size=11):
    """Return random tokens, also where padding would be, and their lengths."""
    lengths = rng.integers(1, longest + 1, n)
    lengths[n // 2] = longest
    return rng.integers(0, vocab_size, (n, longest)), lengths


@torch.inference_mode()
def translate_in_torch(model, tokens, lengths, target):
    features = model.features(*map(torch.from_numpy, (tokens, lengths, target)))
    return model.decoder.output(features)


def predict_in_torch(decoder, tokens):
    """Return the logits (N, T, V) after ``tokens`` (N, T)."""
    features, _ = decoder.features(torch.from_numpy(tokens), [None] * len(decoder.layers))
    return decoder.output(features)


# NumPy equals PyTorch


@every_cell
@every_depth
@every_direction
@torch.inference_mode()
def test_classifiers_give_the_same_logits(cell, layers, bidirectional):
    model, network = build("classify", cell, layers=layers, bidirectional=bidirectional)
    for seed in range(3):
        tokens, lengths = texts(np.random.default_rng(seed))
        expected = model.classify(torch.from_numpy(tokens), torch.from_numpy(lengths))
        assert_same_logits(network.classify(tokens, lengths), expected)


@every_cell
@every_depth
@torch.inference_mode()
def test_language_models_give_the_same_logits(cell, layers):
    rng = np.random.default_rng(0)
    for tied, hidden_size in ((True, 6), (True, 5), (False, 6)):  # 5: no projection is needed
        model, network = build("generate", cell, layers=layers, hidden_size=hidden_size, tied=tied)
        tokens = rng.integers(0, 11, (3, 20))
        expected = predict_in_torch(model.decoder, tokens)
        logits, _ = network.decode(tokens, network.empty_state(3))
        assert_same_logits(logits, expected)


@every_cell
@every_depth
@every_direction
def test_translators_give_the_same_logits(cell, layers, bidirectional):
    rng = np.random.default_rng(0)
    for tied in (True, False):
        model, network = build(
            "translate", cell, layers=layers, bidirectional=bidirectional, tied=tied
        )
        tokens, lengths = texts(rng)
        target = rng.integers(0, 9, (5, 6))
        logits, _ = network.decode(target, network.encode(tokens, lengths))
        assert_same_logits(logits, translate_in_torch(model, tokens, lengths, target))


@given(
    st.sampled_from(KINDS),
    st.sampled_from(CELLS),
    st.fixed_dictionaries(
        {
            "layers": st.integers(1, 3),
            "bidirectional": st.booleans(),
            "tied": st.booleans(),
            "embedding_dim": st.integers(1, 7),
            "hidden_size": st.integers(1, 7),
            "encoder_size": st.integers(1, 5),
            "vocab_size": st.integers(5, 60),
            "target_size": st.sampled_from([9, 40]),
            "vectors_dim": st.integers(1, 5),
            "vectors_only": st.sampled_from([0, 1]),
        }
    ),
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.integers(0, 99),
)
def test_any_network_gives_the_same_logits(kind, cell, sizes, lengths, seed):
    if kind == "generate":  # a decoder's outputs are its inputs: it has no word vectors
        sizes = {**sizes, "vectors_dim": 0, "vectors_only": 0}
    model, network = build(kind, cell, **sizes)
    rng = np.random.default_rng(seed)
    lengths = np.array(lengths)
    tokens = rng.integers(0, sizes["vocab_size"], (len(lengths), max(lengths)))
    words = sizes["target_size"] if kind == "translate" else sizes["vocab_size"]
    target = rng.integers(0, words, (len(lengths), 5))
    # Twice: the second time, the inputs of the first layer stand in a table already.
    for _ in range(2):
        with torch.inference_mode():
            if kind == "classify":
                logits = network.classify(tokens, lengths)
                expected = model.classify(torch.from_numpy(tokens), torch.from_numpy(lengths))
            elif kind == "translate":
                logits, _ = network.decode(target, network.encode(tokens, lengths))
                expected = translate_in_torch(model, tokens, lengths, target)
            else:
                logits, _ = network.decode(target, network.empty_state(len(lengths)))
                expected = predict_in_torch(model.decoder, target)
                read, _ = network.read(tokens, lengths)
                for row, length in enumerate(lengths):
                    last = predict_in_torch(model.decoder, tokens[row : row + 1, :length])[0, -1]
                    assert_same_logits(read[row], last)
        assert_same_logits(logits, expected)


@every_cell
@torch.inference_mode()
def test_differences_do_not_grow_in_a_long_text(cell):
    model, network = build("generate", cell, layers=2)
    tokens = np.random.default_rng(0).integers(0, 11, (1, 1_500))
    expected = predict_in_torch(model.decoder, tokens)
    logits, _ = network.decode(tokens, network.empty_state(1))
    assert_same_logits(logits, expected)


@every_cell
@torch.inference_mode()
def test_networks_of_default_size_give_the_same_logits(cell):
    sizes = {"vocab_size": 300, "embedding_dim": 128, "hidden_size": 256, "layers": 2}
    model = build_torch(small_architecture("generate", cell, **sizes)).eval()
    for weight in model.parameters():
        weight *= 2 if weight.dim() > 1 else 1  # about as large as training makes them
    tokens = np.random.default_rng(0).integers(0, 300, (2, 300))
    expected = predict_in_torch(model.decoder, tokens)
    network = in_numpy(model)
    logits, _ = network.decode(tokens, network.empty_state(2))
    assert_same_logits(logits, expected)


@every_cell
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_computes_the_same_when_pickled(kind, cell):
    _, network = build(kind, cell, layers=2)
    copy = pickle.loads(pickle.dumps(network))
    tokens, lengths = texts(np.random.default_rng(0), vocab_size=9)

    def logits(of):
        if kind == "classify":
            return of.classify(tokens, lengths)
        start = of.empty_state(5) if kind == "generate" else of.encode(tokens, lengths)
        return of.decode(tokens, start)[0]

    assert_equal_enough(logits(copy), logits(network))


# The batch does not change a result


@every_cell
def test_the_batch_does_not_change_a_classification(cell):
    _, network = build("classify", cell, layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng, n=9)
    batched = network.classify(tokens, lengths)
    shuffled = rng.permutation(9)
    assert_equal_enough(network.classify(tokens[shuffled], lengths[shuffled]), batched[shuffled])
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        assert_equal_enough(network.classify(tokens[row, :length], lengths[row]), batched[row])


@every_cell
def test_the_batch_does_not_change_a_translation(cell):
    _, network = build("translate", cell, layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng, n=9)
    target = rng.integers(0, 9, (9, 4))
    batched, _ = network.decode(target, network.encode(tokens, lengths))
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        single, _ = network.decode(target[row], network.encode(tokens[row, :length], lengths[row]))
        assert_equal_enough(single, batched[row])


@every_cell
def test_the_batch_does_not_change_the_logits_of_the_next_token(cell):
    _, network = build("generate", cell, layers=2)
    tokens = np.random.default_rng(0).integers(0, 11, (7, 10))
    batched, _ = network.decode(tokens, network.empty_state(7))
    for i in range(7):
        single, _ = network.decode(tokens[i : i + 1], network.empty_state(1))
        assert_equal_enough(single, batched[i : i + 1])


CLASSIFY = """
import pickle, sys
import numpy as np
from pathlib import Path
network = pickle.loads(Path(sys.argv[1]).read_bytes())
rng = np.random.default_rng(0)
tokens, lengths = rng.integers(0, 11, (64, 20)), rng.integers(1, 21, 64)
np.savetxt(sys.stdout, network.classify(tokens, lengths))
"""


def test_the_number_of_threads_does_not_change_a_result(tmp_path):
    model, _ = build("classify", hidden_size=128, embedding_dim=64)
    randomise(model, std=0.1)
    path = tmp_path / "network"
    path.write_bytes(pickle.dumps(in_numpy(model)))
    results = []
    for threads in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", CLASSIFY, path],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            stdout=subprocess.PIPE,
            check=True,
        )
        results.append(np.loadtxt(result.stdout.decode().splitlines()))
    assert results[0].shape == (64, 3)
    assert_equal_enough(*results)


# Steps and states


@every_cell
@pytest.mark.parametrize("kind", ["generate", "translate"])
def test_single_steps_equal_many_at_once(cell, kind):
    _, network = build(kind, cell, layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng)
    start = network.empty_state(5) if kind == "generate" else network.encode(tokens, lengths)
    target = rng.integers(0, 9, (5, 6))
    whole, _ = network.decode(target, start)
    state = start
    for t in range(6):
        logits, state = network.step(target[:, t], state)
        assert_equal_enough(logits, whole[:, t])


@every_cell
def test_a_step_does_not_change_its_input_state(cell):
    _, network = build("generate", cell)
    _, state = network.step(np.array([4, 5]), network.empty_state(2))
    first, _ = network.step(np.array([6, 7]), state)
    network.step(np.array([8, 9]), state)
    again, _ = network.step(np.array([6, 7]), state)
    np.testing.assert_array_equal(first, again)


@every_cell
def test_several_rows_can_attend_to_each_source(cell):
    _, network = build("translate", cell, layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng, n=3)
    state = network.encode(tokens, lengths)
    target = rng.integers(0, 9, (3, 4))  # for each of 3 sources 4 first tokens
    logits, after = network.step(target.ravel(), state.take(np.repeat(np.arange(3), 4)))
    for k in range(4):
        expected, _ = network.step(target[:, k], state)
        assert_equal_enough(logits[k::4], expected)
    # and a source that is done can leave, with its rows
    rows = np.array([0, 1, 2, 3, 8, 9, 10, 11])
    rest = after.keep_sources(np.array([0, 2])).take(rows)
    remaining, _ = network.step(np.full(8, 5), rest)
    everything, _ = network.step(np.full(12, 5), after)
    assert_equal_enough(remaining, everything[rows])
