"""Encoders of tokens and of frames, and the head of a classifier, in PyTorch."""

import torch
from torch import Tensor, nn

from rnncli.networks.architecture import Frames, Stack, Tokens
from rnncli.networks.cells_torch import CELLS, Layers, Recurrent, last_step, reverse
from rnncli.networks.embedding_torch import DropoutRates, Embedding, dropout, locked_dropout


class RecurrentEncoder(nn.Module):
    """The base class of encoders: recurrent layers, in one or both directions."""

    def _add_layers(self, width: int, stack: Stack, dropout: DropoutRates) -> None:
        self.dropout = dropout
        self.output_size = stack.output_size  # D
        inputs = [width, *[stack.output_size] * (stack.num_layers - 1)]
        cell = CELLS[stack.cell]
        self.layers: Layers[Layers[Recurrent]] = Layers(
            Layers(cell(size, stack.hidden_size) for _ in range(stack.directions))
            for size in inputs
        )

    def read(self, embedded: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (N, S, D) and both directions' last states (N, D).

        ``embedded`` is (N, S, E), padded behind; ``lengths`` is (N,), all at least 1.
        """
        x = locked_dropout(embedded, self.dropout.embedding, self.training)  # (N, S, E)
        last: list[Tensor] = []
        for layer in self.layers:
            outputs, last = [], []
            for backward, direction in enumerate(layer):
                out, _ = direction(reverse(x, lengths) if backward else x)  # (N, S, H)
                last.append(last_step(out, lengths))  # (N, H)
                outputs.append(reverse(out, lengths) if backward else out)
            x = locked_dropout(torch.cat(outputs, 2), self.dropout.hidden, self.training)
        return x, torch.cat(last, 1)


class Encoder(RecurrentEncoder):
    """Read texts into one vector a token."""

    def __init__(self, front: Tokens, stack: Stack, dropout: DropoutRates) -> None:
        super().__init__()
        # The order of the modules is that of the random numbers that initialise them.
        vectors_shape = (front.vocab_size, front.vectors_dim) if front.vectors_dim else None
        self.embedding = Embedding(front.trained_size, front.embedding_dim, vectors_shape)
        self._add_layers(front.width, stack, dropout)

    def forward(
        self, tokens: Tensor, lengths: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what `read` does of tokens (N, S).

        Where ``hidden`` (N, S) is true, the trained embedding of a token is that of ``<unk>``.
        """
        return self.read(self.embedding(tokens, hidden), lengths)


class FrameEncoder(RecurrentEncoder):
    """Read frames of numbers into one vector a frame."""

    def __init__(self, front: Frames, stack: Stack, dropout: DropoutRates) -> None:
        super().__init__()
        self.embedding = nn.Linear(front.size, front.embedding_dim)
        self._add_layers(front.width, stack, dropout)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `read` does of frames (N, S, F)."""
        return self.read(torch.relu(self.embedding(frames)), lengths)


class ClassificationHead(nn.Module):
    """Score the classes from the maximum, the mean and the last of the encoder's outputs."""

    def __init__(self, input_size: int, classes: int, dropout_rate: float) -> None:
        super().__init__()
        self.dropout_rate = dropout_rate
        self.output = nn.Linear(3 * input_size, classes)

    def forward(self, x: Tensor, last: Tensor, mask: Tensor) -> Tensor:
        """Return the logits (N, C) from the outputs (N, S, D) and last states (N, D)."""
        padding = ~mask.unsqueeze(2)  # (N, S, 1)
        maximum = x.masked_fill(padding, float("-inf")).amax(1)  # (N, D)
        mean = x.masked_fill(padding, 0).sum(1) / mask.sum(1, keepdim=True)  # (N, D)
        pooled = torch.cat([maximum, mean, last], 1)  # (N, 3 D)
        logits: Tensor = self.output(dropout(pooled, self.dropout_rate, self.training))  # (N, C)
        return logits


def token_mask(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return (N, S), true where there is a token and false where there is padding."""
    return torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
