"""CTC: networks alike in NumPy and in PyTorch; search and alignment against all paths."""

from collections import defaultdict
from dataclasses import asdict
from itertools import groupby, product

import numpy as np
import pytest
import torch
from architectures import in_numpy, randomise

from rnncli.networks.architecture import Architecture, Frames, Stack, from_json, parameters
from rnncli.networks.ctc_search import BLANK, align, greedy, prefix_beam_search
from rnncli.networks.heads import Ctc
from rnncli.networks.model_torch import build
from rnncli.networks.numerics import log_softmax


def outputs(seed, steps=5, tokens=3):
    x = np.random.default_rng(seed).normal(0, 2, (steps, tokens))
    return log_softmax(x.astype(np.float32))


def written(path):
    return tuple(token for token, _ in groupby(path) if token != BLANK)


def log_p(log_probs, path):
    return float(log_probs[np.arange(len(path)), list(path)].sum())


def totals(log_probs):
    """Sum the probabilities of all paths by what they write."""
    found = defaultdict(float)
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        found[written(path)] += np.exp(log_p(log_probs, path))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_the_search_finds_what_most_paths_write(seed):
    log_probs = outputs(seed)
    found = totals(log_probs)
    assert tuple(prefix_beam_search(log_probs, 100)) == max(found, key=found.get)


def test_another_model_is_heard():
    log_probs = outputs(0)

    def prefers_twos(prefix):
        return 50.0 if prefix == (2,) else -50.0

    assert prefix_beam_search(log_probs, 100, prefers_twos) == [2]


@pytest.mark.parametrize("seed", range(4))
def test_an_alignment_is_the_likeliest_path_that_writes_the_tokens(seed):
    log_probs, tokens = outputs(seed, 6), (1, 1, 2)
    paths = [path for path in product(range(3), repeat=6) if written(path) == tokens]
    best = max(paths, key=lambda path: log_p(log_probs, path))
    first, last = align(log_probs, tokens)
    runs, start = [], 0
    for token, run in groupby(best):
        length = len(list(run))
        if token != BLANK:
            runs.append((start, start + length - 1))
        start += length
    assert list(zip(first, last, strict=True)) == runs


def test_greedy_search_takes_the_best_path():
    log_probs = np.log(np.eye(3)[[0, 1, 1, 0, 1, 2, 2]] + 1e-6)
    assert greedy(log_probs) == [1, 1, 2]


@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_numpy_writes_as_pytorch_does(layers, bidirectional):
    torch.manual_seed(0)
    architecture = Architecture(Frames(4, 5), Stack("lstm", layers, 6, bidirectional), None, Ctc(7))
    model = build(architecture).eval()
    randomise(model)
    frames = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    padded = torch.from_numpy(np.stack([np.zeros_like(frames), frames]))
    with torch.inference_mode():
        expected = model.log_probs(padded, torch.tensor([4, 9]))[1].numpy()
    np.testing.assert_allclose(in_numpy(model).log_probs(frames), expected, rtol=0, atol=1e-4)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    assert shapes == parameters(architecture)
    assert from_json(asdict(architecture)) == architecture
