"""Losses in PyTorch: summed over their targets, so that parts of a batch add up."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rnncli.networks.random_torch import generator
from rnncli.text.special_tokens import PAD

UNIGRAM_POWER = 0.75  # of the frequencies that are sampled from, in favour of rare tokens


def cross_entropy(
    logits: Tensor, targets: Tensor, label_smoothing: float = 0.0
) -> tuple[Tensor, int]:
    """Return the summed loss in nats and the number of targets, without padding.

    Logits are (..., V), targets (...).
    """
    loss = F.cross_entropy(
        logits.flatten(0, -2).float(),
        targets.flatten(),
        ignore_index=PAD,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    return loss, int((targets != PAD).sum())


def classification_loss(
    logits: Tensor, classes: Tensor, label_smoothing: float = 0.0
) -> tuple[Tensor, int]:
    """Return the summed loss in nats, unknown classes (-1) left out, and the number of texts.

    Logits are (N, C), classes (N,).
    """
    loss = F.cross_entropy(
        logits.float(), classes, ignore_index=-1, label_smoothing=label_smoothing, reduction="sum"
    )
    return loss, len(classes)


def quantile_loss(
    quantiles: Tensor, targets: Tensor, known: Tensor, levels: Sequence[float]
) -> tuple[Tensor, int]:
    """Return the summed quantile loss (Koenker and Bassett 1978) and the number of known targets.

    Quantiles are (N, T, Q), one for each of the ``levels``, over which the mean is taken; targets
    and whether they are ``known`` are (N, T).
    """
    q = quantiles.new_tensor(levels, dtype=torch.float32)  # (Q,)
    difference = targets.unsqueeze(2) - quantiles.float()  # (N, T, Q)
    loss = torch.maximum(difference * q, difference * (q - 1)).mean(2)
    return (loss * known).sum(), int(known.sum())


class SampledSoftmax:
    """Estimate the cross-entropy of a large vocabulary by sampling (Jean et al. 2015, section 3.1).

    The candidates of a step are all its targets and some negative samples, shared by all rows. In
    the sum over the vocabulary each candidate also stands for tokens like it that were not sampled:
    it is divided by the probability that it is a candidate (Horvitz and Thompson 1952).
    """

    def __init__(
        self, counts: NDArray[np.integer[Any]], targets: int, negative_samples: int
    ) -> None:
        """Take the frequency of each token (V,), and the numbers of targets and samples a step."""
        self._negative_samples = negative_samples
        frequency = torch.from_numpy(counts / counts.sum())  # (V,)
        unigram = torch.from_numpy(np.maximum(counts, 1) ** UNIGRAM_POWER)
        unigram /= unigram.sum()
        self._cumulative = unigram.cumsum(0)  # (V,)
        absent = (-frequency).log1p() * targets + (-unigram).log1p() * negative_samples
        self._log_inclusion = (-absent.exp_().clamp_max_(1 - 1e-6)).log1p().float()  # (V,)

    def loss(
        self, x: Tensor, output: nn.Linear, targets: Tensor, label_smoothing: float = 0.0
    ) -> tuple[Tensor, int]:
        """Return the summed loss in nats and the number of targets (...); x is (..., E)."""
        is_target = targets != PAD
        x, targets = x[is_target], targets[is_target]  # (M, E), (M,)
        candidates = self._candidates(targets)  # (U,)
        columns = torch.searchsorted(candidates, targets)  # (M,)
        log_inclusion = self._log_inclusion.to(x.device)[candidates]  # (U,)
        # Taken once, since the gradient of each indexing is a pass over the vocabulary.
        weight, bias = output.weight[candidates], output.bias[candidates]  # (U, E), (U,)
        # Corrected in the biases, since a pass over the logits costs as much as the product.
        logits = F.linear(x, weight, bias - log_inclusion)  # (M, U)
        # Targets are always candidates: their logits have no correction.
        rows = torch.arange(len(columns), device=x.device)
        logits[rows, columns] += log_inclusion[columns].to(logits.dtype)
        loss = F.cross_entropy(logits.float(), columns, reduction="sum")
        if label_smoothing:  # a share of each target for all tokens alike
            of_targets = logits[rows, columns].float().sum()
            # The mean over the vocabulary is estimated from the candidates, too: a token that is
            # pushed up in each step, but down only when it is sampled, would rise without end,
            # since Adam makes small gradients large.
            shares = (-log_inclusion).exp() / len(output.bias)  # (U,)
            of_all = F.linear(x.sum(0), (shares @ weight).unsqueeze(0)).sum()
            of_all = of_all + len(targets) * (shares @ bias)
            loss = loss + label_smoothing * (of_targets - of_all)
        return loss, len(targets)

    def _candidates(self, targets: Tensor) -> Tensor:
        """Return the targets and fresh negative samples, sorted, each token once."""
        draws = torch.rand(
            self._negative_samples, dtype=self._cumulative.dtype, generator=generator()
        )
        sampled = torch.searchsorted(self._cumulative, draws).clamp_max_(len(self._cumulative) - 1)
        candidates: Tensor = torch.unique(torch.cat([targets, sampled.to(targets.device)]))
        return candidates
