import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnncli.config import CELLS, TASKS, ModelConfig
from rnncli.networks.model_numpy import Network
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.networks.numerics import log_softmax, softmax
from rnncli.storage.description import ModelDescription
from rnncli.storage.reading import load
from rnncli.storage.writing import ModelWriter, Snapshot
from rnncli.text.tokenizer import Tokenizer

EMBEDDING = "decoder.embedding.weight"

every_cell = pytest.mark.parametrize("cell", CELLS)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])
every_direction = pytest.mark.parametrize("both", [False, True])

assert_same_logits = partial(np.testing.assert_allclose, rtol=0, atol=1e-4)  # of two libraries
assert_equal_enough = partial(np.testing.assert_allclose, rtol=0, atol=1e-5)  # of two batches


def tokenizer_of(size):
    return Tokenizer.train([" ".join(f"w{i}" for i in range(size - 4))], "word", size)


@pytest.fixture
def build(small_config):
    """Build a network with random weights, in PyTorch and in NumPy."""
    torch.manual_seed(0)

    def networks(task, cell, **changes):
        config = small_config(task, cell, **changes)
        model = EncoderDecoder(config).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
            parameter.data = parameter.data.half().float()  # as models are saved
        return model, in_numpy(model)

    return networks


def in_numpy(model):
    """Return the same network in NumPy."""
    named = model.state_dict(keep_vars=True)
    embedding = named.pop(EMBEDDING, None)  # other names of it are left out
    weights = {name: p.detach().numpy() for name, p in named.items() if p is not embedding}
    if embedding is not None:
        weights[EMBEDDING] = embedding.detach().numpy()
    return Network(model.config, weights)


def save(model, path):
    config = model.config
    size, target_size = config.vocab_size, config.target_vocab_size
    labels = ("a", "b", "c")[: config.num_classes]
    description = ModelDescription(config.task, "word", config, labels=labels)
    target = tokenizer_of(target_size) if target_size else None
    snapshot = Snapshot(description, "", [], tokenizer_of(size), target)
    ModelWriter(path, force=False).save(snapshot, model.state_dict(keep_vars=True))


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
    """Return the logits (N, T, V) of what follows each of ``tokens`` (N, T) from the start."""
    features, _ = decoder.features(torch.from_numpy(tokens), [None] * len(decoder.layers))
    return decoder.output(features)


# NumPy equals PyTorch


@every_cell
@every_depth
@every_direction
@torch.inference_mode()
def test_classifiers_give_the_same_logits(build, cell, layers, both):
    model, network = build("classify", cell, num_layers=layers, bidirectional=both)
    for seed in range(3):
        tokens, lengths = texts(np.random.default_rng(seed))
        expected = model.classify(torch.from_numpy(tokens), torch.from_numpy(lengths))
        assert_same_logits(network.classify(tokens, lengths), expected)


@every_cell
@every_depth
@torch.inference_mode()
def test_language_models_give_the_same_logits(build, cell, layers):
    rng = np.random.default_rng(0)
    for tied, hidden_size in ((True, 6), (True, 5), (False, 6)):  # 5: no projection is needed
        model, network = build(
            "generate", cell, num_layers=layers, hidden_size=hidden_size, tie_embeddings=tied
        )
        tokens = rng.integers(0, 11, (3, 20))
        expected = predict_in_torch(model.decoder, tokens)
        logits, _ = network.decode(tokens, network.empty_state(3))
        assert_same_logits(logits, expected)


@every_cell
@every_depth
@every_direction
def test_translators_give_the_same_logits(build, cell, layers, both):
    rng = np.random.default_rng(0)
    for tied in (True, False):
        model, network = build(
            "translate", cell, num_layers=layers, bidirectional=both, tie_embeddings=tied
        )
        tokens, lengths = texts(rng)
        target = rng.integers(0, 9, (5, 6))
        logits, _ = network.decode(target, network.encode(tokens, lengths))
        assert_same_logits(logits, translate_in_torch(model, tokens, lengths, target))


@given(
    st.sampled_from(TASKS),
    st.sampled_from(CELLS),
    st.fixed_dictionaries(
        {
            "num_layers": st.integers(1, 3),
            "bidirectional": st.booleans(),
            "tie_embeddings": st.booleans(),
            "embedding_dim": st.integers(1, 7),
            "hidden_size": st.integers(1, 7),
            "vocab_size": st.integers(5, 60),
        }
    ),
    st.integers(0, 5),
    st.sampled_from([9, 40]),
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.integers(0, 99),
)
def test_any_network_gives_the_same_logits(
    task, cell, sizes, encoder_size, target_vocab_size, lengths, seed
):
    changes = sizes | {
        "target_vocab_size": target_vocab_size if task == "translate" else 0,
        "num_classes": 4 if task == "classify" else 0,
        "bidirectional": sizes["bidirectional"] and task != "generate",
        "tie_embeddings": sizes["tie_embeddings"] and task != "classify",
        "lexical": sizes["tie_embeddings"] and task == "translate",
        "shortcut": task == "translate",
        "encoder_size": encoder_size if task == "translate" else 0,
    }
    torch.manual_seed(seed)
    model = EncoderDecoder(ModelConfig(task=task, cell=cell, dropout=0.3, **changes)).eval()
    if changes["lexical"]:
        torch.nn.init.normal_(model.decoder.lexical.weight)  # it starts as if it were not there
    if changes["shortcut"]:
        torch.nn.init.normal_(model.decoder.shortcut.weight)
    network = in_numpy(model)
    rng = np.random.default_rng(seed)
    lengths = np.array(lengths)
    tokens = rng.integers(0, sizes["vocab_size"], (len(lengths), max(lengths)))
    words = target_vocab_size if task == "translate" else sizes["vocab_size"]
    target = rng.integers(0, words, (len(lengths), 5))
    # Twice: after as many tokens as there are words, the inputs of the first layer come from a
    # table.
    for _ in range(2):
        with torch.inference_mode():
            if task == "classify":
                found = network.classify(tokens, lengths)
                expected = model.classify(torch.from_numpy(tokens), torch.from_numpy(lengths))
            elif task == "translate":
                found, _ = network.decode(target, network.encode(tokens, lengths))
                expected = translate_in_torch(model, tokens, lengths, target)
            else:
                found, _ = network.decode(target, network.empty_state(len(lengths)))
                expected = predict_in_torch(model.decoder, target)
                read, _ = network.read(tokens, lengths)
                for row, length in enumerate(lengths):
                    last = predict_in_torch(model.decoder, tokens[row : row + 1, :length])[0, -1]
                    assert_same_logits(read[row], last)
        assert_same_logits(found, expected)


@every_cell
@torch.inference_mode()
def test_a_long_text_does_not_drive_the_two_apart(build, cell):
    model, network = build("generate", cell, num_layers=2)
    tokens = np.random.default_rng(0).integers(0, 11, (1, 1_500))
    expected = predict_in_torch(model.decoder, tokens)
    logits, _ = network.decode(tokens, network.empty_state(1))
    assert_same_logits(logits, expected)


@every_cell
@torch.inference_mode()
def test_networks_of_the_usual_size_give_the_same_logits(small_config, cell):
    torch.manual_seed(0)
    sizes = {"vocab_size": 300, "embedding_dim": 128, "hidden_size": 256, "num_layers": 2}
    model = EncoderDecoder(small_config("generate", cell, **sizes)).eval()
    for weight in model.parameters():
        weight *= 2 if weight.dim() > 1 else 1  # about as large as training makes them
    tokens = np.random.default_rng(0).integers(0, 300, (2, 300))
    expected = predict_in_torch(model.decoder, tokens)
    network = in_numpy(model)
    logits, _ = network.decode(tokens, network.empty_state(2))
    assert_same_logits(logits, expected)


@every_cell
@pytest.mark.parametrize("task", TASKS)
def test_a_network_computes_the_same_when_saved_and_loaded(build, tmp_path, task, cell):
    model, network = build(task, cell, num_layers=2)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model", task).network
    tokens, lengths = texts(np.random.default_rng(0), vocab_size=9)

    def logits(of):
        if task == "classify":
            return of.classify(tokens, lengths)
        start = of.empty_state(5) if task == "generate" else of.encode(tokens, lengths)
        return of.decode(tokens, start)[0]

    assert_equal_enough(logits(loaded), logits(network))


# The batch does not change a result


@every_cell
def test_a_text_is_classified_alike_alone_and_in_any_batch(build, cell):
    _, network = build("classify", cell, num_layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng, n=9)
    together = network.classify(tokens, lengths)
    shuffled = rng.permutation(9)
    assert_equal_enough(network.classify(tokens[shuffled], lengths[shuffled]), together[shuffled])
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        assert_equal_enough(network.classify(tokens[row, :length], lengths[row]), together[row])


@every_cell
def test_a_text_is_translated_alike_alone_and_in_any_batch(build, cell):
    _, network = build("translate", cell, num_layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng, n=9)
    target = rng.integers(0, 9, (9, 4))
    together, _ = network.decode(target, network.encode(tokens, lengths))
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        alone, _ = network.decode(target[row], network.encode(tokens[row, :length], lengths[row]))
        assert_equal_enough(alone, together[row])


@every_cell
def test_a_text_continues_alike_alone_and_in_any_batch(build, cell):
    _, network = build("generate", cell, num_layers=2)
    tokens = np.random.default_rng(0).integers(0, 11, (7, 10))
    together, _ = network.decode(tokens, network.empty_state(7))
    for i in range(7):
        alone, _ = network.decode(tokens[i : i + 1], network.empty_state(1))
        assert_equal_enough(alone, together[i : i + 1])


CLASSIFY = """
import sys, numpy as np
from pathlib import Path
from rnncli.storage.description import ModelDescription
from rnncli.storage.reading import load
network = load(Path(sys.argv[1]), "classify").network
rng = np.random.default_rng(0)
tokens, lengths = rng.integers(0, 11, (64, 20)), rng.integers(1, 21, 64)
np.savetxt(sys.stdout, network.classify(tokens, lengths))
"""


def test_the_number_of_threads_does_not_change_a_result(build, tmp_path):
    model, _ = build("classify", "lstm", hidden_size=128, embedding_dim=64)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    save(model, tmp_path / "model")
    results = []
    for threads in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", CLASSIFY, tmp_path / "model"],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            stdout=subprocess.PIPE,
            check=True,
        )
        results.append(np.loadtxt(result.stdout.decode().splitlines()))
    assert results[0].shape == (64, 3)
    assert_equal_enough(*results)


# Steps and states


@every_cell
@pytest.mark.parametrize("task", ["generate", "translate"])
def test_single_steps_equal_many_at_once(build, cell, task):
    _, network = build(task, cell, num_layers=2)
    rng = np.random.default_rng(0)
    tokens, lengths = texts(rng)
    start = network.empty_state(5) if task == "generate" else network.encode(tokens, lengths)
    target = rng.integers(0, 9, (5, 6))
    whole, _ = network.decode(target, start)
    state = start
    for t in range(6):
        logits, state = network.step(target[:, t], state)
        assert_equal_enough(logits, whole[:, t])


@every_cell
def test_a_step_leaves_the_state_before_it_as_it_was(build, cell):
    _, network = build("generate", cell)
    _, state = network.step(np.array([4, 5]), network.empty_state(2))
    first, _ = network.step(np.array([6, 7]), state)
    network.step(np.array([8, 9]), state)
    again, _ = network.step(np.array([6, 7]), state)
    np.testing.assert_array_equal(first, again)


@every_cell
def test_several_rows_can_read_each_source(build, cell):
    _, network = build("translate", cell, num_layers=2)
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
    kept, _ = network.step(np.full(8, 5), rest)
    everything, _ = network.step(np.full(12, 5), after)
    assert_equal_enough(kept, everything[rows])


# Functions

LOGITS = arrays(np.float64, (2, 5), elements=st.floats(-1e5, 1e5))


@given(LOGITS)
def test_softmax_gives_probabilities_in_the_order_of_the_logits(logits):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(-1), 1)
    assert (probabilities >= 0).all()
    ranked = np.take_along_axis(probabilities, logits.argsort(-1), -1)
    assert (np.diff(ranked) >= 0).all()


@given(LOGITS)
def test_log_softmax_is_finite_and_the_logarithm_of_softmax(logits):
    log_p = log_softmax(logits)
    assert np.isfinite(log_p).all()
    np.testing.assert_allclose(np.exp(log_p), softmax(logits), atol=1e-12)
