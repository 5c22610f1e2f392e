"""Find the weights of a bag of n-grams: a convex problem, solved before the network learns.

Each n-gram counts by how much more often it occurs in a class than elsewhere (Wang and Manning
2012, section 2.2: naive Bayes log-count ratios); a logistic regression decides which to believe.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rnncli.runtime import Floats, Ints

SMOOTHING = 1.0  # texts added to each count
PENALTIES = (1e-2, 3e-3, 1e-3, 3e-4)  # of squared weights, from much to little; the best is taken
ITERATIONS = 30  # of L-BFGS; more change no answer


@dataclass(frozen=True)
class BagExamples:
    """The n-grams of some texts and the texts' classes."""

    buckets: Ints  # (total,) of all texts, end to end
    starts: Ints  # (N,) where each text's begin
    classes: NDArray[np.int64]  # (N,); -1: unknown, for validation only


def fit(
    train: BagExamples, validation: BagExamples, size: int, num_classes: int
) -> tuple[Floats, Floats]:
    """Return the weights (size, C) and biases (C,) that fit the validation part best."""
    used = np.unique(train.buckets)
    ratios = torch.from_numpy(_log_count_ratios(train, size, num_classes)[used]).float()  # (U, C)
    place = np.full(size, len(used))
    place[used] = np.arange(len(used))  # others are a row of zeros, behind
    known = validation.classes >= 0
    targets = torch.from_numpy(validation.classes[known])
    own = (torch.from_numpy(place[train.buckets]), torch.from_numpy(train.starts))
    held = (torch.from_numpy(place[validation.buckets]), torch.from_numpy(validation.starts))
    best = None
    weights, bias = torch.zeros_like(ratios), torch.zeros(num_classes)
    for penalty in PENALTIES:  # each starts from the one before
        _minimise(own, torch.from_numpy(train.classes), ratios, weights, bias, penalty)
        logits = _score(*held, ratios * weights, bias)[torch.from_numpy(known)]
        loss = F.cross_entropy(logits, targets).item()
        if best is not None and loss > best[0]:
            break
        best = loss, (ratios * weights).numpy().copy(), bias.numpy().copy()
    assert best is not None
    table = np.zeros((size, num_classes), np.float32)
    table[used] = best[1]
    return table, best[2]


def _log_count_ratios(train: BagExamples, size: int, num_classes: int) -> Floats:
    """Return (size, C), the logarithm of how much more often a class has an n-gram than others."""
    lengths = np.diff(np.append(train.starts, len(train.buckets)))
    keys = train.buckets * num_classes + np.repeat(train.classes, lengths)
    counts = np.bincount(keys, minlength=size * num_classes).reshape(size, num_classes)
    inside = counts + SMOOTHING
    outside = counts.sum(1, keepdims=True) - counts + SMOOTHING
    ratios: Floats = np.log(inside / inside.sum(0)) - np.log(outside / outside.sum(0))
    return ratios


def _score(rows: Tensor, starts: Tensor, table: Tensor, bias: Tensor) -> Tensor:
    """Return the logits (N, C); the row behind the table's last is nought."""
    table = torch.cat([table, table.new_zeros(1, table.shape[1])])
    return F.embedding_bag(rows, table, starts, mode="sum") + bias


def _minimise(
    examples: tuple[Tensor, Tensor],
    classes: Tensor,
    ratios: Tensor,
    weights: Tensor,
    bias: Tensor,
    penalty: float,
) -> None:
    """Find, in place, the weights and biases of the least loss and penalty."""
    found = [weights.requires_grad_(), bias.requires_grad_()]
    optimizer = torch.optim.LBFGS(found, max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(_score(*examples, ratios * weights, bias), classes)
        loss = loss + penalty / 2 * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    step: Callable[[Callable[[], Tensor]], Tensor] = optimizer.step
    step(closure)
    weights.requires_grad_(False)
    bias.requires_grad_(False)
