"""The training of a transcriber's network on recordings and their transcripts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rnncli.analysis.error_rates import error_rates
from rnncli.config import Settings
from rnncli.data.batches import Batch, bucketed_batches, sorted_batches
from rnncli.data.encoded import EncodedTexts
from rnncli.data.log_mel import FRAME_SIZE, log_mel, normalised, stack
from rnncli.data.recordings import Samples, as_floats
from rnncli.networks.architecture import Frames, Stack
from rnncli.networks.ctc_search import BLANK, greedy
from rnncli.networks.ctc_torch import FrameLabeller
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.heads import Ctc
from rnncli.networks.model_torch import log_frequencies
from rnncli.networks.numerics import Floats
from rnncli.tasks.transcribe.augmentation import augmented
from rnncli.text.batching import pad
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

JOINED_SECONDS = 3.0  # up to which short recordings are joined, for sequences of words
MAX_JOINED = 7  # recordings
SINGLE_SHARE = 0.8  # of the sequences: which sound is which word is learned first, and quickly


@dataclass(frozen=True)
class Speech:
    """Recordings and their encoded transcripts."""

    recordings: Sequence[Samples]
    transcripts: EncodedTexts

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of samples of each recording."""
        return np.array([len(samples) for samples in self.recordings])


@dataclass(frozen=True)
class SpeechBatch(Batch):
    """Frames of sounds and the tokens that are said, both padded at their ends."""

    frames: Floats  # (N, S, F)
    lengths: NDArray[np.int64]  # (N,)
    tokens: NDArray[np.int64]  # (N, U)
    token_lengths: NDArray[np.int64]  # (N,)

    @classmethod
    def of(cls, spectrograms: Iterator[Floats], tokens: Sequence[Sequence[int]]) -> "SpeechBatch":
        """Stack the frames of spectrograms (T, BINS), and pad them and the tokens."""
        stacked = [stack(spectrogram) for spectrogram in spectrograms]
        lengths = np.array([*map(len, stacked)], np.int64)
        frames = np.zeros((len(stacked), lengths.max(), FRAME_SIZE), np.float32)
        for row, sound in zip(frames, stacked, strict=True):
            row[: len(sound)] = sound
        return cls(frames, lengths, *pad(tokens))

    @property
    def row_sizes(self) -> NDArray[np.int64]:
        """Return the cost of each row (N,), in frames."""
        return self.lengths


class TranscriberTraining:
    """Train a transcriber on recordings that are varied and joined, and evaluate it on others."""

    def __init__(
        self, train: Speech, validation: Speech, rate: int, tokenizer: Tokenizer, settings: Settings
    ) -> None:
        self._train, self._validation, self._rate = train, validation, rate
        self._tokenizer, self._settings = tokenizer, settings
        self._cuts = self._draw_cuts()
        self.steps_per_epoch = -(-(len(self._cuts) + 1) // settings.batch_size)
        stack = Stack(settings.cell, settings.num_layers, settings.hidden_size, bidirectional=True)
        self.model = FrameLabeller(
            Frames(FRAME_SIZE, settings.embedding_dim),
            stack,
            Ctc(tokenizer.vocab_size),
            DropoutRates(settings.dropout, settings.embedding_dropout),
        )
        # Otherwise hundreds of steps learn nothing but which tokens never occur.
        counts = train.transcripts.counts(tokenizer.vocab_size)
        counts[BLANK] = counts.sum()
        self.model.output.bias.data.copy_(log_frequencies(counts))

    def __getstate__(self) -> dict[str, Any]:
        """Return what the loss needs, for another process."""
        return {"model": self.model}

    def batches(self, epoch: int) -> Iterator[SpeechBatch]:
        """Yield the recordings of one epoch, joined and augmented, in random batches."""
        rng, speech = np.random.default_rng([self._settings.seed, epoch]), self._train
        groups = np.split(rng.permutation(len(speech.recordings)), self._cuts)
        lengths = np.array([speech.lengths[rows].sum() for rows in groups])

        def sound(rows: NDArray[np.int64]) -> Floats:
            return augmented((as_floats(speech.recordings[i]) for i in rows), self._rate, rng)

        for batch in bucketed_batches(lengths, self._settings.batch_size, rng):
            joined = [groups[i] for i in batch]
            tokens = [[*chain(*(speech.transcripts[i].tolist() for i in rows))] for rows in joined]
            yield SpeechBatch.of(map(sound, joined), tokens)

    def loss(self, batch: SpeechBatch, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch, and the number of its tokens."""
        return self._loss(batch, self._log_probs(batch)), int(batch.token_lengths.sum()), carry

    def evaluate(self, workers: Workers) -> Evaluation:
        """Return the loss and the error rates, by greedy decoding, on the held-out recordings."""
        speech = self._validation

        def score(rows: NDArray[np.int64]) -> tuple[float, int, list[str], list[str]]:
            sounds = (as_floats(speech.recordings[i]) for i in rows)
            tokens = [speech.transcripts[i].tolist() for i in rows]
            batch = SpeechBatch.of((normalised(log_mel(x, self._rate)) for x in sounds), tokens)
            log_probs = self._log_probs(batch)
            arrays = zip(log_probs.cpu().numpy(), batch.lengths, strict=True)
            outputs, references = (
                [self._tokenizer.decode(ids).strip() for ids in each]
                for each in ([greedy(log_p[:length]) for log_p, length in arrays], tokens)
            )
            loss = float(self._loss(batch, log_probs))
            return loss, int(batch.token_lengths.sum()), outputs, references

        batches = sorted_batches(speech.lengths, self._settings.batch_size)
        losses, counts, outputs, references = zip(*workers.map(score, batches), strict=True)
        rates = error_rates([*chain(*outputs)], [*chain(*references)])
        names = ("word_error_rate", "character_error_rate", "exact_match")
        scores = {"loss": sum(losses) / max(1, sum(counts))}
        return Evaluation(scores | {name: getattr(rates, name) for name in names})

    def _draw_cuts(self) -> NDArray[np.int64]:
        """Draw where an epoch of recordings is cut into sequences, of one recording or several."""
        lengths, rng = self._train.lengths, np.random.default_rng(self._settings.seed)
        most = min(MAX_JOINED, round(JOINED_SECONDS * self._rate / lengths.mean()))
        sizes = rng.integers(1, max(1, most) + 1, len(lengths))
        cuts = np.where(rng.random(len(lengths)) < SINGLE_SHARE, 1, sizes).cumsum()
        return cuts[cuts < len(lengths)]

    def _log_probs(self, batch: SpeechBatch) -> Tensor:
        tensor = self.model.tensor
        return self.model.log_probs(tensor(batch.frames), tensor(batch.lengths))

    def _loss(self, batch: SpeechBatch, log_probs: Tensor) -> Tensor:
        tensor = self.model.tensor
        return F.ctc_loss(
            log_probs.transpose(0, 1),  # (S, N, V)
            tensor(batch.tokens),
            tensor(batch.lengths),
            tensor(batch.token_lengths),
            blank=BLANK,
            reduction="sum",
            zero_infinity=True,  # of sounds that are too short for their transcripts
        )
