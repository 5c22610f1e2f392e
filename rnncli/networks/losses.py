"""A softmax over a part of a large vocabulary, for training alone."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnncli.text.special_tokens import PAD

FLATTENING = 0.75  # power of the frequencies that are drawn from, so that rare words come up, too


class SampledSoftmax:
    """Estimate the loss of a large output layer from some of its words (Jean et al. 2015, 3.1).

    The words of a step are all its targets and as many drawn ones, shared by all rows. In the sum
    over the vocabulary each of them stands for those like it that were not drawn: it is divided by
    the probability that it is there at all (Horvitz and Thompson 1952).
    """

    def __init__(self, counts: NDArray[np.integer[Any]], targets: int, drawn: int) -> None:
        """Take how often each word occurs (V,), and how many targets and drawn words a step has."""
        self._drawn = drawn
        frequency = torch.from_numpy(counts / counts.sum())  # (V,)
        flattened = torch.from_numpy(np.maximum(counts, 1) ** FLATTENING)
        flattened /= flattened.sum()
        self._cumulative = flattened.cumsum(0)  # (V,)
        absent = (-frequency).log1p() * targets + (-flattened).log1p() * drawn
        self._log_present = (-absent.exp_().clamp_max_(1 - 1e-6)).log1p().float()  # (V,)

    def loss(
        self, x: Tensor, output: nn.Linear, targets: Tensor, label_smoothing: float = 0.0
    ) -> tuple[Tensor, int]:
        """Return the summed loss in nats and the number of targets (...); x is (..., E)."""
        where = targets != PAD
        x, targets = x[where], targets[where]  # (M, E), (M,)
        draws = torch.rand(self._drawn, dtype=self._cumulative.dtype)
        drawn = torch.searchsorted(self._cumulative, draws).clamp_max_(len(self._cumulative) - 1)
        words = torch.unique(torch.cat([targets, drawn.to(targets.device)]))  # (W,) sorted
        places = torch.searchsorted(words, targets)  # (M,)
        log_present = self._log_present.to(x.device)[words]  # (W,)
        # Corrected in the biases, and fused with the softmax: each pass over the logits costs as
        # much as their product.
        biases = output.bias[words] - log_present
        logits = nn.functional.linear(x, output.weight[words], biases)  # (M, W)
        # A target is there for certain, and stands for itself alone.
        rows = torch.arange(len(places), device=x.device)
        logits[rows, places] += log_present[places].to(logits.dtype)
        loss = nn.functional.cross_entropy(logits.float(), places, reduction="sum")
        if label_smoothing:  # a share of each target for all words alike, drawn or not
            certain = logits[rows, places].float().sum()
            alike = nn.functional.linear(x.sum(0), output.weight.mean(0, keepdim=True)).sum()
            alike = alike + len(targets) * output.bias.mean()
            loss = loss + label_smoothing * (certain - alike)
        return loss, len(targets)
