"""Embeddings in PyTorch, and the dropout that suits sequences."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnncli.networks.random_torch import generator


@dataclass(frozen=True)
class DropoutRates:
    """Shares of units that dropout sets to 0 in training."""

    hidden: float = 0.0  # of the outputs of each layer
    embedding: float = 0.0  # of what the first layer reads


def locked_dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Drop the same units at all time steps of a sequence (Gal and Ghahramani 2016, section 4)."""
    return x * _mask(x[:, :1], p) if training and p else x


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Drop units (Srivastava et al. 2014), each by itself."""
    return x * _mask(x, p) if training and p else x


def _mask(x: Tensor, p: float) -> Tensor:
    return torch.empty_like(x).bernoulli_(1 - p, generator=generator()) / (1 - p)


class Embedding(nn.Embedding):
    """Look up tokens as vectors of unit variance.

    The weights themselves are smaller by the root of E, as an output layer that shares them needs
    (Vaswani et al. 2017, section 3.4); without the factor the recurrent weights drown the input.
    """

    def __init__(self, vocab_size: int, embedding_dim: int) -> None:
        super().__init__(vocab_size, embedding_dim)
        nn.init.normal_(self.weight, std=embedding_dim**-0.5)

    @torch.no_grad()
    def initialise(self, vectors: Tensor) -> None:
        """Initialise rows by vectors (V, E), but for those that are 0."""
        rows = vectors.any(1)  # (V,)
        self.weight[rows] = vectors[rows]

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (N, T, E) for tokens (N, T)."""
        return super().forward(tokens) * math.sqrt(self.embedding_dim)
