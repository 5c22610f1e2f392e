"""The training of a translator's network on pairs of sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncli.analysis.metrics import perplexity
from rnncli.config import Settings
from rnncli.data.batches import Batch, bucketed_batches, sorted_batches, trim
from rnncli.data.encoded import EncodedTexts, encode
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.networks.architecture import Architecture, Stack, Tokens
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.heads import Vocabulary
from rnncli.networks.losses import SampledSoftmax, cross_entropy
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.networks.model_torch import build as build_network
from rnncli.tasks.sizes import TRANSLATOR_NEGATIVE_SAMPLES, TRANSLATOR_SAMPLED_FROM
from rnncli.tasks.translate.predict import LETTERLESS_SOURCES
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import letterless_share, plain_signs
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

if TYPE_CHECKING:
    from datasets import Dataset

MAX_TRAINING_LENGTH = 150  # tokens of a sentence: the few longer ones are dropped


@dataclass(frozen=True)
class Pairs:
    """Encoded sentences and their translations, each ending with ``<eos>``."""

    sources: EncodedTexts
    targets: EncodedTexts

    def trainable_rows(self) -> NDArray[np.int64]:
        """Return the rows of at most ``MAX_TRAINING_LENGTH`` tokens on both sides."""
        lengths = np.maximum(self.sources.lengths, self.targets.lengths)
        return np.flatnonzero(lengths <= MAX_TRAINING_LENGTH)


@dataclass(frozen=True)
class PairBatch(Batch):
    """A batch of sentences and their translations, padded at their ends."""

    sources: NDArray[np.int64]  # (N, S)
    lengths: NDArray[np.int64]  # (N,) of the sources
    inputs: NDArray[np.int64]  # (N, T) the translation after <bos>
    targets: NDArray[np.int64]  # (N, T) the translation and <eos>

    @property
    def row_sizes(self) -> NDArray[np.int64]:
        """Return the cost of each row (N,), in tokens of both sides."""
        return self.lengths + self._target_lengths

    @property
    def _target_lengths(self) -> NDArray[np.int64]:
        lengths: NDArray[np.int64] = (self.targets != PAD).sum(1)
        return lengths

    def part(self, rows: slice) -> "PairBatch":
        """Return these rows alone, without padding that none of them needs."""
        lengths, target_lengths = self.lengths[rows], self._target_lengths[rows]
        return PairBatch(
            trim(self.sources[rows], lengths),
            lengths,
            trim(self.inputs[rows], target_lengths),
            trim(self.targets[rows], target_lengths),
        )


class TranslatorTraining:
    """Train a translator by teacher forcing, and evaluate it on held-out pairs."""

    def __init__(
        self,
        train: Pairs,
        validation: Pairs,
        tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        settings: Settings,
        letterless_share: float = 0.0,  # of the sources
    ) -> None:
        self._tuned = {LETTERLESS_SOURCES: letterless_share} if letterless_share else {}
        self.tokenizer, self.target_tokenizer = tokenizer, target_tokenizer
        self.pairs, self.validation = train, validation
        self._rows = train.trainable_rows()
        if not len(self._rows):
            raise DataError(
                f"every pair is longer than {MAX_TRAINING_LENGTH} tokens",
                "split the texts into sentences, one pair a sentence",
            )
        self.settings = settings
        self.num_dropped = len(train.sources) - len(self._rows)
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
        self.model.decoder.init_output_bias(counts)
        self._sampled: SampledSoftmax | None = None
        if len(counts) >= TRANSLATOR_SAMPLED_FROM:
            targets = self.target_tokens // self.steps_per_epoch  # a step
            self._sampled = SampledSoftmax(counts, targets, TRANSLATOR_NEGATIVE_SAMPLES)

    def __getstate__(self) -> dict[str, Any]:
        """Return what the loss needs, for another process."""
        return {name: getattr(self, name) for name in ("model", "settings", "_output", "_sampled")}

    def batches(self, epoch: int) -> Iterator[PairBatch]:
        """Yield the pairs of one epoch in random batches of similar length."""
        rng = np.random.default_rng([self.settings.seed, epoch])
        sides = self.pairs.targets, self.pairs.sources
        lengths = np.sum([side.lengths_of(self._rows) for side in sides], 0)
        for index in bucketed_batches(lengths, self.settings.batch_size, rng):
            batch = self._batch(self.pairs, self._rows[index])
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

    def evaluate(self, workers: Workers) -> Evaluation:
        """Return the loss in nats a target token on the held-out pairs."""

        def score(rows: NDArray[np.int64]) -> tuple[float, int]:
            x, targets = self._features(self._batch(self.validation, rows))  # (M, E), (M,)
            loss, n = cross_entropy(self._output(x), targets)
            return loss.item(), n

        batches = sorted_batches(self.validation.targets.lengths, self.settings.batch_size)
        losses, counts = zip(*workers.map(score, batches), strict=True)
        nats = sum(losses) / sum(counts)
        return Evaluation({"loss": nats, "perplexity": perplexity(nats)}, self._tuned)

    def _batch(self, pairs: Pairs, rows: NDArray[np.int64]) -> PairBatch:
        sources, lengths = pairs.sources.pad(rows)
        targets, _ = pairs.targets.pad(rows)
        inputs = np.concatenate([np.full((len(rows), 1), BOS), targets[:, :-1]], 1)
        inputs[inputs == EOS] = PAD  # its target is padding, which has no loss
        return PairBatch(sources, lengths, inputs, targets)

    def _features(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Return the features (M, E) and the targets (M,), without padding."""
        tensor = self.model.tensor
        targets = tensor(batch.targets)  # (N, T)
        mask = targets != PAD  # (N, T)
        x = self.model.features(
            tensor(batch.sources), tensor(batch.lengths), tensor(batch.inputs), mask
        )
        return x, targets[mask]


def build(
    train: "Dataset",
    validation: "Dataset",
    settings: Settings,
    folder: Path,
    vocabulary: "Dataset",
) -> TranslatorTraining:
    """Encode both parts into a folder and build the network.

    Tokens are those of the pairs ``vocabulary``.

    Raises:
        DataError: all pairs are too long.

    """

    def sentences(part: "Dataset", column: str) -> Iterator[str]:
        texts = map(clean, column_values(part, column))
        return map(plain_signs, texts) if column == "source" else texts

    # Not one vocabulary for both languages: in it each word is its own likeliest translation.
    tokenizer, target_tokenizer = (
        Tokenizer.train(sentences(vocabulary, side), settings.level, settings.vocab_size)
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
        letterless_share(column_values(train, "source")),
    )


def sample_pairs(pairs: "Dataset", number: int) -> "Dataset":
    """Sample at most ``number`` pairs, evenly spaced, since a corpus may be sorted."""
    rows = np.linspace(0, len(pairs) - 1, min(len(pairs), number))
    return pairs.select(rows.astype(np.int64))


def architecture(settings: Settings, vocab_size: int, target_vocab_size: int) -> Architecture:
    """Return the architecture by the settings."""
    cell, num_layers, hidden_size = settings.cell, settings.num_layers, settings.hidden_size
    return Architecture(
        front=Tokens(vocab_size, settings.embedding_dim),
        # Both directions together are as wide as the decoder; wider ones cost most of the time.
        encoder=Stack(cell, num_layers, -(-hidden_size // 2), bidirectional=True),
        decoder=Stack(cell, num_layers, hidden_size),
        head=Vocabulary(target_vocab_size),
    )
