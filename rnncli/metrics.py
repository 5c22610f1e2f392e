"""Scores of models; NumPy, and sacreBLEU for translations."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """Count (C, C): rows are the true classes, columns the predicted ones."""
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of one class, and how many texts have it."""

    precision: float
    recall: float
    f1: float
    support: int


def class_scores(matrix: NDArray[np.int64]) -> list[ClassScores]:
    """Return the scores of each class from a confusion matrix; 0 where nothing can be divided."""
    scores = []
    for i, row in enumerate(matrix):
        hits, support, chosen = int(matrix[i, i]), int(row.sum()), int(matrix[:, i].sum())
        f1 = 2 * hits / (support + chosen) if support + chosen else 0.0
        scores.append(
            ClassScores(
                hits / chosen if chosen else 0, hits / support if support else 0, f1, support
            )
        )
    return scores


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Return the share of the diagonal."""
    return float(matrix.trace() / max(matrix.sum(), 1))


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Return the mean F1 of the classes that occur, in the truth or in the predictions."""
    present = (matrix.sum(0) + matrix.sum(1)) > 0
    values = [score.f1 for score, there in zip(class_scores(matrix), present, strict=True) if there]
    return sum(values) / max(len(values), 1)


def calibration_error(
    probabilities: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 15
) -> float:
    """Return the expected calibration error (Guo et al. 2017, section 2) over equal bins."""
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            gap = abs(correct[inside].mean() - probabilities[inside].mean())
            error += float(inside.mean() * gap)
    return error


def perplexity(nats: float) -> float:
    """Return exp of a loss in nats, infinite where it overflows."""
    return math.exp(nats) if nats < 700 else math.inf


def bits(nats: float) -> float:
    """Return a loss in nats as bits."""
    return nats / math.log(2)


@dataclass(frozen=True)
class TranslationScore:
    """One sacreBLEU score and the signature that says how it was computed."""

    name: str
    score: float
    signature: str


def translation_scores(
    outputs: Sequence[str], references: Sequence[str], tokenize: str
) -> list[TranslationScore]:
    """Return BLEU, cased and lower-cased, and chrF (Post 2018; Popovic 2015)."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    scores = []
    for name, metric in (
        ("BLEU", BLEU(tokenize=tokenize)),
        ("BLEU lower-cased", BLEU(tokenize=tokenize, lowercase=True)),
        ("chrF2", CHRF()),
    ):
        score = metric.corpus_score(list(outputs), [list(references)])
        scores.append(TranslationScore(name, round(score.score, 4), str(metric.get_signature())))
    return scores


# Scripts that are written without spaces between words.
_CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff9f"
_CJK_GAP = re.compile(rf"(?<=[{_CJK}])[ \t]+(?=[{_CJK}])")


def join_cjk(text: str) -> str:
    """Remove spaces between Chinese or Japanese characters, which corpora put between words."""
    return _CJK_GAP.sub("", text)


def has_kana(text: str) -> bool:
    """Return whether a text has letters that only Japanese uses."""
    return re.search("[\u3041-\u30ff]", text) is not None
