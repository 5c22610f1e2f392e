"""Attention to the source, in PyTorch; shape letters as in `model.py`."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Memory:
    """What a decoder looks up: N sources as the encoder read them."""

    values: Tensor  # (N, S, D) the encoder's outputs
    mask: Tensor  # (N, S), true at the tokens of the source
    words: Tensor | None = None  # (N, S, E) what each token alone says to the output layer


class Attention(nn.Module):
    """Look up the source for all target steps at once (Luong et al. 2015, section 3.1, general).

    Scores are scaled as by Vaswani et al. (2017), so that they start with a variance near 1.
    """

    def __init__(self, hidden_size: int, memory_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden_size, memory_size, bias=False)
        self.combine = nn.Linear(hidden_size + memory_size, hidden_size)

    def forward(self, x: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return x (R, T, H) joined with what it attends to, and the weights (N, K T, S).

        There are R = N K rows, K for each source; more than one only in a search.
        """
        values, outside = memory.values, ~memory.mask.unsqueeze(1)  # (N, S, D), (N, 1, S)
        queries = x.reshape(len(values), -1, x.shape[2])  # (N, K T, H)
        scores = torch.bmm(self.query(queries), values.transpose(1, 2))  # (N, K T, S)
        scores = scores.float() / math.sqrt(values.shape[2])
        weights = scores.masked_fill(outside, float("-inf")).softmax(2)  # (N, K T, S)
        context = torch.bmm(weights.to(values.dtype), values)  # (N, K T, D)
        joined = torch.tanh(self.combine(torch.cat([queries, context], 2)))  # (N, K T, H)
        return joined.view_as(x), weights
