"""The network of a transcriber, in PyTorch; `ctc_numpy.py` computes the same in NumPy."""

from torch import Tensor, nn

from rnncli.networks.architecture import Architecture, Frames, Stack
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.encoder_torch import FrameEncoder
from rnncli.networks.heads import Ctc
from rnncli.networks.on_device_torch import OnDevice


class FrameLabeller(OnDevice):
    """An encoder of frames and a head that writes a token or nothing at each (Graves et al. 2006).

    `torch.nn.functional.ctc_loss` sums over all ways to align tokens with frames.
    """

    def __init__(self, front: Frames, encoder: Stack, head: Ctc, dropout: DropoutRates) -> None:
        super().__init__()
        self.architecture = Architecture(front, encoder, None, head)
        self.encoder = FrameEncoder(front, encoder, dropout)
        self.output = nn.Linear(encoder.output_size, head.vocab_size)

    def log_probs(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the log-probabilities (N, S, V) of the tokens at frames (N, S, F)."""
        x, _ = self.encoder(frames, lengths)  # (N, S, D)
        logits: Tensor = self.output(x).float()
        return logits.log_softmax(-1)
