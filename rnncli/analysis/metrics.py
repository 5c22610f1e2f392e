"""Scores of models and their confidence intervals, in NumPy."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]  # the ends of a 95 % confidence interval

QUANTILE = 1.959964  # of the normal distribution, for 95 %
RESAMPLES = 1_000  # of a bootstrap: the error of an end is 2 % of the width
BINS = 15  # of probabilities, as in Guo et al. 2017


def confusion_matrix(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """Count texts (C, C) by their true class, in rows, and predicted class, in columns."""
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of a class, and the number of its texts."""

    precision: float
    recall: float
    f1: float
    support: int


def class_scores(matrix: NDArray[np.int64]) -> list[ClassScores]:
    """Compute the scores of each class from a confusion matrix; 0 where undefined."""
    scores = []
    for i, row in enumerate(matrix):
        hits, support, predicted = int(matrix[i, i]), int(row.sum()), int(matrix[:, i].sum())
        f1 = 2 * hits / (support + predicted) if support + predicted else 0.0
        scores.append(
            ClassScores(
                hits / predicted if predicted else 0, hits / support if support else 0, f1, support
            )
        )
    return scores


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Compute the accuracy from a confusion matrix."""
    return float(matrix.trace() / max(matrix.sum(), 1))


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Compute the mean F1 of the classes that occur, as true or predicted ones."""
    return _macro_f1(matrix.diagonal(), matrix.sum(0) + matrix.sum(1))


def _macro_f1(hits: NDArray[Any], sizes: NDArray[Any]) -> float:
    """Compute macro-F1 from the hits (C,) and the true plus predicted texts (C,) of each class."""
    present = sizes > 0
    return float((2 * hits[present] / sizes[present]).sum() / max(int(present.sum()), 1))


def wilson_interval(hits: int, total: int) -> Interval:
    """Compute the confidence interval of a proportion (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, weight = hits / total, QUANTILE**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    # Rounding must not exclude the share where all or none are right.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def macro_f1_interval(matrix: NDArray[np.int64]) -> Interval:
    """Compute the interval of macro-F1 by a bootstrap over examples (Efron 1979)."""
    total = int(matrix.sum())
    if not total:
        return 0.0, 1.0
    truth, predicted = matrix.nonzero()  # (K,) pairs of classes that occur
    shares, is_hit = matrix[truth, predicted] / total, truth == predicted
    n, rng = len(matrix), np.random.default_rng(0)
    scores = []
    for _ in range(RESAMPLES):
        draws = rng.multinomial(total, shares)  # (K,) examples of each pair
        sizes = np.bincount(truth, draws, n) + np.bincount(predicted, draws, n)
        scores.append(_macro_f1(np.bincount(truth, draws * is_hit, n), sizes))
    return percentile_interval(np.array(scores))


@dataclass(frozen=True)
class OrdinalScores:
    """Scores of ordered classes, in steps of their scale, with 95 % intervals."""

    mean_absolute_error: float
    mean_absolute_error_interval: Interval
    within_one: float  # the share of texts with an error of one step at most
    within_one_interval: Interval


def mean_absolute_error(matrix: NDArray[np.int64], positions: NDArray[np.float64]) -> float:
    """Compute the mean distance of predicted from true classes, at positions (C,) on a scale."""
    distances = np.abs(np.subtract.outer(positions, positions))  # (C, C)
    return float((matrix * distances).sum() / max(matrix.sum(), 1))


def ordinal_scores(matrix: NDArray[np.int64], positions: NDArray[np.float64]) -> OrdinalScores:
    """Score one text or more by a confusion matrix (C, C) and the positions (C,) of the classes.

    The interval of the mean absolute error is that of a bootstrap over texts.
    """
    truth, predicted = matrix.nonzero()  # (K,) pairs of classes that occur
    counts, total = matrix[truth, predicted], int(matrix.sum())
    errors = np.abs(positions[truth] - positions[predicted])  # (K,)
    draws = np.random.default_rng(0).multinomial(total, counts / total, RESAMPLES)  # (R, K)
    near = int(counts[errors < 1 + 1e-6].sum())  # positions are rounded
    return OrdinalScores(
        mean_absolute_error(matrix, positions),
        percentile_interval(draws @ errors / total),
        near / total,
        wilson_interval(near, total),
    )


def percentile_interval(values: NDArray[np.float64]) -> Interval:
    """Compute the percentile interval of bootstrap values (Efron 1979)."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class ReliabilityBin:
    """A bin of predictions of similar probability: the mean probability and the accuracy."""

    low: float
    high: float
    texts: int
    probability: float  # the mean
    right: float  # the share


def reliability(
    probabilities: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS
) -> list[ReliabilityBin]:
    """Compute the non-empty bins of a reliability diagram (Guo et al. 2017, section 2)."""
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    reliability_bins = []
    for b in np.unique(index).tolist():
        inside = index == b
        means = float(probabilities[inside].mean()), float(correct[inside].mean())
        reliability_bins.append(ReliabilityBin(b / bins, (b + 1) / bins, int(inside.sum()), *means))
    return reliability_bins


def calibration_error(
    probabilities: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS
) -> float:
    """Compute the expected calibration error over equal bins (Guo et al. 2017, section 2)."""
    gaps = [
        b.texts * abs(b.right - b.probability) for b in reliability(probabilities, correct, bins)
    ]
    return sum(gaps) / max(1, len(correct))


def calibration_error_by_chance(probabilities: NDArray[np.float64], bins: int = BINS) -> float:
    """Compute the expected calibration error of a perfectly calibrated classifier.

    On few texts it is far from 0: the number of right labels in a bin varies as a sum of Bernoulli
    variables (here its mean absolute deviation by the normal approximation).
    """
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    variances = np.bincount(index, probabilities * (1 - probabilities))
    return float(np.sqrt(2 / np.pi * variances).sum()) / max(1, len(probabilities))


def perplexity(nats: float) -> float:
    """Convert a loss in nats to perplexity, infinite where it overflows."""
    return math.exp(nats) if nats < 700 else math.inf


def bits(nats: float) -> float:
    """Convert nats to bits."""
    return nats / math.log(2)
