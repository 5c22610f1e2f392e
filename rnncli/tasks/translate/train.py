"""Translators: train them on pairs of sentences; `predict.py` uses them."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncli.analysis.metrics import perplexity
from rnncli.config import DEFAULTS, Settings, format_duration
from rnncli.data.batches import Batch, bucketed_batches, sorted_batches
from rnncli.data.encoded import EncodedTexts, encode
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.messages import Announce
from rnncli.networks.architecture import (
    Architecture,
    Stack,
    Tokens,
    Vocabulary,
    count_parameters,
)
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.losses import SampledSoftmax, cross_entropy
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import MEMORY
from rnncli.tasks.translate.predict import Translator, clean
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import (
    Carry,
    Evaluation,
    Prepared,
    TrainingData,
    Tuned,
)
from rnncli.training.sizing import measure_throughput

if TYPE_CHECKING:
    from datasets import Dataset

MAX_TRAINING_LENGTH = 150  # tokens of a sentence; the few longer ones are left out of training
SAMPLED_FROM = 3_000  # tokens of a vocabulary, of which each step then learns only some
DRAWN = 1_024  # of them a step beside those of the batch: as good a step, in two thirds of the time
TRIAL, TRIAL_SHARE = 1.5, 0.02  # seconds of measuring speed, or this share of the time budget
TRIAL_PAIRS = 4_000  # with which speed is measured
WIDTHS = (384, 256, 192, 128)  # units; of these the most that there is time to train
TOKENS_A_WEIGHT = 0.6  # of the translations, that there must be time to learn from
# Dropout of units and of words, from so many epochs on: few of them learn nothing by heart.
DROPOUTS = ((15, 0.3, 0.1), (5, 0.15, 0.05), (3, 0.1, 0.0), (0, 0.05, 0.0))
MEMORY_SHARE = 0.05  # of the time budget, beyond it, to read the pairs again for the memory
MANY = 100_000  # pairs, of which steps of more are faster and still enough
# Pairs from which a vocabulary of a size pays: rarer pieces are never learned.
VOCABULARY_SIZES = ((100_000, 8_000), (20_000, 5_000), (8_000, 3_000), (0, 1_500))


class TranslatorRecipe:
    """How a translator is trained."""

    def choose(self, data: TrainingData, given: Mapping[str, Any], announce: Announce) -> Settings:
        """Choose settings for the pairs, and what this machine can learn in the time."""
        return choose(given, data.train, announce)

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> "Prepared[TranslatorTraining]":
        """Encode both parts and build the network."""
        task = prepare(data.train, data.validation, settings, scratch, announce)
        return Prepared(
            task, settings, task.model.architecture, task.tokenizer, task.target_tokenizer
        )

    def finish(
        self,
        trainable: "TranslatorTraining",
        data: TrainingData,
        path: Path,
        threads: int,
        announce: Announce,
    ) -> Tuned:
        """Find the length penalty, and whether a memory of the pairs helps."""
        return calibrate(path, trainable, data.validation, threads, announce)

    def summary(self, description: ModelDescription) -> str:
        """Return what the model does, as its card says it."""
        data = description.data
        languages = " from {} to {}".format(*data.languages) if data and data.languages else ""
        pairs = ""
        if MEMORY in description.task_files:
            pairs = ".\nIt keeps the pairs that it was trained on, and whoever has it can read them"
        return f"translates sentences{languages}{pairs}"

    def preview(
        self, prepared: "Prepared[TranslatorTraining]", weights: Mapping[str, Tensor]
    ) -> str | None:
        """Show nothing: it writes no text of its own."""
        del prepared, weights
        return None


def choose(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Fit the settings to the data and to what this machine can learn in the time that there is.

    Fewer pairs take a smaller vocabulary. A wider network learns more from each pair and reads
    fewer of them; what is read a few times only needs less dropout.
    """
    settings = DEFAULTS["translate"]
    size = next(size for pairs, size in VOCABULARY_SIZES if len(train) >= pairs)
    if given.get("level") in (None, "subword") and "vocab_size" not in given:
        announce(f"{len(train):,} pairs: {size:,} subwords a vocabulary")
        settings = replace(settings, vocab_size=size)
    elif given.get("level") == "word":
        settings = replace(settings, vocab_size=20_000)
    if len(train) >= MANY:
        settings = replace(settings, batch_size=64)
    settings = settings.with_given(given)
    epochs = settings.epochs or math.inf
    if settings.steps is not None:
        epochs = min(epochs, settings.steps * settings.batch_size / len(train))
    if settings.max_time is not None and not {"hidden_size", "dropout"} <= given.keys():
        rate, tokens = _try_out(train, settings)
        announce(f"{settings.hidden_size} units learn from {rate:,.0f} target tokens a second here")
        work = rate * settings.max_time * _cost(settings)
        if not {"hidden_size", "embedding_dim"} & given.keys():
            wide = (replace(settings, hidden_size=units, embedding_dim=units) for units in WIDTHS)
            enough = (one for one in wide if work >= TOKENS_A_WEIGHT * _cost(one) ** 2)
            narrowest = replace(settings, hidden_size=WIDTHS[-1], embedding_dim=WIDTHS[-1])
            settings = next(enough, narrowest)
        epochs = min(epochs, work / _cost(settings) / tokens)
    if "dropout" not in given:
        units, words = next(own for least, *own in DROPOUTS if epochs >= least)
        announce(f"about {epochs:.2g} epochs fit into the budget: dropout {units:g}")
        chosen: dict[str, Any] = {
            "dropout": units,
            "embedding_dropout": units,
            "word_dropout": words,
        }
        settings = replace(settings, **(chosen | dict(given)))
    return settings


def prepare(
    train: "Dataset",
    validation: "Dataset",
    settings: Settings,
    folder: Path,
    announce: Announce,
) -> "TranslatorTraining":
    """Encode both parts into ``folder`` and build the network."""
    task = _build(train, validation, settings, folder)
    if task.left_out:
        announce(f"{task.left_out:,} pairs longer than {MAX_TRAINING_LENGTH} tokens are left out")
    if settings.level != "char":  # a character has no translation
        _start_words(task, announce)
    return task


def calibrate(
    path: Path,
    task: "TranslatorTraining",
    validation: "Dataset",
    threads: int,
    announce: Announce,
) -> Tuned:
    """Find how to use the model that was saved at a path: see `search_fitting`, `remembering`."""
    from rnncli.tasks.translate.build_memory import remember
    from rnncli.tasks.translate.length_penalty import ALIKE, MOST, fit_length_penalty

    some = _some(validation, MOST)
    sources, targets = (list(column_values(some, side)) for side in ("source", "target"))
    translator = Translator.load(path, threads=threads)
    best = alone = fit_length_penalty(translator, sources, targets)
    if alone is None or best is None:
        return Tuned()
    numbers: dict[str, float] = {}
    files: dict[str, Callable[[Path], None]] = {}
    if task.settings.memory:
        pairs, seconds, limit = task.pairs, math.inf, ""
        if task.settings.max_time is not None:
            seconds = MEMORY_SHARE * task.settings.max_time
            limit = f", for {format_duration(seconds)} at most"
        announce(f"memory: reading all pairs once more{limit}")
        rows = pairs.short_enough()
        memory = remember(translator.network, pairs.sources, pairs.targets, rows, threads, seconds)
        together = fit_length_penalty(translator.with_memory(memory), sources, targets)
        assert together is not None
        kept = together.bleu > alone.bleu + ALIKE
        announce(
            f"memory: with {len(memory):,} pairs {together.bleu:.1f} BLEU on the held-out part, "
            f"{alone.bleu:.1f} without: {'kept' if kept else 'not kept'}"
        )
        if kept:
            best, numbers["length_penalty_alone"] = together, alone.length_penalty
            files[MEMORY] = memory.write
    announce(f"length penalty: {best.length_penalty:g} suits the held-out part best")
    numbers["length_penalty"] = best.length_penalty
    return Tuned(numbers, files)


def _build(
    train: "Dataset", validation: "Dataset", settings: Settings, folder: Path
) -> "TranslatorTraining":
    def sentences(part: "Dataset", column: str) -> Iterator[str]:
        return map(clean, column_values(part, column))

    def learn(texts: Iterator[str]) -> Tokenizer:
        return Tokenizer.train(texts, settings.level, settings.vocab_size)

    # Words that look alike in two languages are better learned apart: in a vocabulary that both
    # share, each word calls for itself as its translation.
    tokenizer, target_tokenizer = (learn(sentences(train, side)) for side in ("source", "target"))

    def pairs(part: "Dataset", name: str) -> Pairs:
        return Pairs(
            encode(sentences(part, "source"), tokenizer, folder / f"{name}.source", add_eos=True),
            encode(
                sentences(part, "target"), target_tokenizer, folder / f"{name}.target", add_eos=True
            ),
        )

    return TranslatorTraining(
        pairs(train, "train"),
        pairs(validation, "validation"),
        tokenizer,
        target_tokenizer,
        settings,
    )


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
    """Translation, each target word given the right ones before it (teacher forcing)."""

    _sampled: SampledSoftmax | None = None  # where the vocabulary is large

    def __init__(
        self,
        train: Pairs,
        validation: Pairs,
        tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        settings: Settings,
    ) -> None:
        self.tokenizer = tokenizer
        self.target_tokenizer = target_tokenizer
        self.pairs, self._validation = train, validation
        self._rows = train.short_enough()
        if not len(self._rows):
            raise DataError(
                f"every pair is longer than {MAX_TRAINING_LENGTH} tokens",
                "split the texts into sentences, one pair a sentence",
            )
        self.settings = settings
        self.left_out = len(train.sources) - len(self._rows)
        self.target_tokens = int(train.targets.lengths_of(self._rows).sum())
        self.steps_per_epoch = -(-len(self._rows) // settings.batch_size)
        self.model = EncoderDecoder(
            *layers(settings, tokenizer.vocab_size, target_tokenizer.vocab_size),
            DropoutRates(settings.dropout, settings.embedding_dropout),
        )
        self._output = self.model.decoder.output
        counts = train.targets.counts(target_tokenizer.vocab_size)
        self.model.decoder.start_from_frequencies(counts)
        if len(counts) >= SAMPLED_FROM:
            targets = self.target_tokens // self.steps_per_epoch  # a step
            self._sampled = SampledSoftmax(counts, targets, DRAWN)

    def batches(self, epoch: int) -> Iterator[PairBatch]:
        """Yield the pairs of one epoch in random batches of similar length."""
        rng = np.random.default_rng([self.settings.seed, epoch])
        lengths = self.pairs.targets.lengths_of(self._rows) + self.pairs.sources.lengths_of(
            self._rows
        )
        for chosen in bucketed_batches(lengths, self.settings.batch_size, rng):
            batch = self._batch(self.pairs, self._rows[chosen])
            for tokens in (batch.sources, batch.inputs):
                dropped = rng.random(tokens.shape) < self.settings.word_dropout
                tokens[dropped & (tokens != PAD) & (tokens != EOS) & (tokens != BOS)] = UNK
            yield batch

    def loss(self, batch: PairBatch, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch of pairs."""
        x, targets = self._features(batch)  # (M, E), (M,)
        smoothing = self.settings.label_smoothing
        if self._sampled is not None:
            return (*self._sampled.loss(x, self._output, targets, smoothing), carry)
        return (*cross_entropy(self._output(x), targets, smoothing), carry)

    def evaluate(self) -> Evaluation:
        """Return the loss in nats a target token on the held-out pairs."""
        total, targets = 0.0, 0
        for rows in sorted_batches(self._validation.targets.lengths, self.settings.batch_size):
            x, own = self._features(self._batch(self._validation, rows))  # (M, E), (M,)
            loss, n = cross_entropy(self._output(x), own)
            total, targets = total + loss.item(), targets + n
        nats = total / targets
        return Evaluation({"loss": nats, "perplexity": perplexity(nats)})

    def _batch(self, pairs: Pairs, rows: NDArray[np.int64]) -> PairBatch:
        sources, lengths = pairs.sources.pad(rows)
        targets, _ = pairs.targets.pad(rows)
        inputs = np.concatenate([np.full((len(rows), 1), BOS), targets[:, :-1]], 1)
        inputs[inputs == EOS] = PAD  # behind the last word: predicts padding, which is not scored
        return PairBatch(sources, lengths, inputs, targets)

    def _features(self, batch: PairBatch) -> tuple[Tensor, Tensor]:
        """Return what the output layer reads (M, E), and the targets (M,), but for padding."""
        tensor = self.model.tensor
        targets = tensor(batch.targets)  # (N, T)
        where = targets != PAD  # (N, T)
        x = self.model.features(
            tensor(batch.sources), tensor(batch.lengths), tensor(batch.inputs), where
        )
        return x, targets[where]


def _start_words(task: TranslatorTraining, announce: Announce) -> None:
    """Initialise embeddings from co-occurrences of words and their translations."""
    from rnncli.tasks.embeddings import bilingual_embeddings

    pairs, encoder, decoder = task.pairs, task.model.encoder, task.model.decoder
    own, theirs = bilingual_embeddings(
        pairs.sources,
        pairs.targets,
        pairs.short_enough(),
        encoder.embedding.num_embeddings,
        decoder.embedding.num_embeddings,
        encoder.embedding.embedding_dim,
    )
    encoder.embedding.start_from(own)
    decoder.embedding.start_from(theirs)
    announce("embeddings: initialised from co-occurrence counts of words and their translations")


def layers(
    settings: Settings, vocab_size: int, target_vocab_size: int
) -> tuple[Tokens, Stack, Stack, Vocabulary]:
    """Return the parts of the network that settings ask for."""
    cell, num_layers, hidden_size = settings.cell, settings.num_layers, settings.hidden_size
    return (
        Tokens(vocab_size, settings.embedding_dim),
        # Both directions together are as wide as the decoder: they are most of the work.
        Stack(cell, num_layers, -(-hidden_size // 2), bidirectional=True),
        Stack(cell, num_layers, hidden_size),
        Vocabulary(target_vocab_size),
    )


def _try_out(train: "Dataset", settings: Settings) -> tuple[float, float]:
    """Train for a moment; return target tokens a second, and target tokens of all pairs."""

    assert settings.max_time is not None
    some = _some(train, TRIAL_PAIRS)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        task = _build(some, some.select([0]), settings, Path(folder))
        seconds = min(TRIAL, TRIAL_SHARE * settings.max_time)
        rate = measure_throughput(task, settings, seconds)
    return rate, task.target_tokens / len(some) * len(train)


def _some(pairs: "Dataset", most: int) -> "Dataset":
    """Return so many pairs from all over a corpus, which may be in order."""
    chosen = np.linspace(0, len(pairs) - 1, min(len(pairs), most))
    return pairs.select(chosen.astype(np.int64))


def _cost(settings: Settings) -> int:
    """Return how many weights each token meets: a large vocabulary is not met as a whole."""
    met = settings.vocab_size if settings.vocab_size < SAMPLED_FROM else DRAWN
    parameters = count_parameters(Architecture(*layers(settings, met, met)))
    return parameters - met * settings.embedding_dim  # source embeddings are looked up
