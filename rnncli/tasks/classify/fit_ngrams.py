"""Fit a linear n-gram model: a convex problem, solved before the network trains.

Held-out texts decide which n-grams it has, and how strong their penalty is.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from rnncli.data.values import column_values
from rnncli.messages import stage
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.classify.ngrams import NgramFeatures, NgramModel, lengths, lookup
from rnncli.tasks.classify.regression import NgramRows, Regression
from rnncli.tasks.sizes import NAME_LENGTH
from rnncli.training.contract import TrainingData
from rnncli.training.parallel import Workers

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
# L2 penalties, from strong to weak, until the loss on the held-out texts rises.
PENALTIES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
# Shares of the time after which no more n-grams of texts are extracted: of those that are fitted,
# and of both parts. The rest of a fit takes about twice as long.
TRAIN_SHARE, BOTH_SHARE = 0.25, 0.35
MIN_TEXTS = 1_000  # that are fitted, whatever the time
MAX_WEIGHTS = 1 << 23  # of the most frequent n-grams, which are fitted: bounds memory


@dataclass(frozen=True)
class FittedNgrams:
    """A linear n-gram model, and its logits of the held-out texts."""

    model: NgramModel
    validation: Floats  # (N, C) logits
    num_texts: int  # that it was fitted to
    is_complete: bool  # nothing was left out for lack of time


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


@dataclass(frozen=True)
class NgramFit:
    """A model, its loss on the held-out texts in nats, and the penalty that it was fitted with."""

    model: NgramModel
    loss: float
    penalty: float


@dataclass(frozen=True)
class NgramFitter:
    """Fit n-gram models of ``max_ngrams`` n-grams at most.

    All are in at least ``min_count`` texts if any is. After the ``deadline``, as
    ``time.monotonic`` tells it, the best model so far is taken.
    """

    num_classes: int
    min_count: int
    max_ngrams: int
    workers: Workers
    deadline: float = math.inf

    def is_over(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() > self.deadline

    def fit(
        self,
        features: NgramFeatures,
        train: NgramExamples,
        validation: NgramExamples,
        penalties: Sequence[float] = PENALTIES,
    ) -> NgramFit:
        """Fit a model with each penalty; return the best on the validation part."""
        buckets, counts = np.unique(train.buckets, return_counts=True)
        is_frequent = counts >= min(self.min_count, counts.max())
        buckets, counts = buckets[is_frequent], counts[is_frequent]
        buckets, counts = _largest(counts, MAX_WEIGHTS // self.num_classes, buckets, counts)
        mean_scale = float(features.scale(train.counts).mean())  # divided by, to suit the penalties
        texts, validation_texts = (
            NgramRows(
                *lookup(buckets, part.buckets, part.starts),
                features.scale(part.counts) / np.float32(mean_scale),
            )
            for part in (train, validation)
        )
        regression = Regression(texts, train.classes, len(buckets), self.num_classes, self.workers)
        loss, weight, bias, penalty = self._best(
            regression, validation_texts, validation, penalties
        )
        # Rank n-grams by their effect on the classes and their frequency.
        effect = np.abs(weight - weight.mean(1, keepdims=True)).max(1) * np.sqrt(counts)  # (U,)
        buckets, weight = _largest(effect, self.max_ngrams, buckets, weight)
        model = NgramModel(features, buckets, (weight / mean_scale).astype(np.float32), bias)
        return NgramFit(model, loss, penalty)

    def _best(
        self,
        regression: Regression,
        texts: NgramRows,
        validation: NgramExamples,
        penalties: Sequence[float],
    ) -> tuple[float, Floats, Floats, float]:
        """Return the lowest loss on the validation part, with its weights, biases and penalty."""
        has_known_class = torch.from_numpy(validation.classes >= 0)
        targets = torch.from_numpy(validation.classes)[has_known_class]
        best = None
        for penalty in penalties:  # each starts from the weights of the one before
            regression.fit(penalty, self.is_over)
            logits = regression.score(texts)[has_known_class]
            loss = F.cross_entropy(logits, targets).item()
            if best is not None and loss > best[0]:
                break
            best = loss, regression.weight.numpy(), regression.bias.numpy(), penalty
            if self.is_over():
                break
        assert best is not None
        return best


@stage("fitting the n-gram model")
def select_ngrams(
    data: TrainingData,
    classes: NDArray[np.int64],
    validation_classes: NDArray[np.int64],
    num_classes: int,
    min_count: int,
    num_workers: int | None = None,
    seconds: float = math.inf,
) -> FittedNgrams:
    """Fit a linear model of each candidate set of n-grams; return the best on the held-out texts.

    ``classes`` are those of the texts; -1 for labels that training has not seen. Where ``seconds``
    are too few for all of them, fewer penalties, candidates and texts are tried.
    """
    began = time.monotonic()
    train = _Texts.read(data.train, classes)
    validation = _Texts.read(data.validation, validation_classes)
    if are_names(data.train):
        candidates = NAME_NGRAMS
    else:
        is_small = sum(map(len, train.texts)) <= SMALL_CORPUS
        candidates = SMALL_CORPUS_NGRAMS if is_small else LARGE_CORPUS_NGRAMS
    max_ngrams = max(1, MAX_BYTES // (4 + 2 * num_classes))  # a bucket, and half-precision weights
    total = len(train.texts)
    fits: list[NgramFit] = []
    penalties: Sequence[float] = PENALTIES
    with _parallel(num_workers) as workers:
        fitter = NgramFitter(num_classes, min_count, max_ngrams, workers, began + seconds)
        for features in candidates:
            start = time.monotonic()
            if fits:  # with the same texts
                seconds = math.inf
            train, examples = train.extract(features, began + TRAIN_SHARE * seconds)
            validation, held_out = validation.extract(features, began + BOTH_SHARE * seconds)
            fits.append(fitter.fit(features, examples, held_out, penalties))
            # Fits of the next candidate start with the best penalty, and take as long.
            penalties = PENALTIES[PENALTIES.index(fits[-1].penalty) :]
            if 2 * time.monotonic() - start > fitter.deadline:
                break
    model = min(fits, key=attrgetter("loss")).model
    weight, bias = (x.astype(np.float16).astype(np.float32) for x in (model.weight, model.bias))
    model = replace(model, weight=weight, bias=bias)  # as it will be saved
    logits = model(list(column_values(data.validation, "text")))
    num_texts = len(train.texts)
    is_complete = (num_texts, len(fits)) == (total, len(candidates)) and not fitter.is_over()
    return FittedNgrams(model, logits, num_texts, is_complete)


@dataclass(frozen=True)
class _Texts:
    """Texts in random order, and their classes."""

    texts: list[str]
    classes: NDArray[np.int64]

    @classmethod
    def read(cls, part: "Dataset", classes: NDArray[np.int64]) -> "_Texts":
        """Read the texts of a part, or as many of them as are fitted at most."""
        if len(part) > MAX_TEXTS:
            rows = np.linspace(0, len(part) - 1, MAX_TEXTS).astype(np.int64)
            part, classes = part.select(rows), classes[rows]
        texts = list(column_values(part, "text"))
        order = np.random.default_rng(0).permutation(len(texts))
        return cls([texts[i] for i in order], classes[order])

    def extract(self, features: NgramFeatures, deadline: float) -> "tuple[_Texts, NgramExamples]":
        """Extract the n-grams of the texts that there is time for; return these texts, too."""

        def texts() -> Iterator[str]:
            for i, text in enumerate(self.texts):
                if i >= MIN_TEXTS and time.monotonic() > deadline:
                    break
                yield text

        buckets, starts = features.extract(texts())
        extracted = _Texts(self.texts[: len(starts)], self.classes[: len(starts)])
        return extracted, NgramExamples(buckets, starts, extracted.classes)


@contextmanager
def _parallel(num_workers: int | None) -> Iterator[Workers]:
    """Compute with workers, as many as there are threads by default, and one thread in each.

    Threads inside operations would wait for one another where other programs need a processor.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with closing(Workers(num_workers or threads)) as workers:
            yield workers
    finally:
        torch.set_num_threads(threads)


def are_names(texts: "Dataset") -> bool:
    """Return whether texts are names, by their mean length."""
    return words_a_text(texts) < NAME_LENGTH


def words_a_text(texts: "Dataset") -> float:
    """Return the mean number of words in the first texts."""
    sample = list(islice(column_values(texts, "text"), LENGTH_SAMPLE))
    return sum(len(text.split()) for text in sample) / len(sample)


def _largest(measure: NDArray[Any], number: int, *arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the rows of arrays with the largest ``measure``, in their order."""
    rows = np.sort(np.argsort(-measure, kind="stable")[:number])
    return tuple(array[rows] for array in arrays)
