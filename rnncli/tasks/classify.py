"""Classifiers: train them on labelled texts, label texts with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnncli.batches import EncodedTexts, bucketed, encode, in_order
from rnncli.config import DEFAULTS, ModelConfig, Settings
from rnncli.metrics import accuracy, confusion_matrix, macro_f1
from rnncli.runtime import Floats, softmax
from rnncli.tasks.base import (
    Announce,
    TrainedModel,
    build,
    by_length,
    column_values,
    in_pieces,
    padded,
)
from rnncli.tokenizer import EOS, PAD, UNK, Tokenizer

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

    from rnncli.model import State

MAX_TRAINING_LENGTH = 400  # tokens: beyond it training slows down more than the rest teaches
MANY = 1_000  # texts from which words that occur once teach what an unknown word is
FEW = 5_000  # texts: fewer take more rounds to learn from than to learn by heart
SAMPLE = 1_000  # texts looked at to choose settings
NAME_LIKE = 2.0  # words a text: below it there is little but spelling to go by
MAX_CHARACTERS = 10_000  # of a text read as a whole: bounds memory, and few texts are longer
PIECES = 32  # of a longer text, read side by side
BATCH_TOKENS = 32_768  # in one batch of inference, padding included: bounds memory
BATCH_TEXTS = 256  # in one batch of inference: what a step works on stays in the cache


def choose(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Fit the settings to the data: names are read by the character, sentences by the word."""
    settings = DEFAULTS["classify"]
    texts = list(islice(column_values(train, "text"), SAMPLE))
    words = sum(len(text.split()) for text in texts) / len(texts)
    level = given.get("level")
    if level is None and words < NAME_LIKE:
        announce(f"texts of {words:.1f} words: read by the character")
        level = "char"
    if level == "char":
        settings = replace(settings, level="char", embedding_dim=64, word_dropout=0.0)
    if len(train) < FEW:
        settings = replace(settings, epochs=20)
    if len(train) > 20_000:
        settings = replace(settings, batch_size=64)
    return settings.with_given(given)


def prepare(
    train: "Dataset",
    validation: "Dataset",
    settings: Settings,
    folder: Path,
    announce: Announce,
) -> "ClassifierTraining":
    """Encode both parts into ``folder`` and build the network."""
    labels = tuple(sorted(set(column_values(train, "label"))))
    tokenizer = Tokenizer.train(
        column_values(train, "text"),
        settings.level,
        settings.vocab_size,
        fold=True,
        min_count=2 if len(train) >= MANY else 1,
    )

    def examples(part: "Dataset", name: str) -> Examples:
        numbers = {label: i for i, label in enumerate(labels)}
        texts = encode(
            column_values(part, "text"),
            tokenizer,
            folder / name,
            end=True,
            max_length=MAX_TRAINING_LENGTH - 1,
        )
        classes = np.array([numbers.get(label, -1) for label in column_values(part, "label")])
        return Examples(texts, classes)

    task = ClassifierTraining(
        examples(train, "train.bin"),
        examples(validation, "validation.bin"),
        labels,
        tokenizer,
        settings,
    )
    if task.truncated:
        announce(
            f"{task.truncated:,} texts are longer than {MAX_TRAINING_LENGTH} tokens: trained on "
            "their beginnings, labelled whole"
        )
    return task


@dataclass(frozen=True)
class Examples:
    """Encoded texts and the class of each; -1 for a label that training has not seen."""

    texts: EncodedTexts
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Some texts, padded behind, and their classes."""

    tokens: NDArray[np.int64]  # (N, S)
    lengths: NDArray[np.int64]  # (N,)
    classes: NDArray[np.int64]  # (N,)


class ClassifierTraining:
    """Classification of whole texts."""

    goal, maximise = "accuracy", True
    target_tokenizer: Tokenizer | None = None

    def __init__(
        self,
        train: Examples,
        validation: Examples,
        labels: tuple[str, ...],
        tokenizer: Tokenizer,
        settings: Settings,
    ) -> None:
        self.labels = labels
        self.tokenizer = tokenizer
        self._train, self._validation = train, validation
        self._settings = settings
        self.truncated = int((train.texts.lengths == MAX_TRAINING_LENGTH).sum())
        self.steps_per_epoch = -(-len(train.texts) // settings.batch_size)
        self.config = ModelConfig(
            task="classify",
            cell=settings.cell,
            vocab_size=tokenizer.vocab_size,
            target_vocab_size=0,
            num_classes=len(labels),
            embedding_dim=settings.embedding_dim,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=True,
            tie_embeddings=False,
            dropout=settings.dropout,
            weight_dropout=settings.weight_dropout,
            embedding_dropout=settings.embedding_dropout,
        )
        self.model = build(self.config)
        self.carried: list[State | None] = []  # texts have nothing to do with each other

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the texts of one epoch in random batches of similar length."""
        rng = np.random.default_rng([self._settings.seed, epoch])
        for rows in bucketed(self._train.texts.lengths, self._settings.batch_size, rng):
            batch = self._batch(self._train, rows)
            dropped = rng.random(batch.tokens.shape) < self._settings.word_dropout
            batch.tokens[dropped & (batch.tokens != PAD) & (batch.tokens != EOS)] = UNK
            yield batch

    def loss(self, batch: Batch) -> tuple["Tensor", int]:
        """Return the summed loss of a batch of texts."""
        from rnncli.model import classification_loss

        logits = self._logits(batch)  # (N, C)
        return classification_loss(
            logits, self.model.tensor(batch.classes), self._settings.label_smoothing
        )

    def evaluate(self) -> dict[str, float]:
        """Return loss, accuracy and macro-F1 on the held-out texts."""
        from rnncli.model import classification_loss

        total, truth, predicted = 0.0, [], []
        for rows in in_order(self._validation.texts.lengths, 2 * self._settings.batch_size):
            batch = self._batch(self._validation, rows)
            logits = self._logits(batch)  # (N, C)
            loss, _ = classification_loss(logits, self.model.tensor(batch.classes))
            total += loss.item()
            truth.append(batch.classes)
            predicted.append(logits.argmax(1).cpu().numpy())
        known = np.concatenate(truth)
        unseen = len(self.labels)  # a class of its own, so that it counts as a mistake
        matrix = confusion_matrix(
            np.where(known < 0, unseen, known), np.concatenate(predicted), unseen + 1
        )
        return {
            "loss": total / len(self._validation.texts),
            "accuracy": accuracy(matrix),
            "macro_f1": macro_f1(matrix),
        }

    def _batch(self, examples: Examples, rows: NDArray[np.int64]) -> Batch:
        tokens, lengths = examples.texts.padded(rows)
        return Batch(tokens, lengths, examples.classes[rows])

    def _logits(self, batch: Batch) -> "Tensor":
        return self.model.classify(
            self.model.tensor(batch.tokens), self.model.tensor(batch.lengths)
        )


@dataclass(frozen=True)
class Classification:
    """The label of a text, its probability, and those of all labels."""

    label: str
    probability: float
    probabilities: dict[str, float]


class TextClassifier(TrainedModel):
    """Label texts with a trained classifier."""

    task = "classify"

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels, in the order of the classes."""
        return tuple(self.info["labels"])

    def __call__(self, texts: Sequence[str]) -> list[Classification]:
        """Label each text; the order is kept.

        A text of more than ``MAX_CHARACTERS`` is read in pieces, whose probabilities are averaged.
        """
        results = []
        for row in softmax(self.logits(texts).astype(np.float64)):
            probabilities = dict(zip(self.labels, row.tolist(), strict=True))
            best = int(row.argmax())
            results.append(Classification(self.labels[best], float(row[best]), probabilities))
        return results

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of the texts."""
        logits = np.zeros((len(texts), len(self.labels)), np.float32)
        short = [i for i, text in enumerate(texts) if len(text) <= MAX_CHARACTERS]
        logits[short] = self._logits([texts[i] for i in short])
        for i in set(range(len(texts))) - set(short):
            self._say_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are read in pieces, and the "
                "pieces' probabilities averaged"
            )
            logits[i] = self._pooled(in_pieces(texts[i], MAX_CHARACTERS))
        return logits

    def _pooled(self, pieces: Sequence[str]) -> Floats:
        """Return the logits (C,) of a text's pieces together; few are in memory at once."""
        total = np.zeros(len(self.labels))
        for start in range(0, len(pieces), PIECES):
            some = pieces[start : start + PIECES]
            lengths = np.array([[len(piece)] for piece in some])
            total += (softmax(self._logits(some).astype(np.float64)) * lengths).sum(0)
        result: Floats = np.log(total / sum(map(len, pieces))).astype(np.float32)
        return result

    def _logits(self, texts: Sequence[str]) -> Floats:
        encoded = [[*ids, EOS] for ids in self._tokenizer.encode_all(texts)]
        logits = np.zeros((len(encoded), len(self.labels)), np.float32)
        batches = by_length(encoded, BATCH_TOKENS, BATCH_TEXTS)
        found = self._in_parallel(
            lambda rows: self._network.classify(*padded(encoded, rows)), batches
        )
        for rows, some in zip(batches, found, strict=True):
            logits[rows] = some
        return logits
