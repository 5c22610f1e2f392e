"""Embeddings in PyTorch, and the dropout that suits sequences."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnncli.networks.random_torch import generator
from rnncli.text.special_tokens import UNK
from rnncli.text.vectors import STEP


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
    """Look up tokens as vectors of unit variance, with frozen word vectors beside trained ones.

    The trained weights themselves are smaller by the root of E, as an output layer that shares them
    needs (Vaswani et al. 2017, section 3.4); without the factor the recurrent weights drown the
    input. Word vectors stay as they are: fine-tuning would move the words of the training texts
    alone, away from all other words (Kiela et al. 2018, section 3).
    """

    vectors: Tensor | None  # (V, D) int8

    def __init__(
        self, vocab_size: int, embedding_dim: int, vectors_shape: tuple[int, int] | None = None
    ) -> None:
        super().__init__(vocab_size, embedding_dim)
        nn.init.normal_(self.weight, std=embedding_dim**-0.5)
        vectors = None if vectors_shape is None else torch.zeros(vectors_shape, dtype=torch.int8)
        self.register_buffer("vectors", vectors)

    @torch.no_grad()
    def initialise(self, vectors: Tensor) -> None:
        """Initialise rows by vectors (V, E), but for those that are 0."""
        rows = vectors.any(1)  # (V,)
        self.weight[rows] = vectors[rows]

    def forward(self, tokens: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return (N, T, E) or, with word vectors, (N, T, E + D) for tokens (N, T).

        Where ``hidden`` (N, T) is true, the trained part is that of ``<unk>``.
        """
        rows = tokens if hidden is None else tokens.masked_fill(hidden, UNK)
        if self.vectors is None:
            return super().forward(rows) * math.sqrt(self.embedding_dim)
        rows = rows.masked_fill(rows >= self.num_embeddings, UNK)
        trained = super().forward(rows) * math.sqrt(self.embedding_dim)
        return torch.cat([trained, self.vectors[tokens].to(trained.dtype) * STEP], -1)
