"""Fit a linear n-gram model: a convex problem, solved before the network trains.

N-grams are scaled by their naive Bayes log-count ratios (Wang and Manning 2012, section 2.2), and
weighted by a logistic regression.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rnncli.data.values import column_values
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.classify.ngrams import NgramFeatures, NgramModel, lengths, lookup
from rnncli.tasks.embeddings import csr_matrix
from rnncli.tasks.sizes import NAME_LENGTH
from rnncli.training.contract import TrainingData

if TYPE_CHECKING:
    from datasets import Dataset

# Candidates: the one with the lowest loss on the held-out texts is selected.
SMALL_CORPUS_NGRAMS: tuple[NgramFeatures, ...] = (
    NgramFeatures(word_orders=(1, 2), character_orders=(2, 4, 6), normalised=True),
    NgramFeatures(word_orders=(1, 2), character_orders=(2, 4, 6), max_skip=5, normalised=True),
)
LARGE_CORPUS_NGRAMS: tuple[NgramFeatures, ...] = (
    NgramFeatures(word_orders=(1, 2, 3), character_orders=(), normalised=True),
)
NAME_NGRAMS: tuple[NgramFeatures, ...] = (
    NgramFeatures(word_orders=(), character_orders=(1, 2, 3, 4, 5)),
)
SMALL_CORPUS = 3_000_000  # characters: a larger corpus has enough words and word trigrams
LENGTH_SAMPLE = 1_000  # texts whose mean length is computed
MAX_TEXTS = 200_000  # to which the model is fitted: bounds memory
MAX_BYTES = 1_500_000  # of the model: a classifier has 8 MB with all words known
SMOOTHING = 1.0  # texts added to each count
# L2 penalties, from strong to weak, until the loss on the held-out texts rises.
PENALTIES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
ITERATIONS, HISTORY = 30, 10  # of L-BFGS: more change no prediction
MAX_WEIGHTS = 1 << 23  # of the most frequent n-grams, which are fitted: bounds memory


@dataclass(frozen=True)
class FittedNgrams:
    """A linear n-gram model, and its logits of the held-out texts."""

    model: NgramModel
    validation: Floats  # (N, C) logits


def select_ngrams(
    data: TrainingData,
    classes: NDArray[np.int64],
    validation_classes: NDArray[np.int64],
    num_classes: int,
    min_count: int,
) -> FittedNgrams:
    """Fit a linear model of each candidate set of n-grams; return the best on the held-out texts.

    ``classes`` are those of the texts; -1 for labels that training has not seen.
    """
    train, validation = data.train, data.validation
    if len(train) > MAX_TEXTS:
        rows = np.linspace(0, len(train) - 1, MAX_TEXTS).astype(np.int64)
        train, classes = train.select(rows), classes[rows]
    if are_names(train):
        candidates = NAME_NGRAMS
    else:
        characters = sum(map(len, column_values(train, "text")))
        candidates = SMALL_CORPUS_NGRAMS if characters <= SMALL_CORPUS else LARGE_CORPUS_NGRAMS
    max_ngrams = max(1, MAX_BYTES // (4 + 2 * num_classes))  # a bucket, and half-precision weights

    def fit(features: NgramFeatures) -> tuple[NgramModel, float]:
        train_examples, validation_examples = (
            NgramExamples(*features.extract(column_values(part, "text")), part_classes)
            for part, part_classes in ((train, classes), (validation, validation_classes))
        )
        return fit_ngrams(
            features, train_examples, validation_examples, num_classes, min_count, max_ngrams
        )

    model, _ = min(map(fit, candidates), key=itemgetter(1))
    weight, bias = (x.astype(np.float16).astype(np.float32) for x in (model.weight, model.bias))
    model = replace(model, weight=weight, bias=bias)  # as it will be saved
    return FittedNgrams(model, model(list(column_values(validation, "text"))))


def are_names(texts: "Dataset") -> bool:
    """Return whether texts are names, by their mean length."""
    return words_a_text(texts) < NAME_LENGTH


def words_a_text(texts: "Dataset") -> float:
    """Return the mean number of words in the first texts."""
    sample = list(islice(column_values(texts, "text"), LENGTH_SAMPLE))
    return sum(len(text.split()) for text in sample) / len(sample)


@dataclass(frozen=True)
class NgramExamples:
    """The n-grams of texts, and the classes of the texts."""

    buckets: Ints  # (F,) of all texts, end to end
    starts: Ints  # (N,) where each text's begin
    classes: NDArray[np.int64]  # (N,); -1: unknown, for validation only

    @property
    def counts(self) -> Ints:
        """Return the number of n-grams of each text (N,)."""
        return lengths(self.buckets, self.starts)


def fit_ngrams(
    ngrams: NgramFeatures,
    train: NgramExamples,
    validation: NgramExamples,
    num_classes: int,
    min_count: int,
    max_ngrams: int,
) -> tuple[NgramModel, float]:
    """Fit a model with each penalty; return the best on the validation part, and its loss in nats.

    It has ``max_ngrams`` n-grams at most, all in at least ``min_count`` texts if any is.
    """
    buckets, counts = np.unique(train.buckets, return_counts=True)
    is_frequent = counts >= min(min_count, counts.max())
    buckets, counts = buckets[is_frequent], counts[is_frequent]
    buckets, counts = _largest(counts, MAX_WEIGHTS // num_classes, buckets, counts)
    mean_scale = float(ngrams.scale(train.counts).mean())  # divided by, to suit the penalties
    features, validation_features = (
        _matrix(part, buckets, ngrams.scale(part.counts) / mean_scale)
        for part in (train, validation)
    )  # (N, U) each
    transposed = features.t().to_sparse_csr()  # (U, N)
    classes = F.one_hot(torch.from_numpy(train.classes), num_classes).float()  # (N, C)
    ratios = _log_count_ratios(transposed @ classes)  # (U, C)
    regression = _Regression(features, transposed, classes, ratios)
    has_known_class = torch.from_numpy(validation.classes >= 0)
    targets = torch.from_numpy(validation.classes)[has_known_class]
    weights, bias = torch.zeros_like(ratios), torch.zeros(num_classes)
    best_fit = None
    for penalty in PENALTIES:  # each starts from the weights of the one before
        regression.minimise(weights, bias, penalty)
        loss = F.cross_entropy(
            (validation_features @ (ratios * weights) + bias)[has_known_class], targets
        ).item()
        if best_fit is not None and loss > best_fit[0]:
            break
        best_fit = loss, (ratios * weights).numpy(), bias.numpy().copy()
    assert best_fit is not None
    loss, weight, best_bias = best_fit
    # Rank n-grams by their effect on the classes and their frequency.
    effect = np.abs(weight - weight.mean(1, keepdims=True)).max(1) * np.sqrt(counts)  # (U,)
    buckets, weight = _largest(effect, max_ngrams, buckets, weight)
    return NgramModel(ngrams, buckets, (weight / mean_scale).astype(np.float32), best_bias), loss


def _largest(measure: NDArray[Any], number: int, *arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the rows of arrays with the largest ``measure``, in their order."""
    rows = np.sort(np.argsort(-measure, kind="stable")[:number])
    return tuple(array[rows] for array in arrays)


def _matrix(examples: NgramExamples, buckets: Ints, scale: Floats) -> Tensor:
    """Return the sparse matrix (N, U) of the buckets (U,) of each text, with values (N,)."""
    rows, starts = lookup(buckets, examples.buckets, examples.starts)
    values = np.repeat(scale, lengths(rows, starts))
    return csr_matrix(np.append(starts, len(rows)), rows, values, len(buckets))


def _log_count_ratios(counts: Tensor) -> Tensor:
    """Return the log-count ratios (U, C) of n-grams, a class against all others."""
    inside = counts + SMOOTHING
    outside = counts.sum(1, keepdim=True) - counts + SMOOTHING
    return (inside / inside.sum(0)).log() - (outside / outside.sum(0)).log()


@dataclass(frozen=True)
class _Regression:
    """A logistic regression on n-grams, each scaled by its log-count ratios."""

    texts: Tensor  # (N, U) which n-grams each has, and their values, sparse
    texts_transposed: Tensor  # (U, N)
    classes: Tensor  # (N, C) one-hot
    ratios: Tensor  # (U, C)

    def minimise(self, weights: Tensor, bias: Tensor, penalty: float) -> None:
        """Fit the weights (U, C) and biases (C,), in place."""
        optimizer = torch.optim.LBFGS(
            [weights, bias],
            max_iter=ITERATIONS,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
        )

        def closure() -> float:
            log_p = (self.texts @ (self.ratios * weights) + bias).log_softmax(1)  # (N, C)
            excess = (log_p.exp() - self.classes) / len(log_p)  # (N, C)
            weights.grad = self.ratios * (self.texts_transposed @ excess) + penalty * weights
            bias.grad = excess.sum(0)
            loss = -(self.classes * log_p).sum() / len(log_p)
            return (loss + penalty / 2 * weights.square().sum()).item()

        step: Callable[[Callable[[], float]], float] = optimizer.step
        step(closure)
