"""Find the weights of a linear n-gram model: a convex problem, solved before the network trains.

Each n-gram counts by how much more often it occurs in a class than elsewhere (Wang and Manning
2012, section 2.2: naive Bayes log-count ratios); a logistic regression decides which to believe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.classify.ngrams import NgramFeatures, NgramModel, lengths, lookup
from rnncli.tasks.embeddings import csr_matrix

SMOOTHING = 1.0  # texts added to each count
PENALTIES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)  # of squared weights; less is tried while it helps
ITERATIONS, HISTORY = 30, 10  # of L-BFGS; more change no answer
FITTED = 1 << 23  # weights at most, of the n-grams that most texts have: bounds memory


@dataclass(frozen=True)
class NgramExamples:
    """The n-grams of texts, and the classes of the texts."""

    buckets: Ints  # (F,) of all texts, end to end
    starts: Ints  # (N,) where each text's begin
    classes: NDArray[np.int64]  # (N,); -1: unknown, for validation only

    @property
    def counts(self) -> Ints:
        """How many n-grams each text has (N,)."""
        return lengths(self.buckets, self.starts)


def fit_ngrams(
    ngrams: NgramFeatures,
    train: NgramExamples,
    validation: NgramExamples,
    num_classes: int,
    min_count: int,
    most: int,
) -> tuple[NgramModel, float]:
    """Return the model that fits the validation part best, and its loss there in nats a text.

    It has ``most`` n-grams, all in at least ``min_count`` texts if any is.
    """
    buckets, counts = np.unique(train.buckets, return_counts=True)
    common = counts >= min(min_count, counts.max())
    buckets, counts = _first(counts[common], FITTED // num_classes, buckets[common], counts[common])
    usual = float(ngrams.scale(train.counts).mean())  # 1 is what penalties are meant for
    own, held = (
        _matrix(part, buckets, ngrams.scale(part.counts) / usual) for part in (train, validation)
    )  # (N, U) each
    transposed = own.t().to_sparse_csr()  # (U, N)
    classes = F.one_hot(torch.from_numpy(train.classes), num_classes).float()  # (N, C)
    ratios = _log_count_ratios(transposed @ classes)  # (U, C)
    regression = _Regression(own, transposed, classes, ratios)
    known = torch.from_numpy(validation.classes >= 0)
    targets = torch.from_numpy(validation.classes)[known]
    weights, bias = torch.zeros_like(ratios), torch.zeros(num_classes)
    best = None
    for penalty in PENALTIES:  # each starts from the one before
        regression.minimise(weights, bias, penalty)
        loss = F.cross_entropy((held @ (ratios * weights) + bias)[known], targets).item()
        if best is not None and loss > best[0]:
            break
        best = loss, (ratios * weights).numpy(), bias.numpy().copy()
    assert best is not None
    loss, weight, chosen_bias = best
    # What an n-gram says of the classes, and how often: all others could as well be left out.
    moved = np.abs(weight - weight.mean(1, keepdims=True)).max(1) * np.sqrt(counts)  # (U,)
    buckets, weight = _first(moved, most, buckets, weight)
    return NgramModel(ngrams, buckets, (weight / usual).astype(np.float32), chosen_bias), loss


def _first(by: NDArray[Any], most: int, *arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the rows of some arrays that are largest by a measure, in their order."""
    rows = np.sort(np.argsort(-by, kind="stable")[:most])
    return tuple(array[rows] for array in arrays)


def _matrix(examples: NgramExamples, buckets: Ints, scale: Floats) -> Tensor:
    """Return which of the buckets (U,) each text has, as a sparse matrix (N, U) of values (N,)."""
    rows, starts = lookup(buckets, examples.buckets, examples.starts)
    values = np.repeat(scale, lengths(rows, starts))
    return csr_matrix(np.append(starts, len(rows)), rows, values, len(buckets))


def _log_count_ratios(counts: Tensor) -> Tensor:
    """Return how much more often a class has an n-gram than others, as logarithms (U, C)."""
    inside = counts + SMOOTHING
    outside = counts.sum(1, keepdim=True) - counts + SMOOTHING
    return (inside / inside.sum(0)).log() - (outside / outside.sum(0)).log()


@dataclass(frozen=True)
class _Regression:
    """A logistic regression on n-grams, each scaled by its log-count ratios."""

    texts: Tensor  # (N, U) which n-grams each has, and their values, sparse
    texts_transposed: Tensor  # (U, N)
    classes: Tensor  # (N, C) one-hot
    ratios: Tensor  # (U, C)

    def minimise(self, weights: Tensor, bias: Tensor, penalty: float) -> None:
        """Find, in place, the weights (U, C) and biases (C,) of the least loss and penalty."""
        optimizer = torch.optim.LBFGS(
            [weights, bias],
            max_iter=ITERATIONS,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
        )

        def closure() -> float:
            log_p = (self.texts @ (self.ratios * weights) + bias).log_softmax(1)  # (N, C)
            excess = (log_p.exp() - self.classes) / len(log_p)  # (N, C)
            weights.grad = self.ratios * (self.texts_transposed @ excess) + penalty * weights
            bias.grad = excess.sum(0)
            loss = -(self.classes * log_p).sum() / len(log_p)
            return (loss + penalty / 2 * weights.square().sum()).item()

        step: Callable[[Callable[[], float]], float] = optimizer.step
        step(closure)
