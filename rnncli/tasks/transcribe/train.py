"""The training of a transcriber's network on recordings and their transcripts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from rnncli.data.recordings import Waveforms
from rnncli.networks.architecture import Frames, Stack
from rnncli.networks.ctc_search import BLANK, greedy
from rnncli.networks.ctc_torch import FrameLabeller
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.heads import Ctc
from rnncli.networks.model_torch import log_frequencies
from rnncli.networks.numerics import Floats
from rnncli.tasks.transcribe.augmentation import augmented
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

JOINED_SECONDS = 3.0  # up to which short recordings are joined, for sequences of words
MAX_JOINED = 7  # recordings
SINGLE_SHARE = 0.8  # of the sequences: which sound is which word is learned first, and quickly


@dataclass(frozen=True)
class Speech:
    """Recordings and their encoded transcripts."""

    waveforms: Waveforms
    transcripts: EncodedTexts


@dataclass(frozen=True)
class SpeechBatch(Batch):
    """Frames of sounds and the tokens that are said, both padded at their ends."""

    frames: Floats  # (N, S, F)
    lengths: NDArray[np.int64]  # (N,)
    tokens: NDArray[np.int64]  # (N, U)
    token_lengths: NDArray[np.int64]  # (N,)

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
        sizes, number = self._joined_sizes(), len(train.waveforms)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).clip(max=number)
        self.steps_per_epoch = -(-len(sizes) // settings.batch_size)
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
        rng = np.random.default_rng([self._settings.seed, epoch])
        order = rng.permutation(len(self._train.waveforms))
        groups = np.split(order, self._starts[1:-1])
        lengths = np.array([self._train.waveforms.lengths[rows].sum() for rows in groups])
        for batch in bucketed_batches(lengths, self._settings.batch_size, rng):
            joined = [groups[i] for i in batch]
            yield _padded(
                [
                    augmented([self._train.waveforms[row] for row in rows], self._rate, rng)
                    for rows in joined
                ],
                [self._joined_tokens(rows) for rows in joined],
            )

    def loss(self, batch: SpeechBatch, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch, and the number of its tokens."""
        return self._loss(batch, self._log_probs(batch)), int(batch.token_lengths.sum()), carry

    def evaluate(self, workers: Workers) -> Evaluation:
        """Return the loss and the error rates, by greedy decoding, on the held-out recordings."""
        speech, settings = self._validation, self._settings

        def score(rows: NDArray[np.int64]) -> tuple[float, int, list[str], list[str]]:
            spectrograms = [normalised(log_mel(speech.waveforms[i], self._rate)) for i in rows]
            tokens = [speech.transcripts[row].tolist() for row in rows]
            batch = _padded(spectrograms, tokens)
            log_probs = self._log_probs(batch)
            loss = float(self._loss(batch, log_probs))
            found = [
                greedy(log_p[:length])
                for log_p, length in zip(log_probs.cpu().numpy(), batch.lengths, strict=True)
            ]
            outputs, references = (
                [self._tokenizer.decode(ids).strip() for ids in each] for each in (found, tokens)
            )
            return loss, int(batch.token_lengths.sum()), outputs, references

        batches = sorted_batches(speech.waveforms.lengths, settings.batch_size)
        losses, counts, outputs, references = zip(*workers.map(score, batches), strict=True)
        rates = error_rates([*chain(*outputs)], [*chain(*references)])
        return Evaluation(
            {
                "loss": sum(losses) / max(1, sum(counts)),
                "word_error_rate": rates.word_error_rate,
                "character_error_rate": rates.character_error_rate,
                "exact_match": rates.exact_match,
            }
        )

    def _joined_sizes(self) -> NDArray[np.int64]:
        """Draw how many recordings are joined into each sequence of an epoch."""
        number = len(self._train.waveforms)
        seconds = len(self._train.waveforms.samples) / self._rate / number
        most = max(1, min(MAX_JOINED, round(JOINED_SECONDS / seconds)))
        rng = np.random.default_rng(self._settings.seed)
        is_single = rng.random(number) < SINGLE_SHARE
        sizes = np.where(is_single, 1, rng.integers(1, most + 1, number))
        return sizes[: int(np.searchsorted(sizes.cumsum(), number)) + 1]

    def _joined_tokens(self, rows: NDArray[np.int64]) -> list[int]:
        """Return the tokens of recordings, each of which begins with a space."""
        return [*chain(*(self._train.transcripts[row].tolist() for row in rows))]

    def _log_probs(self, batch: SpeechBatch) -> Tensor:
        return self.model.log_probs(
            self.model.tensor(batch.frames), self.model.tensor(batch.lengths)
        )

    def _loss(self, batch: SpeechBatch, log_probs: Tensor) -> Tensor:
        return F.ctc_loss(
            log_probs.transpose(0, 1),  # (S, N, V)
            self.model.tensor(batch.tokens),
            self.model.tensor(batch.lengths),
            self.model.tensor(batch.token_lengths),
            blank=BLANK,
            reduction="sum",
            zero_infinity=True,  # of sounds that are too short for their transcripts
        )


def _padded(spectrograms: Sequence[Floats], tokens: Sequence[list[int]]) -> SpeechBatch:
    stacked = [stack(spectrogram) for spectrogram in spectrograms]
    lengths, token_lengths = (np.array([*map(len, each)], np.int64) for each in (stacked, tokens))
    frames = np.zeros((len(stacked), lengths.max(), FRAME_SIZE), np.float32)
    padded = np.full((len(tokens), max(1, token_lengths.max())), BLANK, np.int64)
    for i, (sound, said) in enumerate(zip(stacked, tokens, strict=True)):
        frames[i, : len(sound)] = sound
        padded[i, : len(said)] = said
    return SpeechBatch(frames, lengths, padded, token_lengths)
