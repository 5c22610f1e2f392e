"""The loss over a part of the vocabulary: what it estimates, and that it can be learned from."""

import numpy as np
import pytest
import torch
from torch import nn

from rnncli.networks.losses import SampledSoftmax
from rnncli.networks.model_torch import cross_entropy
from rnncli.text.special_tokens import PAD

VOCABULARY, WIDTH, DRAWN = 20_000, 16, 4_096
smoothed = pytest.mark.parametrize("smoothing", [0.0, 0.1])


@pytest.fixture
def layer():
    """Return an output layer, features and targets, and how often each word occurs."""
    torch.manual_seed(0)
    counts = (1e6 / np.arange(1, VOCABULARY + 1)).astype(np.int64)  # as words do: Zipf 1935
    output = nn.Linear(WIDTH, VOCABULARY)
    with torch.no_grad():
        output.bias.copy_(torch.from_numpy(counts / counts.sum()).log())
    x = torch.randn(4, 32, WIDTH)
    targets = torch.multinomial(torch.from_numpy(counts / counts.sum()), 128, replacement=True)
    return output, x, targets.clamp_min(PAD + 1).reshape(4, 32), counts


def mean_loss(sampled, output, x, targets, smoothing, times=40):
    losses = [sampled.loss(x, output, targets, smoothing)[0].item() for _ in range(times)]
    return sum(losses) / times / targets.numel()


@smoothed
def test_it_estimates_the_loss_over_the_whole_vocabulary(layer, smoothing):
    output, x, targets, counts = layer
    sampled = SampledSoftmax(counts, targets.numel(), DRAWN)
    with torch.no_grad():
        exact = cross_entropy(output(x), targets, smoothing)[0].item() / targets.numel()
        estimate = mean_loss(sampled, output, x, targets, smoothing)
    assert estimate == pytest.approx(exact, abs=0.03)


@smoothed
def test_its_gradients_point_where_those_of_the_whole_vocabulary_do(layer, smoothing):
    output, x, targets, counts = layer
    x.requires_grad_()
    (exact,) = torch.autograd.grad(cross_entropy(output(x), targets, smoothing)[0], x)
    sampled = SampledSoftmax(counts, targets.numel(), DRAWN)
    (estimate,) = torch.autograd.grad(sampled.loss(x, output, targets, smoothing)[0], x)
    assert nn.functional.cosine_similarity(exact.flatten(), estimate.flatten(), 0) > 0.98


def test_padding_is_left_out(layer):
    output, x, targets, counts = layer
    sampled = SampledSoftmax(counts, targets.numel(), DRAWN)
    torch.manual_seed(1)
    loss, n = sampled.loss(x[:, :20], output, targets[:, :20])
    padded = targets.clone()
    padded[:, 20:] = PAD
    torch.manual_seed(1)
    torch.testing.assert_close(sampled.loss(x, output, padded)[0], loss)
    assert sampled.loss(x, output, padded)[1] == n == 80
