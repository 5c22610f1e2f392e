"""The true labels of texts, and the scores of predicted ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis import metrics
from rnncli.analysis.metrics import Interval

MAX_UNKNOWN_LABELS = 20  # more are scored as one class: the texts are of another task


@dataclass(frozen=True)
class LabelScores:
    """Accuracy and macro-F1, with 95 % intervals."""

    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval


class Targets:
    """The true labels of N texts, as classes: those of the model come first."""

    def __init__(self, labels: Iterable[str], known_labels: Sequence[str]) -> None:
        """Number the labels; ``known_labels`` are those of the model."""
        labels = list(labels)
        unknown = sorted(set(labels) - set(known_labels))
        self.labels = [*known_labels, *unknown]
        self._class_of = {label: number for number, label in enumerate(self.labels)}
        if len(unknown) > MAX_UNKNOWN_LABELS:
            self.labels[len(known_labels) :] = [f"{len(unknown):,} other labels"]
            self._class_of |= dict.fromkeys(unknown, len(known_labels))
        self.known_labels = known_labels
        self.classes = self.classes_of(labels)  # (N,)

    def classes_of(self, labels: Iterable[str]) -> NDArray[np.int64]:
        """Return the class of each label."""
        return np.array([self._class_of[label] for label in labels], np.int64)

    def scores(self, predicted: NDArray[np.int64]) -> LabelScores:
        """Score the predicted classes (N,)."""
        matrix = metrics.confusion_matrix(self.classes, predicted, len(self.labels))
        return LabelScores(
            metrics.accuracy(matrix),
            metrics.wilson_interval(int(matrix.trace()), len(predicted)),
            metrics.macro_f1(matrix),
            metrics.macro_f1_interval(matrix),
        )
