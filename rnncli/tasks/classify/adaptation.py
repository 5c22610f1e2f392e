"""Adapt a classifier to few texts: its encoder stays, and a regression on its outputs is fitted.

The logits of a text are those of the model, where labels have the same names, plus a linear
function of three blocks of features: the model's logits, the pooled outputs of its encoder, and the
n-grams of the text. Few texts fine-tune an encoder into something worse, a linear model of its
features does not (Kumar et al. 2022). All of it is linear in what the head and the n-gram model
read, so that the result is a head and an n-gram model again.

Shapes: N texts, C labels, K labels of the model, P pooled outputs, F features of a block.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from rnncli.config import Settings
from rnncli.data.batches import sorted_batches
from rnncli.data.encoded import EncodedTexts
from rnncli.data.values import column_values
from rnncli.messages import Announce, name_list, stage
from rnncli.networks.architecture import VECTORS
from rnncli.networks.model_numpy import SequenceClassifier
from rnncli.networks.numerics import Floats
from rnncli.storage.layout import NGRAMS
from rnncli.storage.model_names import model_name
from rnncli.storage.reading import SavedModel
from rnncli.tasks.classify.dual_regression import DualRegression
from rnncli.tasks.classify.fit_ngrams import MAX_BYTES, SMALL_CORPUS_NGRAMS, FittedNgrams
from rnncli.tasks.classify.ngrams import NgramFeatures, NgramModel, lengths
from rnncli.tasks.classify.train import ClassifierTraining, Examples
from rnncli.tasks.classify.vectors import TokenVectors
from rnncli.training.contract import TrainingData

# L2 penalties of the blocks, each of which is scaled to a mean squared length of 1.
LOGIT_PENALTIES = (0.03,)  # light: there are few of these features
POOLED_PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
NGRAM_PENALTIES = (1e-3, 1e-2, 1e-1)
BATCH_SIZE = 64  # texts that the encoder reads at once


@dataclass(frozen=True)
class AdaptedClassifier:
    """A head and an n-gram model, whose logits are added up."""

    weight: Floats  # (C, P)
    bias: Floats  # (C,)
    ngrams: NgramModel | None
    accuracy: float  # by cross-validation


class _DenseBlock:
    """Features of which each text has all."""

    def __init__(self, values: Floats) -> None:
        self._scale = np.float32(1 / math.sqrt(max(np.square(values).sum(1).mean(), 1e-12)))
        self._values: Floats = values * self._scale

    def kernel(self) -> Floats:
        """Return the products (N, N) of all texts, with a mean of 1 on the diagonal."""
        return self._values @ self._values.T

    def weight(self, dual: Floats) -> Floats:
        """Return the weights (F, C) of the features, from those of the texts (N, C)."""
        weight: Floats = (self._values.T @ dual) * self._scale
        return weight


class _NgramBlock:
    """Features of which each text has a few: its n-grams."""

    def __init__(self, features: NgramFeatures, texts: Sequence[str]) -> None:
        buckets, starts = features.extract(texts)
        counts = lengths(buckets, starts)
        self.buckets, self._rows = np.unique(buckets, return_inverse=True)
        self._texts = np.repeat(np.arange(len(counts)), counts)
        self._bounds = np.append(starts, len(buckets))
        values = features.scale(counts)
        mean = max(float((counts * values**2).mean()), 1e-12)
        self._scale = np.float32(1 / math.sqrt(mean))
        self._values = values * self._scale

    def kernel(self) -> Floats:
        """Return the products (N, N) of all texts, with a mean of 1 on the diagonal."""
        number = len(self._values)
        kernel = np.empty((number, number), np.float32)
        for i in range(number):
            row = np.zeros(len(self.buckets), np.float32)
            row[self._rows[self._bounds[i] : self._bounds[i + 1]]] = self._values[i]
            kernel[i] = np.bincount(self._texts, row[self._rows], number) * self._values
        return kernel

    def weight(self, dual: Floats) -> Floats:
        """Return the weights (F, C) of the buckets, from those of the texts (N, C)."""
        scaled = dual * (self._values * self._scale)[:, None]
        columns = [
            np.bincount(self._rows, column[self._texts], len(self.buckets)) for column in scaled.T
        ]
        return np.stack(columns, 1).astype(np.float32)


def announce_adaptation(model: SavedModel, labels: Sequence[str], announce: Announce) -> None:
    """Tell what of a model is kept, and which labels are new."""
    known = set(model.description.labels)
    new = [label for label in labels if label not in known]
    kept = [label for label in labels if label in known]
    announce(
        f"adapting {model_name(model.path)}: its vocabulary"
        + (" and word vectors stay" if VECTORS in model.weights else " stays")
        + (f"; labels that it has: {name_list(kept)}" if kept else "")
        + (f"; new labels: {name_list(new)}" if new else "")
    )


def adapted_training(
    model: SavedModel,
    data: TrainingData,
    train: Examples,
    validation: Examples,
    labels: tuple[str, ...],
    settings: Settings,
    announce: Announce,
) -> ClassifierTraining:
    """Build a classifier with the encoder of a model, and fit the rest of it."""
    with_ngrams = settings.ngrams and len(labels) > 1
    texts = list(column_values(data.train, "text"))
    adapted = adapt(model, texts, train.texts, train.classes, labels, with_ngrams=with_ngrams)
    announce(
        "the encoder stays as it is; head and n-gram model: fitted, accuracy "
        f"{100 * adapted.accuracy:.1f} % in cross-validation of the {len(texts):,} texts "
        "(--no-freeze trains all)"
    )
    ngrams: FittedNgrams | None = None
    if adapted.ngrams is not None:
        held_out = adapted.ngrams(list(column_values(data.validation, "text")))
        ngrams = FittedNgrams(adapted.ngrams, held_out, len(texts), is_complete=True)
    training = ClassifierTraining(
        train,
        validation,
        labels,
        model.require_tokenizer(),
        settings,
        ngrams,
        vectors=TokenVectors.of(model),
        weights=(1.0,) if ngrams is None else (1.0, 1.0),
    )
    weights = {name: torch.from_numpy(np.array(x)) for name, x in model.weights.items()}
    weights["head.output.weight"] = torch.from_numpy(adapted.weight)
    weights["head.output.bias"] = torch.from_numpy(adapted.bias)
    training.model.load_state_dict(weights)
    return training


@stage("adapting the classifier")
def adapt(
    model: SavedModel,
    texts: Sequence[str],
    encoded: EncodedTexts,
    classes: NDArray[np.int64],
    labels: Sequence[str],
    *,
    with_ngrams: bool,
) -> AdaptedClassifier:
    """Fit a head and an n-gram model to the classes (N,) of texts."""
    head, ngrams = _weighted_parts(model, with_ngrams=with_ngrams)
    pooled = _pool(model, encoded)  # (N, P)
    centre = pooled.mean(0)
    logits = (pooled - centre) @ head  # (N, K)
    if ngrams is not None:
        logits += ngrams(texts)
    logit_centre = logits.mean(0)
    logits -= logit_centre
    blocks: list[_DenseBlock | _NgramBlock] = [_DenseBlock(logits), _DenseBlock(pooled - centre)]
    penalties = [LOGIT_PENALTIES, POOLED_PENALTIES]
    if with_ngrams:
        features = SMALL_CORPUS_NGRAMS[0] if ngrams is None else ngrams.features
        ngram_block = _NgramBlock(features, texts)
        blocks.append(ngram_block)
        penalties.append(NGRAM_PENALTIES)
    known = [[name == label for label in labels] for name in model.description.labels]
    same_label = np.array(known, np.float32)  # (K, C)
    regression = DualRegression([block.kernel() for block in blocks], logits @ same_label, classes)
    best, accuracy = regression.choose(list(product(*penalties)))
    dual, bias = regression.fit(best)  # (N, C), (C,)
    by_logits, weight, *by_bucket = (
        block.weight(dual / np.float32(penalty))
        for block, penalty in zip(blocks, best, strict=True)
    )
    by_logits += same_label  # (K, C)
    weight += head @ by_logits  # (P, C)
    bias -= centre @ weight + logit_centre @ by_logits
    adapted: NgramModel | None = None
    if with_ngrams:
        adapted = NgramModel(features, ngram_block.buckets, by_bucket[0], np.zeros_like(bias))
        if ngrams is not None:
            adapted = _sum(adapted, replace(ngrams, weight=ngrams.weight @ by_logits))
        adapted = _as_saved(adapted)
    return AdaptedClassifier(np.ascontiguousarray(weight.T), bias, adapted, accuracy)


def _pool(model: SavedModel, texts: EncodedTexts) -> Floats:
    """Return the pooled outputs (N, P) of a model's encoder."""
    network = model.network
    assert isinstance(network, SequenceClassifier)
    pooled = np.empty((len(texts), len(model.weights["head.output.weight"].T)), np.float32)
    for rows in sorted_batches(texts.lengths, BATCH_SIZE):
        pooled[rows] = network.pool(*texts.pad(rows, multiple_of=1))
    return pooled


def _weighted_parts(model: SavedModel, *, with_ngrams: bool) -> tuple[Floats, NgramModel | None]:
    """Return the weights (P, K) of a model's head, and its n-grams, as it combines them."""
    tuned = model.description.tuned
    head = _centred(model.weights["head.output.weight"].T * np.float32(tuned.get("network", 1.0)))
    if not with_ngrams or (file := model.task_files.get(NGRAMS)) is None:
        return head, None
    ngrams = NgramModel.read(file, head.shape[1])
    weight = _centred(ngrams.weight * np.float32(tuned.get("ngrams", 1.0)))
    return head, replace(ngrams, weight=weight, bias=np.zeros_like(ngrams.bias))


def _centred(weight: Floats) -> Floats:
    """Return weights (F, K) of logits whose mean is 0, which have the same softmax."""
    centred: Floats = weight - weight.mean(1, keepdims=True)
    return centred


def _sum(first: NgramModel, second: NgramModel) -> NgramModel:
    """Return a model whose logits are the sum of two, or as much of it as a model may have."""
    buckets = np.union1d(first.buckets, second.buckets)
    weight = np.zeros((len(buckets), len(first.bias)), np.float32)
    for model in (first, second):
        weight[np.searchsorted(buckets, model.buckets)] += model.weight
    largest = np.argsort(-np.abs(_centred(weight)).max(1), kind="stable")
    kept = np.sort(largest[: MAX_BYTES // (4 + 2 * len(first.bias))])
    return replace(first, buckets=buckets[kept], weight=weight[kept])


def _as_saved(model: NgramModel) -> NgramModel:
    """Return a model with the rounded weights that its file has."""
    return replace(model, weight=model.weight.astype(np.float16).astype(np.float32))
