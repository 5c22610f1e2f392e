"""The network of a forecaster, in PyTorch; `forecaster_numpy.py` computes the same in NumPy."""

import torch
from torch import Tensor, nn

from rnncli.networks.architecture import Architecture, Frames, Stack
from rnncli.networks.cells_torch import CELLS
from rnncli.networks.embedding_torch import DropoutRates, dropout
from rnncli.networks.encoder_torch import FrameEncoder
from rnncli.networks.heads import Quantiles
from rnncli.networks.on_device_torch import OnDevice


class QuantileHead(nn.Module):
    """Predict quantiles of all next values at once, segment by segment side by side."""

    def __init__(self, front: Frames, stack: Stack, head: Quantiles, dropout_rate: float) -> None:
        super().__init__()
        self._head, self._dropout_rate = head, dropout_rate
        self.positions = nn.Embedding(head.segments, front.embedding_dim)
        self.layer = CELLS[stack.cell](front.embedding_dim, stack.output_size)
        self.output = nn.Linear(stack.output_size, head.segment * len(head.levels))

    def forward(self, last: Tensor) -> Tensor:
        """Return quantiles (N, T, Q) after an encoder's last states (N, D)."""
        n, head = len(last), self._head
        positions = self.positions.weight.repeat(n, 1).unsqueeze(1)  # (N K, 1, E)
        state = self.layer.init_state(last.repeat_interleave(head.segments, 0))
        x, _ = self.layer(positions, state)  # (N K, 1, D)
        x = self.output(dropout(x, self._dropout_rate, self.training))
        quantiles: Tensor = x.view(n, head.segments * head.segment, -1)
        return quantiles[:, : head.horizon]


class SequenceForecaster(OnDevice):
    """A forecaster: an encoder of frames and a head (SegRNN, Lin et al. 2023)."""

    def __init__(
        self, front: Frames, encoder: Stack, head: Quantiles, dropout: DropoutRates
    ) -> None:
        super().__init__()
        self.architecture = Architecture(front, encoder, None, head)
        self.encoder = FrameEncoder(front, encoder, dropout)
        self.head = QuantileHead(front, encoder, head, dropout.hidden)

    def forecast(self, frames: Tensor) -> Tensor:
        """Return quantiles (N, T, Q) of what follows frames (N, S, F)."""
        lengths = torch.full((len(frames),), frames.shape[1], device=frames.device)
        _, last = self.encoder(frames, lengths)
        quantiles: Tensor = self.head(last)
        return quantiles
