"""Attention to the source, in PyTorch."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Source:
    """N encoded sources, to which a decoder attends."""

    values: Tensor  # (N, S, D) the encoder's outputs
    mask: Tensor  # (N, S), true at the tokens of the source
    lexical_features: Tensor  # (N, S, E) of each token without its context


class Attention(nn.Module):
    """Attend to the source at all target steps at once (Luong et al. 2015, section 3.1, general).

    Scores are scaled as by Vaswani et al. (2017), to an initial variance near 1.
    """

    def __init__(self, hidden_size: int, source_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden_size, source_size, bias=False)
        self.combine = nn.Linear(hidden_size + source_size, hidden_size)

    def forward(self, x: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        """Return x (R, T, H) combined with its context, and the weights (N, K T, S).

        There are R = N K rows, K for each source; more than one only in a search.
        """
        values, padding = source.values, ~source.mask.unsqueeze(1)  # (N, S, D), (N, 1, S)
        queries = x.reshape(len(values), -1, x.shape[2])  # (N, K T, H)
        scores = torch.bmm(self.query(queries), values.transpose(1, 2))  # (N, K T, S)
        scores = scores.float() / math.sqrt(values.shape[2])
        weights = scores.masked_fill(padding, float("-inf")).softmax(2)  # (N, K T, S)
        context = torch.bmm(weights.to(values.dtype), values)  # (N, K T, D)
        combined = torch.tanh(self.combine(torch.cat([queries, context], 2)))  # (N, K T, H)
        return combined.view_as(x), weights
