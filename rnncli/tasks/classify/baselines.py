"""Baselines for a classifier: the majority class and naive Bayes."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.data.values import column_values
from rnncli.messages import Announce, stage
from rnncli.tasks.classify.ngrams import NgramFeatures, NgramModel, lengths, lookup
from rnncli.tasks.classify.targets import LabelScores, Targets
from rnncli.tasks.evaluation import BATCH_SIZE
from rnncli.tasks.evaluation_data import EvaluationData
from rnncli.text.batching import batched

if TYPE_CHECKING:
    from datasets import Dataset

MAX_CHARACTERS = 10_000  # of a text; few are longer
MAX_TRAINING_CHARACTERS = 40_000_000  # all of IMDb, in six seconds and 0.3 GB
MAX_WEIGHTS = 1 << 23  # of the n-grams that occur most: bounds memory where there are many classes
NGRAMS = NgramFeatures(word_orders=(1, 2), character_orders=())


@stage("training the baselines")
def baseline_scores(
    targets: Targets, data: EvaluationData, announce: Announce
) -> dict[str, LabelScores]:
    """Score baselines, trained on the training data of the model where that can be read."""
    if data.train is None:
        return {}
    train = _subset(data.train, announce)
    labels = list(column_values(train, "label"))
    if set(labels) - set(targets.known_labels):
        announce("baselines left out: the training data has labels that the model lacks")
        return {}
    classes = targets.classes_of(labels)
    bayes = naive_bayes(_truncated_texts(train), classes, len(targets.known_labels))
    texts = batched(_truncated_texts(data.rows), max_items=BATCH_SIZE)
    majority = np.bincount(classes).argmax()
    answers = {
        "naive_bayes": np.concatenate([bayes(batch).argmax(1) for batch in texts]),
        "majority_class": np.full(len(data.rows), majority),
    }
    return {name: targets.scores(predicted) for name, predicted in answers.items()}


def naive_bayes(texts: Iterable[str], classes: NDArray[np.int64], num_classes: int) -> NgramModel:
    """Fit multinomial naive Bayes to the words and bigrams of texts (McCallum and Nigam 1998).

    A text counts each of its n-grams once (Wang and Manning 2012, section 2.1); one is added to the
    count of each n-gram in each class.
    """
    buckets, starts = NGRAMS.extract(texts)
    ngrams, counts = np.unique(buckets, return_counts=True)  # (U,)
    ngrams = np.sort(ngrams[np.argsort(-counts, kind="stable")[: MAX_WEIGHTS // num_classes]])
    rows, starts = lookup(ngrams, buckets, starts)
    cells = rows * num_classes + np.repeat(classes, lengths(rows, starts))
    table = np.bincount(cells, minlength=len(ngrams) * num_classes).reshape(-1, num_classes)
    log_p = np.log((table + 1) / (table + 1).sum(0))  # (U, C), P(n-gram | class)
    with np.errstate(divide="ignore"):  # a class without texts is never predicted
        log_prior = np.log(np.bincount(classes, minlength=num_classes) / len(classes))
    return NgramModel(NGRAMS, ngrams, log_p - log_p.mean(1, keepdims=True), log_prior)


def _truncated_texts(rows: "Dataset") -> Iterator[str]:
    return (text[:MAX_CHARACTERS] for text in column_values(rows, "text"))


def _subset(rows: "Dataset", announce: Announce) -> "Dataset":
    """Draw as many rows as fit into memory."""
    characters = np.array([len(text) for text in _truncated_texts(rows)])
    order = np.random.default_rng(0).permutation(len(rows))
    number = max(1, int((characters[order].cumsum() <= MAX_TRAINING_CHARACTERS).sum()))
    if number == len(rows):
        return rows
    announce(f"baselines are trained on {number:,} of {len(rows):,} texts, to bound memory")
    return rows.select(np.sort(order[:number]))
