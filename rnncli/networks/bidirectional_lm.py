"""Bidirectional language models, for pretraining the encoder of a classifier."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnncli.networks.cells_torch import LayerState
from rnncli.networks.embedding_torch import locked_dropout
from rnncli.networks.encoder_torch import Encoder
from rnncli.networks.model_torch import log_frequencies
from rnncli.networks.on_device_torch import OnDevice


class BidirectionalLM(OnDevice):
    """Predict the next token with each direction of an encoder's first layer.

    As Peters et al. (2018, section 3.1) do. The output layer is tied to the encoder's embeddings,
    or initialised from them where they are frozen. Tokens are (N, D, T) for D directions, those of
    the second in reverse order.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        embedding = encoder.embedding
        first, *_ = encoder.layers
        self.projections = nn.ModuleList(
            nn.Linear(direction.hidden_size, embedding.embedding_dim) for direction in first
        )
        self.output = nn.Linear(embedding.embedding_dim, embedding.num_embeddings)
        weight = embedding.weight
        self.output.weight = weight if weight.requires_grad else nn.Parameter(weight.clone())
        nn.init.zeros_(self.output.bias)

    @torch.no_grad()
    def init_output_bias(self, counts: NDArray[np.int64]) -> None:
        """Initialise the output bias to the log-frequencies of tokens, from counts (V,)."""
        self.output.bias.copy_(log_frequencies(counts))

    def features(
        self, tokens: Tensor, states: Sequence[LayerState | None]
    ) -> tuple[Tensor, list[LayerState]]:
        """Return the features (N, D, T, E), and the states of each direction."""
        features, after = [], []
        dropout = self.encoder.dropout
        first, *_ = self.encoder.layers
        for i, (direction, projection) in enumerate(zip(first, self.projections, strict=True)):
            x = self.encoder.embedding(tokens[:, i])  # (N, T, E)
            x = locked_dropout(x, dropout.embedding, self.training)
            x, last = direction(x, states[i])  # (N, T, H)
            features.append(projection(locked_dropout(x, dropout.hidden, self.training)))
            after.append(last)
        return torch.stack(features, 1), after
