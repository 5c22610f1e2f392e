"""Multinomial logistic regression on few texts with many features, by the products of the texts.

With an L2 penalty the weights are sums over the texts (the representer theorem: Kimeldorf and Wahba
1971), so that a class has N variables, however many features there are. Features come in blocks
with a penalty each; the penalties are chosen by cross-validation.

Shapes: N texts, C classes, B blocks.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rnncli.networks.numerics import Floats
from rnncli.training.lbfgs import minimise

FOLDS = 5  # of the cross-validation
ITERATIONS, TOLERANCE = 60, 1e-5  # of L-BFGS
JITTER = 1e-6  # added to squared lengths of about 1: the matrix of equal texts has no inverse


class DualRegression:
    """A regression on texts, given by the products (N, N) of their features in each block.

    ``offset`` (N, C) is added to the logits. The biases have no penalty.
    """

    def __init__(
        self, kernels: Sequence[Floats], offset: Floats, classes: NDArray[np.int64]
    ) -> None:
        self._kernels = torch.from_numpy(np.stack(kernels)).double()  # (B, N, N)
        self._offset = torch.from_numpy(offset).double()  # (N, C)
        self._classes = torch.from_numpy(classes)  # (N,)
        self._one_hot = F.one_hot(self._classes, offset.shape[1]).double()  # (N, C)

    def choose(self, candidates: Sequence[Sequence[float]]) -> tuple[Sequence[float], float]:
        """Return the penalties with the lowest loss in cross-validation, and their accuracy."""
        folds = self._folds()
        best: tuple[float, Sequence[float], float] | None = None
        for penalties in candidates:
            kernel = self._kernel(penalties)
            logits = self._offset.clone()
            for fold in range(FOLDS):
                inside, outside = (
                    torch.from_numpy(np.flatnonzero(mask))
                    for mask in (folds != fold, folds == fold)
                )
                if not len(outside):
                    continue
                dual, bias = self._solve(kernel, inside)
                logits[outside] += kernel[outside][:, inside] @ dual + bias
            loss = F.cross_entropy(logits, self._classes).item()
            if best is None or loss < best[0]:
                accuracy = (logits.argmax(1) == self._classes).double().mean().item()
                best = loss, penalties, accuracy
        assert best is not None
        return best[1], best[2]

    def fit(self, penalties: Sequence[float]) -> tuple[Floats, Floats]:
        """Fit to all texts; return their weights (N, C) and the biases (C,).

        The weights of a block's features are the sum of the texts' features, each times its weight,
        divided by the penalty of the block.
        """
        rows = torch.arange(len(self._classes))
        dual, bias = self._solve(self._kernel(penalties), rows)
        return dual.float().numpy(), bias.float().numpy()

    def _folds(self) -> NDArray[np.int64]:
        """Return a fold (N,) for each text; each class is spread over all of them."""
        classes = self._classes.numpy()
        order = np.lexsort((np.random.default_rng(0).permutation(len(classes)), classes))
        folds = np.empty(len(classes), np.int64)
        folds[order] = np.arange(len(classes)) % FOLDS
        return folds

    def _kernel(self, penalties: Sequence[float]) -> Tensor:
        weights = 1 / torch.tensor(penalties, dtype=torch.float64)  # (B,)
        kernel: Tensor = torch.tensordot(weights, self._kernels, 1)  # (N, N)
        return kernel + JITTER * kernel.diagonal().mean() * torch.eye(len(kernel))

    def _solve(self, kernel: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Fit to some texts; return their weights and the biases."""
        factor = torch.linalg.cholesky(kernel[rows][:, rows])  # (N, N), features of these texts
        offset, one_hot = self._offset[rows], self._one_hot[rows]
        number, num_classes = one_hot.shape

        def loss(variables: Tensor) -> tuple[float, Tensor]:
            weight, bias = _split(variables, num_classes)
            log_p = (offset + factor @ weight + bias).log_softmax(1)  # (N, C)
            excess = (log_p.exp() - one_hot) / number
            gradient = torch.cat([(factor.T @ excess + weight).flatten(), excess.sum(0)])
            value = -(one_hot * log_p).sum() / number + weight.square().sum() / 2
            return float(value), gradient

        start = torch.zeros((number + 1) * num_classes, dtype=torch.float64)
        weight, bias = _split(minimise(loss, start, ITERATIONS, TOLERANCE), num_classes)
        dual: Tensor = torch.linalg.solve_triangular(factor.T, weight, upper=True)
        return dual, bias


def _split(variables: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return the weights (N, C) and the biases (C,) among the variables."""
    return variables[:-num_classes].view(-1, num_classes), variables[-num_classes:]
