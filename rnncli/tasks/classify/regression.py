"""Multinomial logistic regression on the n-grams of texts, by workers with a part of them each.

Each n-gram is scaled by its naive Bayes log-count ratios (Wang and Manning 2012, section 2.2), and
the gradients of the parts are added up (data parallelism).

Shapes: N texts, F n-grams of all texts end to end, U different ones, C classes, K columns of
weights: one for each class, but a single one for two classes, whose weights are opposite numbers.
"""

from collections.abc import Callable, Iterable, Sequence
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

MAX_LOGITS = 1 << 22  # that a worker computes at once: bounds memory where there are many classes
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
    """Texts whose logits are computed at once."""

    texts: Tensor  # (N, U) sparse
    transposed: Tensor  # (U, N) sparse
    values: Tensor  # (N, 1)
    classes: Tensor  # (N, 1)

    @classmethod
    def of(cls, rows: NgramRows, num_ngrams: int, classes: NDArray[np.int64]) -> "_Part":
        """Return texts, and the transpose of which has which n-gram."""
        transposed = _matrix(*rows.transpose(num_ngrams), len(rows.starts))
        values = torch.from_numpy(rows.values)[:, None]
        return cls(rows.matrix(num_ngrams), transposed, values, torch.from_numpy(classes)[:, None])

    def counts(self, num_classes: int) -> Tensor:
        """Return how often each class has each n-gram (U, C)."""
        one_hot = F.one_hot(self.classes[:, 0], num_classes).float()
        return self.transposed @ (self.values * one_hot)


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
        step = max(1, MAX_LOGITS // num_classes)

        def parts(first: int, end: int) -> list[_Part]:
            starts = range(first, end, step)
            pieces = [(start, min(start + step, end)) for start in starts] or [(first, end)]
            return [
                _Part.of(texts.part(*piece), num_ngrams, classes[slice(*piece)]) for piece in pieces
            ]

        self._parts = workers.map(lambda ends: parts(*ends), list(pairwise(bounds)))
        counts = workers.map(
            lambda parts: _sum(part.counts(num_classes) for part in parts), self._parts
        )
        ratios = _log_count_ratios(_sum(counts))  # (U, C)
        contrasts = [[1.0, -1.0]] if num_classes == 2 else np.eye(num_classes, dtype=np.float32)
        self._contrasts = torch.tensor(contrasts)  # (K, C)
        self._has_column_each = num_classes != 2  # whether each class has its own
        self._ratios = ratios[:, : len(self._contrasts)].contiguous()  # (U, K)
        self._variables = torch.zeros(self._ratios.numel() + num_classes)  # and the biases

    @property
    def weight(self) -> Tensor:
        """The weights (U, C)."""
        return self._to_classes(self._ratios * self._split(self._variables)[0])

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
                *compute(lambda parts: self._losses(parts, scaled, bias), self._parts),
                strict=True,
            )
            gradient = decay * variables
            gradient_by_weights, gradient_by_bias = self._split(gradient)
            gradient_by_weights.addcmul_(self._ratios, _sum(by_weight))
            gradient_by_bias.copy_(_sum(by_bias))
            flat = weights.flatten()
            return sum(losses) + decay * float(flat @ flat) / 2, gradient

        self._variables = minimise(loss, self._variables, ITERATIONS, TOLERANCE, is_over)

    def _losses(
        self, parts: Sequence[_Part], scaled: Tensor, bias: Tensor
    ) -> tuple[float, Tensor, Tensor]:
        """Return a worker's share of the loss, and its gradients by scaled weights and biases."""
        total, by_weight, by_bias = self._loss(parts[0], scaled, bias)
        for part in parts[1:]:
            loss, weight_gradient, bias_gradient = self._loss(part, scaled, bias)
            total += loss
            by_weight += weight_gradient
            by_bias += bias_gradient
        return total, by_weight, by_bias

    def _loss(self, part: _Part, scaled: Tensor, bias: Tensor) -> tuple[float, Tensor, Tensor]:
        logits = self._to_classes(part.values * _product(part.texts, scaled)) + bias
        log_p = logits.log_softmax(1)  # (N, C)
        loss = -float(log_p.gather(1, part.classes).sum()) / self._number
        excess = log_p.exp_()
        excess.scatter_add_(1, part.classes, excess.new_full(part.classes.shape, -1.0))
        excess /= self._number
        by_columns = excess if self._has_column_each else excess @ self._contrasts.T  # (N, K)
        by_weight = _product(part.transposed, part.values * by_columns)
        return loss, by_weight, excess.sum(0)

    def _to_classes(self, columns: Tensor) -> Tensor:
        """Return values for each class of those for each column of weights."""
        return columns if self._has_column_each else columns @ self._contrasts

    def _split(self, variables: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights (U, K) and the biases (C,) among the variables."""
        number = self._ratios.numel()
        return variables[:number].view(self._ratios.shape), variables[number:]


def _sum(parts: Iterable[Tensor]) -> Tensor:
    """Return the sum of the tensors of all parts, in the first one."""
    tensors = iter(parts)
    total = next(tensors)
    for tensor in tensors:
        total += tensor
    return total


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
