"""Language models in both directions, from which the encoder of a classifier learns to read."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnncli.config import ModelConfig
from rnncli.networks.cells_torch import State, locked_dropout
from rnncli.networks.model_torch import Encoder, OnDevice, log_frequencies


class LanguageModels(OnDevice):
    """Predict, with each direction of an encoder's first layer, the token that it reads next.

    So an encoder learns from texts without labels (Peters et al. 2018, section 3.1). The output
    layer shares the encoder's embeddings, or starts from them where they do not learn. Tokens are
    (N, D, T) for D directions, those of the second from the end of the text to its beginning.
    """

    def __init__(self, encoder: Encoder, config: ModelConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.directions = 2 if config.bidirectional else 1
        self.dropout = config.dropout
        self.projections = nn.ModuleList(
            nn.Linear(config.hidden_size, config.embedding_dim) for _ in range(self.directions)
        )
        self.output = nn.Linear(config.embedding_dim, config.vocab_size)
        words = encoder.embedding.weight
        self.output.weight = words if words.requires_grad else nn.Parameter(words.clone())
        nn.init.zeros_(self.output.bias)

    @torch.no_grad()
    def start_from_frequencies(self, counts: NDArray[np.int64]) -> None:
        """Let the untrained output predict each token as often as it occurs; counts are (V,)."""
        self.output.bias.copy_(log_frequencies(counts))

    def features(
        self, tokens: Tensor, states: Sequence[State | None]
    ) -> tuple[Tensor, list[State]]:
        """Return what the output layer reads (N, D, T, E), and the states of each direction."""
        features, after = [], []
        layer = self.encoder.layers[0]
        assert isinstance(layer, nn.ModuleList)
        for i, (direction, projection) in enumerate(zip(layer, self.projections, strict=True)):
            x = self.encoder.embedding(tokens[:, i])  # (N, T, E)
            x = locked_dropout(x, self.encoder.embedding_dropout, self.training)
            x, last = direction(x, states[i])  # (N, T, H)
            features.append(projection(locked_dropout(x, self.dropout, self.training)))
            after.append(last)
        return torch.stack(features, 1), after
