"""Multinomial logistic regression on the n-grams of texts, by workers with a part of them each.

Each n-gram is scaled by its naive Bayes log-count ratios (Wang and Manning 2012, section 2.2), and
the gradients of the parts are added up (data parallelism).

Shapes: N texts, F n-grams of all texts end to end, U different ones, C classes, K columns of
weights: one for each class, but a single one for two classes, whose weights are opposite numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.embeddings import csr_matrix
from rnncli.training.controller import cores_are_free
from rnncli.training.lbfgs import minimise
from rnncli.training.parallel import Workers

SMOOTHING = 1.0  # texts added to each count
ITERATIONS, TOLERANCE = 30, 1e-4  # of L-BFGS: more iterations gain nothing on other texts


@dataclass(frozen=True)
class NgramRows:
    """The n-grams of texts, by their rows in a table of weights."""

    rows: Ints  # (F,)
    starts: Ints  # (N,) where each text's begin
    values: Floats  # (N,) by which the n-grams of each text count

    def part(self, first: int, end: int) -> "NgramRows":
        """Return the n-grams of the texts from one up to another."""
        bounds = np.append(self.starts, len(self.rows))
        rows = self.rows[bounds[first] : bounds[end]]
        return NgramRows(rows, self.starts[first:end] - bounds[first], self.values[first:end])

    def matrix(self, num_ngrams: int) -> Tensor:
        """Return the sparse matrix (N, U) of which text has which n-gram."""
        return _matrix(np.append(self.starts, len(self.rows)), self.rows, num_ngrams)

    def transpose(self, num_ngrams: int) -> tuple[Ints, Ints]:
        """Return where each n-gram's texts begin (U + 1,), and the texts (F,)."""
        number = len(self.starts)
        texts = np.repeat(np.arange(number), np.diff(np.append(self.starts, len(self.rows))))
        keys = np.sort(self.rows * number + texts)  # several times as fast as to sort by rows
        counts = np.bincount(self.rows, minlength=num_ngrams)
        return np.append(0, np.cumsum(counts)), keys % number


@dataclass(frozen=True)
class _Part:
    """The texts of a worker."""

    texts: Tensor  # (N, U) sparse
    transposed: Tensor  # (U, N) sparse
    values: Tensor  # (N, 1)
    classes: Tensor  # (N, C) one-hot


class Regression:
    """A logistic regression that is fitted to texts with one penalty after the other."""

    def __init__(
        self,
        texts: NgramRows,
        classes: NDArray[np.int64],
        num_ngrams: int,
        num_classes: int,
        workers: Workers,
    ) -> None:
        self._workers = workers
        self._number = len(classes)
        bounds = np.linspace(0, len(classes), len(workers) + 1).astype(np.int64).tolist()
        parts = [texts.part(first, end) for first, end in pairwise(bounds)]
        transposed = workers.map(lambda part: part.transpose(num_ngrams), parts)
        one_hot = F.one_hot(torch.from_numpy(classes), num_classes).float()  # (N, C)
        self._parts = [
            _Part(
                part.matrix(num_ngrams),
                _matrix(*columns, len(part.starts)),
                torch.from_numpy(part.values)[:, None],
                one_hot[first:end],
            )
            for part, columns, (first, end) in zip(parts, transposed, pairwise(bounds), strict=True)
        ]
        ratios = _log_count_ratios(
            _sum(
                workers.map(
                    lambda part: part.transposed @ (part.values * part.classes), self._parts
                )
            )
        )  # (U, C)
        contrasts = [[1.0, -1.0]] if num_classes == 2 else np.eye(num_classes, dtype=np.float32)
        self._contrasts = torch.tensor(contrasts)  # (K, C)
        self._ratios = ratios[:, : len(self._contrasts)].contiguous()  # (U, K)
        self._variables = torch.zeros(self._ratios.numel() + num_classes)  # and the biases

    @property
    def weight(self) -> Tensor:
        """The weights (U, C)."""
        return (self._ratios * self._split(self._variables)[0]) @ self._contrasts

    @property
    def bias(self) -> Tensor:
        """The biases (C,)."""
        return self._split(self._variables)[1]

    def score(self, texts: NgramRows) -> Tensor:
        """Return the logits (N, C) of texts."""
        values = torch.from_numpy(texts.values)[:, None]
        return values * (texts.matrix(len(self._ratios)) @ self.weight) + self.bias

    def fit(self, penalty: float, is_over: Callable[[], bool]) -> None:
        """Fit the weights with an L2 penalty, from those of the fit before."""
        # Workers that have to wait for a processor are slower than a single one, which computes the
        # same parts one after the other: what is fitted does not depend on who computed it.
        compute = (self._workers if cores_are_free(len(self._workers)) else Workers(1)).map
        decay = penalty * float(self._contrasts[0].square().sum())  # two classes have two weights

        def loss(variables: Tensor) -> tuple[float, Tensor]:
            weights, bias = self._split(variables)
            scaled = self._ratios * weights  # (U, K)
            losses, by_weight, by_bias = zip(
                *compute(lambda part: self._loss(part, scaled, bias), self._parts),
                strict=True,
            )
            gradient = decay * variables
            gradient_by_weights, gradient_by_bias = self._split(gradient)
            gradient_by_weights.addcmul_(self._ratios, _sum(by_weight))
            gradient_by_bias.copy_(_sum(by_bias))
            flat = weights.flatten()
            return sum(losses) + decay * float(flat @ flat) / 2, gradient

        self._variables = minimise(loss, self._variables, ITERATIONS, TOLERANCE, is_over)

    def _loss(self, part: _Part, scaled: Tensor, bias: Tensor) -> tuple[float, Tensor, Tensor]:
        """Return a part's share of the loss, and its gradients by scaled weights and biases."""
        logits = part.values * _product(part.texts, scaled) @ self._contrasts + bias
        log_p = logits.log_softmax(1)  # (N, C)
        excess = (log_p.exp() - part.classes) / self._number
        by_weight = _product(part.transposed, part.values * (excess @ self._contrasts.T))
        return -float((part.classes * log_p).sum()) / self._number, by_weight, excess.sum(0)

    def _split(self, variables: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights (U, K) and the biases (C,) among the variables."""
        number = self._ratios.numel()
        return variables[:number].view(self._ratios.shape), variables[number:]


def _sum(parts: Sequence[Tensor]) -> Tensor:
    """Return the sum of the tensors of all parts, in the first one."""
    first, *others = parts
    for other in others:
        first += other
    return first


def _product(matrix: Tensor, dense: Tensor) -> Tensor:
    """Return the product of a sparse matrix and a dense one; a single column is faster alone."""
    return (matrix @ dense[:, 0])[:, None] if dense.shape[1] == 1 else matrix @ dense


def _matrix(starts: Ints, columns: Ints, width: int) -> Tensor:
    """Return a sparse matrix (R, width) of ones, whose rows begin at ``starts`` (R + 1,)."""
    ones = np.ones(len(columns), np.float32)
    return csr_matrix(starts.astype(np.int32), columns.astype(np.int32), ones, width)


def _log_count_ratios(counts: Tensor) -> Tensor:
    """Return the log-count ratios (U, C) of n-grams, a class against all others."""
    inside = counts + SMOOTHING
    outside = counts.sum(1, keepdim=True) - counts + SMOOTHING
    return (inside / inside.sum(0)).log() - (outside / outside.sum(0)).log()
