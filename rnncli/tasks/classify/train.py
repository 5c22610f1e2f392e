"""Classifiers: train them on labelled texts; `predict.py` uses them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncli.analysis.calibration import combine, fit_weights
from rnncli.analysis.metrics import accuracy, confusion_matrix, macro_f1
from rnncli.config import DEFAULTS, Settings
from rnncli.data.batches import Batch, bucketed_batches, sorted_batches
from rnncli.data.encoded import EncodedTexts, encode
from rnncli.data.values import column_values
from rnncli.messages import Announce
from rnncli.networks.architecture import Classes, Stack, Tokens
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.losses import classification_loss
from rnncli.networks.model_torch import SequenceClassifier
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import NGRAMS, TaskFiles
from rnncli.tasks.classify.ngrams import NgramFeatures, NgramModel
from rnncli.text.special_tokens import EOS, PAD, UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import (
    Carry,
    Evaluation,
    Phase,
    Prepared,
    TrainingData,
    Tuned,
)

if TYPE_CHECKING:
    from datasets import Dataset

MAX_TRAINING_LENGTH = 400  # tokens: beyond it training slows down more than the rest teaches
MANY = 1_000  # texts from which words that occur once teach what an unknown word is
FEW = 5_000  # texts: fewer take more rounds to learn from than to learn by heart
SAMPLE = 1_000  # texts looked at to choose settings
SPELLED = 3_000_000  # characters: more of them teach enough words, and how three stand together
# Of these the ones with which the held-out texts are told best.
FEWER_NGRAMS: tuple[NgramFeatures, ...] = (
    NgramFeatures(word_orders=(1, 2), character_orders=(2, 4, 6), normalised=True),
    NgramFeatures(word_orders=(1, 2), character_orders=(2, 4, 6), max_skip=5, normalised=True),
)
MORE_NGRAMS: tuple[NgramFeatures, ...] = (
    NgramFeatures(word_orders=(1, 2, 3), character_orders=(), normalised=True),
)
NAME_NGRAMS: tuple[NgramFeatures, ...] = (
    NgramFeatures(word_orders=(), character_orders=(1, 2, 3, 4, 5)),
)
NGRAM_TEXTS = 200_000  # that the n-gram model is fitted to at most: bounds memory
NGRAM_BYTES = 1_500_000  # of the n-gram model at most: a classifier has 8 MB with all words known
PLAIN = 4  # times the tokens with labels: more tell better what words mean than labels do
MAX_LISTED = 20  # labels on the model card
NAME_LIKE = 2.0  # words a text: below it there is little but spelling to go by


class ClassifierRecipe:
    """How a classifier is trained."""

    def choose(self, data: TrainingData, given: Mapping[str, Any], announce: Announce) -> Settings:
        """Choose settings for the data: names are read by character, sentences by word."""
        from rnncli.tasks.classify import pretrain

        if data.unlabelled is not None:
            given = {**pretrain.WIDER, **given}
        return choose(given, data.train, announce)

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> "Prepared[ClassifierTraining]":
        """Encode both parts and build the network.

        It knows the words of unlabelled texts, too, by their frequency. Where there are such texts,
        the encoder is pretrained on them and on those with labels.
        """
        from rnncli.tasks.classify import pretrain

        task = prepare(data.train, data.validation, settings, scratch, announce, data.unlabelled)
        pretraining = None
        if task.plain is not None:
            first = pretrain.settings_of(task, settings)
            pretraining = Phase("pretraining", pretrain.prepare(task, first), first, "tokens")
        return Prepared(
            task,
            settings,
            task.model.architecture,
            task.tokenizer,
            labels=task.labels,
            unit="texts",
            pretraining=pretraining,
            files=task.files,
        )

    def finish(
        self,
        trainable: "ClassifierTraining",
        data: TrainingData,
        path: Path,
        threads: int,
        announce: Announce,
    ) -> Tuned:
        """Tune nothing: each evaluation has fitted the weights of network and n-grams already."""
        del trainable, data, path, threads, announce
        return Tuned()

    def summary(self, description: ModelDescription) -> str:
        """Return what the model does, as its card says it."""
        return f"labels texts as {', '.join(description.labels[:MAX_LISTED])}"

    def preview(
        self, prepared: "Prepared[ClassifierTraining]", weights: Mapping[str, Tensor]
    ) -> str | None:
        """Show nothing: it writes no text of its own."""
        del prepared, weights
        return None


def choose(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Fit the settings to the data: names are read by the character, sentences by the word."""
    settings = DEFAULTS["classify"]
    words = _words_a_text(train)
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
    unlabelled: Sequence["Dataset"] | None = None,
) -> "ClassifierTraining":
    """Encode both parts into ``folder`` and build the network.

    It has the words of ``unlabelled`` texts, too; with these, even with none of them, all texts
    are kept as plain text as well, for pretraining.
    """
    labels = tuple(sorted(set(column_values(train, "label"))))
    tokenizer = Tokenizer.train(
        chain(*(column_values(part, "text") for part in (train, *(unlabelled or ())))),
        settings.level,
        settings.vocab_size,
        fold=True,
        min_count=2 if len(train) >= MANY else 1,
    )

    numbers = {label: i for i, label in enumerate(labels)}

    def examples(part: "Dataset", name: str) -> Examples:
        texts = encode(
            column_values(part, "text"),
            tokenizer,
            folder / name,
            add_eos=True,
            max_length=MAX_TRAINING_LENGTH - 1,
        )
        classes = np.array([numbers.get(label, -1) for label in column_values(part, "label")])
        return Examples(texts, classes)

    own, held = examples(train, "train.bin"), examples(validation, "validation.bin")
    plain = None
    if unlabelled is not None:
        texts = (column_values(part, "text") for part in (*unlabelled, train))
        plain = encode(chain(*texts), tokenizer, folder / "unlabelled.bin", add_eos=True)
    ngrams = None
    if settings.ngrams and len(labels) > 1:
        ngrams = _fit_ngrams(train, validation, own.classes, held.classes, len(labels))
        right = float((ngrams.validation.argmax(1) == held.classes).mean())
        announce(f"the n-gram model alone is right on {100 * right:.1f} % of the held-out part")
    task = ClassifierTraining(own, held, labels, tokenizer, settings, ngrams, plain)
    if settings.level != "char":
        _start_words(task, announce)
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
class FittedNgrams:
    """A linear n-gram model, and its logits of the held-out texts."""

    model: NgramModel
    validation: Floats  # (N, C) logits


@dataclass(frozen=True)
class LabelledTexts(Batch):
    """Some texts, padded behind, and their classes."""

    tokens: NDArray[np.int64]  # (N, S)
    lengths: NDArray[np.int64]  # (N,)
    classes: NDArray[np.int64]  # (N,)


class ClassifierTraining:
    """Classification of whole texts."""

    def __init__(
        self,
        train: Examples,
        validation: Examples,
        labels: tuple[str, ...],
        tokenizer: Tokenizer,
        settings: Settings,
        ngrams: FittedNgrams | None = None,
        plain: EncodedTexts | None = None,
    ) -> None:
        self.labels = labels
        self.texts = train.texts  # those with labels
        self.plain = plain  # all, also those without, where there are such
        self._ngrams = ngrams
        self.tokenizer = tokenizer
        self._train, self._validation = train, validation
        self._settings = settings
        self.truncated = int((train.texts.lengths == MAX_TRAINING_LENGTH).sum())
        self.steps_per_epoch = -(-len(train.texts) // settings.batch_size)
        self.model = SequenceClassifier(
            Tokens(tokenizer.vocab_size, settings.embedding_dim),
            Stack(settings.cell, settings.num_layers, settings.hidden_size, bidirectional=True),
            Classes(len(labels)),
            DropoutRates(settings.dropout, settings.embedding_dropout),
        )
        self.files: TaskFiles = {} if ngrams is None else {NGRAMS: ngrams.model.write}

    def batches(self, epoch: int) -> Iterator[LabelledTexts]:
        """Yield the texts of one epoch in random batches of similar length."""
        rng = np.random.default_rng([self._settings.seed, epoch])
        for rows in bucketed_batches(self._train.texts.lengths, self._settings.batch_size, rng):
            batch = self._batch(self._train, rows)
            dropped = rng.random(batch.tokens.shape) < self._settings.word_dropout
            batch.tokens[dropped & (batch.tokens != PAD) & (batch.tokens != EOS)] = UNK
            yield batch

    def loss(self, batch: LabelledTexts, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch of texts, and how many they are."""
        classes = self.model.tensor(batch.classes)
        smoothing = self._settings.label_smoothing
        return (*classification_loss(self._logits(batch), classes, smoothing), carry)

    def evaluate(self) -> Evaluation:
        """Return the scores of the calibrated answers on the held-out texts."""
        classes = self._validation.classes
        models = [self._validation_logits()]  # (N, C)
        names = ["network"]
        if self._ngrams is not None:
            models.append(self._ngrams.validation)
            names.append("ngrams")
        logits = np.stack(models)  # (K, N, C)
        known = classes >= 0
        weights = fit_weights(logits[:, known], classes[known])  # (K,)
        log_probabilities = log_softmax(combine(logits, weights))  # (N, C)
        predicted = log_probabilities.argmax(1)
        unseen = len(self.labels)  # a class of its own, so that it counts as a mistake
        matrix = confusion_matrix(np.where(known, classes, unseen), predicted, unseen + 1)
        own = np.take_along_axis(log_probabilities[known], classes[known, None], 1)
        scores = {
            "loss": -float(own.mean()),
            "accuracy": accuracy(matrix),
            "macro_f1": macro_f1(matrix),
        }
        return Evaluation(scores, dict(zip(names, weights.tolist(), strict=True)))

    def _validation_logits(self) -> Floats:
        """Return the network's logits (N, C) of the held-out texts."""
        texts = self._validation.texts
        logits = np.zeros((len(texts), len(self.labels)), np.float32)
        for rows in sorted_batches(texts.lengths, 2 * self._settings.batch_size):
            logits[rows] = self._logits(self._batch(self._validation, rows)).float().cpu().numpy()
        return logits

    def _batch(self, examples: Examples, rows: NDArray[np.int64]) -> LabelledTexts:
        tokens, lengths = examples.texts.pad(rows)
        return LabelledTexts(tokens, lengths, examples.classes[rows])

    def _logits(self, batch: LabelledTexts) -> Tensor:
        return self.model.classify(
            self.model.tensor(batch.tokens), self.model.tensor(batch.lengths)
        )


def _words_a_text(texts: "Dataset") -> float:
    some = list(islice(column_values(texts, "text"), SAMPLE))
    return sum(len(text.split()) for text in some) / len(some)


def _start_words(task: ClassifierTraining, announce: Announce) -> None:
    """Initialise embeddings from co-occurrence counts, of plain text if there is any."""
    from rnncli.tasks.embeddings import MAX_TOKENS, monolingual_embeddings

    texts = task.texts if task.plain is None else task.plain
    embedding = task.model.encoder.embedding
    vectors = monolingual_embeddings(texts, embedding.num_embeddings, embedding.embedding_dim)
    # What few labelled texts would teach of their words, others could not be told by.
    learned = len(texts.tokens) < PLAIN * len(task.texts.tokens)
    embedding.start_from(vectors)
    embedding.weight.requires_grad_(learned)
    announce(
        "embeddings: initialised from co-occurrence counts of "
        f"{min(len(texts.tokens), MAX_TOKENS):,} tokens"
        + ("" if learned else ", and frozen: most texts have no labels")
    )


def _fit_ngrams(
    train: "Dataset",
    validation: "Dataset",
    classes: NDArray[np.int64],
    validation_classes: NDArray[np.int64],
    num_classes: int,
) -> FittedNgrams:
    """Fit a linear model of the n-grams that tell the classes best."""
    from rnncli.tasks.classify.fit_ngrams import (  # torch: on the way to training only
        NgramExamples,
        fit_ngrams,
    )

    if len(train) > NGRAM_TEXTS:
        some = np.linspace(0, len(train) - 1, NGRAM_TEXTS).astype(np.int64)
        train, classes = train.select(some), classes[some]
    if _words_a_text(train) < NAME_LIKE:
        candidates = NAME_NGRAMS
    else:
        characters = sum(map(len, column_values(train, "text")))
        candidates = FEWER_NGRAMS if characters <= SPELLED else MORE_NGRAMS
    min_count = 2 if len(train) >= MANY else 1
    most = max(1, NGRAM_BYTES // (4 + 2 * num_classes))  # a bucket, and weights in half precision

    def fit(features: NgramFeatures) -> tuple[NgramModel, float]:
        own, held = (
            NgramExamples(*features.extract(column_values(part, "text")), its_classes)
            for part, its_classes in ((train, classes), (validation, validation_classes))
        )
        return fit_ngrams(features, own, held, num_classes, min_count, most)

    model, _ = min(map(fit, candidates), key=itemgetter(1))
    weight, bias = (x.astype(np.float16).astype(np.float32) for x in (model.weight, model.bias))
    model = replace(model, weight=weight, bias=bias)  # as it will be saved
    return FittedNgrams(model, model(list(column_values(validation, "text"))))
