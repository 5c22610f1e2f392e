"""Losses: padding, label smoothing, and the sampled softmax."""

import numpy as np
import pytest
import torch
from torch import nn

from rnncli.networks.losses import SampledSoftmax, classification_loss, cross_entropy
from rnncli.text.special_tokens import PAD

VOCABULARY, WIDTH, NEGATIVE_SAMPLES = 20_000, 16, 4_096
smoothed = pytest.mark.parametrize("smoothing", [0.0, 0.1])


@pytest.fixture
def layer():
    """Return an output layer, features and targets, and the counts of tokens."""
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
def test_the_sampled_softmax_estimates_the_full_loss(layer, smoothing):
    output, x, targets, counts = layer
    sampled = SampledSoftmax(counts, targets.numel(), NEGATIVE_SAMPLES)
    with torch.no_grad():
        exact = cross_entropy(output(x), targets, smoothing)[0].item() / targets.numel()
        estimate = mean_loss(sampled, output, x, targets, smoothing)
    assert estimate == pytest.approx(exact, abs=0.03)


@smoothed
def test_the_gradients_of_the_sampled_softmax_are_similar_to_the_full_ones(layer, smoothing):
    output, x, targets, counts = layer
    x.requires_grad_()
    (exact,) = torch.autograd.grad(cross_entropy(output(x), targets, smoothing)[0], x)
    sampled = SampledSoftmax(counts, targets.numel(), NEGATIVE_SAMPLES)
    (estimate,) = torch.autograd.grad(sampled.loss(x, output, targets, smoothing)[0], x)
    assert nn.functional.cosine_similarity(exact.flatten(), estimate.flatten(), 0) > 0.98


def test_the_sampled_softmax_ignores_padding(layer):
    output, x, targets, counts = layer
    sampled = SampledSoftmax(counts, targets.numel(), NEGATIVE_SAMPLES)
    torch.manual_seed(1)
    loss, n = sampled.loss(x[:, :20], output, targets[:, :20])
    padded = targets.clone()
    padded[:, 20:] = PAD
    torch.manual_seed(1)
    torch.testing.assert_close(sampled.loss(x, output, padded)[0], loss)
    assert sampled.loss(x, output, padded)[1] == n == 80


def test_padding_has_no_loss():
    logits = torch.randn(2, 3, 5)
    targets = torch.tensor([[1, 2, PAD], [3, PAD, PAD]])
    loss, count = cross_entropy(logits, targets)
    log_p = logits.log_softmax(2)
    assert count == 3
    torch.testing.assert_close(loss, -(log_p[0, 0, 1] + log_p[0, 1, 2] + log_p[1, 0, 3]))


def test_texts_of_unknown_class_have_no_loss():
    logits = torch.randn(3, 4)
    loss, count = classification_loss(logits, torch.tensor([2, -1, 0]))
    log_p = logits.log_softmax(1)
    assert count == 3
    torch.testing.assert_close(loss, -(log_p[0, 2] + log_p[2, 0]))


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_label_smoothing_spreads_a_share_over_all_classes(smoothing):
    logits = torch.randn(1, 4)
    loss, _ = classification_loss(logits, torch.tensor([1]), smoothing)
    log_p = logits.log_softmax(1)[0]
    torch.testing.assert_close(loss, -((1 - smoothing) * log_p[1] + smoothing * log_p.mean()))


def test_tokens_that_never_occur_stay_improbable_under_the_sampled_softmax():
    torch.manual_seed(0)
    size, absent = 2_000, 256  # such as the bytes of a vocabulary of subwords
    counts = (1e5 / np.arange(1, size + 1)).astype(np.int64)
    counts[-absent:] = 0
    frequency = torch.from_numpy(counts / counts.sum())
    output = nn.Linear(WIDTH, size)
    with torch.no_grad():
        output.bias.copy_((frequency + 1e-7).log())
    sampled = SampledSoftmax(counts, 64, negative_samples=32)
    optimizer = torch.optim.AdamW(output.parameters(), 3e-3, (0.9, 0.99))
    mean = torch.randn(WIDTH)  # of the features
    for _ in range(1_000):
        x = torch.randn(64, WIDTH) + mean
        targets = torch.multinomial(frequency, 64, replacement=True).clamp_min(PAD + 1)
        optimizer.zero_grad()
        sampled.loss(x, output, targets, 0.1)[0].backward()
        optimizer.step()
    probabilities = output(torch.randn(100, WIDTH) + mean).softmax(1)
    assert probabilities[:, -absent:].sum(1).mean() < 0.1  # label smoothing gives them 0.013
