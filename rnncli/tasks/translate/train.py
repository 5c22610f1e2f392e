"""A translator's network, and the pairs of sentences that it learns from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncli.analysis.metrics import perplexity
from rnncli.config import Settings
from rnncli.data.batches import Batch, bucketed_batches, sorted_batches
from rnncli.data.encoded import EncodedTexts, encode
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.networks.architecture import Architecture, Stack, Tokens, Vocabulary
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.losses import SampledSoftmax, cross_entropy
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.networks.model_torch import build as build_network
from rnncli.tasks.translate.predict import clean
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Carry, Evaluation

if TYPE_CHECKING:
    from datasets import Dataset

MAX_TRAINING_LENGTH = 150  # tokens of a sentence; the few longer ones are left out of training
SAMPLED_FROM = 3_000  # tokens of a vocabulary, of which each step then learns only some
NEGATIVE_SAMPLES = 1_024  # a step: as good a step as with all, in two thirds of the time


@dataclass(frozen=True)
class Pairs:
    """Encoded sentences and their translations, each closed with ``<eos>``."""

    sources: EncodedTexts
    targets: EncodedTexts

    def short_enough(self) -> NDArray[np.int64]:
        """Return the rows whose sides are both within the longest length."""
        longest = np.maximum(self.sources.lengths, self.targets.lengths)
        return np.flatnonzero(longest <= MAX_TRAINING_LENGTH)


@dataclass(frozen=True)
class PairBatch(Batch):
    """Some sentences and their translations, padded behind."""

    sources: NDArray[np.int64]  # (N, S)
    lengths: NDArray[np.int64]  # (N,) of the sources
    inputs: NDArray[np.int64]  # (N, T) the translation after <bos>
    targets: NDArray[np.int64]  # (N, T) the translation before <eos>


class TranslatorTraining:
    """Translation, each target token given the right ones before it (teacher forcing)."""

    def __init__(
        self,
        train: Pairs,
        validation: Pairs,
        tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        settings: Settings,
    ) -> None:
        self.tokenizer, self.target_tokenizer = tokenizer, target_tokenizer
        self.pairs, self._validation = train, validation
        self._rows = train.short_enough()
        if not len(self._rows):
            raise DataError(
                f"every pair is longer than {MAX_TRAINING_LENGTH} tokens",
                "split the texts into sentences, one pair a sentence",
            )
        self.settings = settings
        self.num_long = len(train.sources) - len(self._rows)  # pairs that are left out
        self.target_tokens = int(train.targets.lengths_of(self._rows).sum())
        self.steps_per_epoch = -(-len(self._rows) // settings.batch_size)
        model = build_network(
            architecture(settings, tokenizer.vocab_size, target_tokenizer.vocab_size),
            DropoutRates(settings.dropout, settings.embedding_dropout),
        )
        assert isinstance(model, EncoderDecoder)
        self.model = model
        self._output = self.model.decoder.output
        counts = train.targets.counts(target_tokenizer.vocab_size)
        self.model.decoder.start_from_frequencies(counts)
        self._sampled: SampledSoftmax | None = None
        if len(counts) >= SAMPLED_FROM:
            targets = self.target_tokens // self.steps_per_epoch  # a step
            self._sampled = SampledSoftmax(counts, targets, NEGATIVE_SAMPLES)

    def batches(self, epoch: int) -> Iterator[PairBatch]:
        """Yield the pairs of one epoch in random batches of similar length."""
        rng = np.random.default_rng([self.settings.seed, epoch])
        sides = self.pairs.targets, self.pairs.sources
        lengths = np.sum([side.lengths_of(self._rows) for side in sides], 0)
        for chosen in bucketed_batches(lengths, self.settings.batch_size, rng):
            batch = self._batch(self.pairs, self._rows[chosen])
            for tokens in (batch.sources, batch.inputs):
                dropped = rng.random(tokens.shape) < self.settings.word_dropout
                tokens[dropped & (tokens != PAD) & (tokens != EOS) & (tokens != BOS)] = UNK
            yield batch

    def loss(self, batch: PairBatch, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch of pairs, and the number of target tokens."""
        x, targets = self._features(batch)  # (M, E), (M,)
        smoothing = self.settings.label_smoothing
        if self._sampled is not None:
            return (*self._sampled.loss(x, self._output, targets, smoothing), carry)
        return (*cross_entropy(self._output(x), targets, smoothing), carry)

    def evaluate(self) -> Evaluation:
        """Return the loss in nats a target token on the held-out pairs."""
        total, count = 0.0, 0
        for rows in sorted_batches(self._validation.targets.lengths, self.settings.batch_size):
            x, targets = self._features(self._batch(self._validation, rows))  # (M, E), (M,)
            loss, n = cross_entropy(self._output(x), targets)
            total, count = total + loss.item(), count + n
        nats = total / count
        return Evaluation({"loss": nats, "perplexity": perplexity(nats)})

    def _batch(self, pairs: Pairs, rows: NDArray[np.int64]) -> PairBatch:
        sources, lengths = pairs.sources.pad(rows)
        targets, _ = pairs.targets.pad(rows)
        inputs = np.concatenate([np.full((len(rows), 1), BOS), targets[:, :-1]], 1)
        inputs[inputs == EOS] = PAD  # behind the last word: predicts padding, which is not scored
        return PairBatch(sources, lengths, inputs, targets)

    def _features(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Return the features (M, E), and the targets (M,), but for padding."""
        tensor = self.model.tensor
        targets = tensor(batch.targets)  # (N, T)
        where = targets != PAD  # (N, T)
        x = self.model.features(
            tensor(batch.sources), tensor(batch.lengths), tensor(batch.inputs), where
        )
        return x, targets[where]


def build(
    train: "Dataset", validation: "Dataset", settings: Settings, folder: Path
) -> TranslatorTraining:
    """Encode both parts into a folder and build the network that settings ask for.

    Raises:
        DataError: all pairs are too long.

    """

    def sentences(part: "Dataset", column: str) -> Iterator[str]:
        return map(clean, column_values(part, column))

    # Words that look alike in two languages are better learned apart: in a vocabulary that both
    # share, each word is the most likely translation of itself.
    tokenizer, target_tokenizer = (
        Tokenizer.train(sentences(train, side), settings.level, settings.vocab_size)
        for side in ("source", "target")
    )

    def pairs(part: "Dataset", name: str) -> Pairs:
        sources, targets = (
            encode(sentences(part, side), side_tokenizer, folder / f"{name}.{side}", add_eos=True)
            for side, side_tokenizer in (("source", tokenizer), ("target", target_tokenizer))
        )
        return Pairs(sources, targets)

    return TranslatorTraining(
        pairs(train, "train"),
        pairs(validation, "validation"),
        tokenizer,
        target_tokenizer,
        settings,
    )


def sample_pairs(pairs: "Dataset", number: int) -> "Dataset":
    """Return pairs from all over a corpus, which may be in order; no more than ``number``."""
    rows = np.linspace(0, len(pairs) - 1, min(len(pairs), number))
    return pairs.select(rows.astype(np.int64))


def architecture(settings: Settings, vocab_size: int, target_vocab_size: int) -> Architecture:
    """Return the architecture that settings ask for."""
    cell, num_layers, hidden_size = settings.cell, settings.num_layers, settings.hidden_size
    return Architecture(
        front=Tokens(vocab_size, settings.embedding_dim),
        # Both directions together are as wide as the decoder: they are most of the work.
        encoder=Stack(cell, num_layers, -(-hidden_size // 2), bidirectional=True),
        decoder=Stack(cell, num_layers, hidden_size),
        head=Vocabulary(target_vocab_size),
    )
