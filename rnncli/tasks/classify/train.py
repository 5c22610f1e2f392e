"""The training of a classifier's network on labelled texts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncli.analysis.calibration import combine, fit_weights
from rnncli.analysis.metrics import accuracy, confusion_matrix, macro_f1, mean_absolute_error
from rnncli.config import Settings
from rnncli.data.batches import Batch, bucketed_batches, sorted_batches, trim
from rnncli.data.encoded import EncodedTexts
from rnncli.networks.architecture import Stack, Tokens
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.heads import Classes
from rnncli.networks.losses import classification_loss
from rnncli.networks.model_torch import SequenceClassifier
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.storage.layout import NGRAMS, TaskFiles
from rnncli.tasks.classify.fit_ngrams import FittedNgrams
from rnncli.tasks.classify.label_order import label_positions
from rnncli.tasks.classify.vectors import TokenVectors
from rnncli.tasks.sizes import MAX_TEXT_TOKENS
from rnncli.text.special_tokens import EOS, PAD
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

UNUSED = 1e-9  # the weight of a network with which the n-grams are worse than alone


@dataclass(frozen=True)
class Examples:
    """Encoded texts and the class of each; -1 for a label that training has not seen."""

    texts: EncodedTexts
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class LabelledTexts(Batch):
    """A batch of texts, padded at their ends, and their classes."""

    tokens: NDArray[np.int64]  # (N, S)
    lengths: NDArray[np.int64]  # (N,)
    classes: NDArray[np.int64]  # (N,)
    hidden: NDArray[np.bool_]  # (N, S) whether the trained embedding of a token is hidden

    @property
    def row_sizes(self) -> NDArray[np.int64]:
        """Return the cost of each row (N,), in tokens."""
        return self.lengths

    def part(self, rows: slice) -> "LabelledTexts":
        """Return these rows alone, without padding that none of them needs."""
        lengths = self.lengths[rows]
        tokens = trim(self.tokens[rows], lengths)
        hidden = self.hidden[rows, : tokens.shape[1]]
        return LabelledTexts(tokens, lengths, self.classes[rows], hidden)


class ClassifierTraining:
    """Train a classifier and evaluate it on held-out texts."""

    def __init__(
        self,
        train: Examples,
        validation: Examples,
        labels: tuple[str, ...],
        tokenizer: Tokenizer,
        settings: Settings,
        ngrams: FittedNgrams | None = None,
        pretraining_texts: EncodedTexts | None = None,  # with labels and without
        vectors: TokenVectors | None = None,
        weights: tuple[float, ...] | None = None,  # of network and n-grams; None: to be fitted
        estimate_gain: Callable[[float], float | None] | None = None,  # in so many seconds
    ) -> None:
        self.labels = labels
        self.texts = train.texts
        self.pretraining_texts = pretraining_texts
        self._ngrams = ngrams
        self._weights = weights
        self.estimate_gain = estimate_gain
        self.tokenizer = tokenizer
        self._train, self._validation = train, validation
        self._settings = settings
        self.truncated = int((train.texts.lengths == MAX_TEXT_TOKENS).sum())
        self.steps_per_epoch = -(-len(train.texts) // settings.batch_size)
        self.front = _front(tokenizer, settings, vectors)
        self.model = SequenceClassifier(
            self.front,
            Stack(settings.cell, settings.num_layers, settings.hidden_size, bidirectional=True),
            Classes(len(labels)),
            DropoutRates(settings.dropout, settings.embedding_dropout),
        )
        self.vectors = vectors
        if vectors is not None:
            self.model.encoder.embedding.vectors = torch.from_numpy(vectors.values)
        self.files: TaskFiles = {} if ngrams is None else {NGRAMS: ngrams.model.write}

    def __getstate__(self) -> dict[str, Any]:
        """Return what the loss needs, for another process."""
        return {name: getattr(self, name) for name in ("model", "_settings")}

    def batches(self, epoch: int) -> Iterator[LabelledTexts]:
        """Yield the texts of one epoch in random batches of similar length."""
        rng = np.random.default_rng([self._settings.seed, epoch])
        for rows in bucketed_batches(self._train.texts.lengths, self._settings.batch_size, rng):
            batch = self._batch(self._train, rows)
            hidden = rng.random(batch.tokens.shape) < self._settings.word_dropout
            hidden &= (batch.tokens != PAD) & (batch.tokens != EOS)
            yield replace(batch, hidden=hidden)

    def loss(self, batch: LabelledTexts, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch, and the number of its texts."""
        classes = self.model.tensor(batch.classes)
        smoothing = self._settings.label_smoothing
        return (*classification_loss(self._logits(batch), classes, smoothing), carry)

    def evaluate(self, workers: Workers) -> Evaluation:
        """Calibrate the model on the held-out texts, and return its scores on them."""
        classes = self._validation.classes
        models = [self._validation_logits(workers)]  # (N, C)
        names = ["network"]
        if self._ngrams is not None:
            models.append(self._ngrams.validation)
            names.append("ngrams")
        logits = np.stack(models)  # (K, N, C)
        if self._weights is None:
            known = classes >= 0
            weights = fit_weights(logits[:, known], classes[known])  # (K,)
        else:
            weights = np.array(self._weights)
        scores = self._scores(combine(logits, weights))
        if self.ngrams_scores is not None and self.ngrams_scores["loss"] < scores["loss"]:
            weights = np.array([UNUSED, self._ngrams_weight])
            scores = self._scores(combine(logits, weights))
        return Evaluation(scores, dict(zip(names, weights.tolist(), strict=True)))

    @cached_property
    def ngrams_scores(self) -> Mapping[str, float] | None:
        """The scores of the n-gram model alone on the held-out texts; None if it never is."""
        if self._ngrams is None or self._weights is not None:
            return None
        weights = np.array([self._ngrams_weight])
        return self._scores(combine(self._ngrams.validation[None], weights))

    @cached_property
    def _ngrams_weight(self) -> float:
        """The weight with which the probabilities of the n-gram model alone are calibrated."""
        assert self._ngrams is not None
        classes = self._validation.classes
        known = classes >= 0
        (weight,) = fit_weights(self._ngrams.validation[None, known], classes[known])
        return float(weight)

    def _scores(self, logits: Floats) -> dict[str, float]:
        """Return the scores of logits (N, C) of the held-out texts."""
        classes = self._validation.classes
        has_known_class = classes >= 0
        log_probabilities = log_softmax(logits)  # (N, C)
        predicted = log_probabilities.argmax(1)
        num_classes = len(self.labels)  # also the class of unknown labels, which are mistakes
        targets = np.where(has_known_class, classes, num_classes)
        matrix = confusion_matrix(targets, predicted, num_classes + 1)
        likelihoods = np.take_along_axis(
            log_probabilities[has_known_class], classes[has_known_class, None], 1
        )
        scores = {
            "loss": -float(likelihoods.mean()),
            "accuracy": accuracy(matrix),
            "macro_f1": macro_f1(matrix),
        }
        if (positions := label_positions(self.labels)) is not None:
            of_known_class = matrix[:num_classes, :num_classes]
            scores["mean_absolute_error"] = mean_absolute_error(of_known_class, positions)
        return scores

    def _validation_logits(self, workers: Workers) -> Floats:
        """Return the network's logits (N, C) of the held-out texts."""
        texts = self._validation.texts
        logits = np.zeros((len(texts), len(self.labels)), np.float32)

        def score(rows: NDArray[np.int64]) -> None:
            logits[rows] = self._logits(self._batch(self._validation, rows)).float().cpu().numpy()

        workers.map(score, sorted_batches(texts.lengths, 2 * self._settings.batch_size))
        return logits

    def _batch(self, examples: Examples, rows: NDArray[np.int64]) -> LabelledTexts:
        tokens, lengths = examples.texts.pad(rows)
        return LabelledTexts(tokens, lengths, examples.classes[rows], np.zeros(tokens.shape, bool))

    def _logits(self, batch: LabelledTexts) -> Tensor:
        return self.model.classify(
            self.model.tensor(batch.tokens),
            self.model.tensor(batch.lengths),
            self.model.tensor(batch.hidden) if batch.hidden.any() else None,
        )


def _front(tokenizer: Tokenizer, settings: Settings, vectors: TokenVectors | None) -> Tokens:
    size, dim = tokenizer.vocab_size, settings.embedding_dim
    if vectors is None:
        return Tokens(size, dim)
    return Tokens(size, dim, vectors.values.shape[1], vectors.vectors_only)
