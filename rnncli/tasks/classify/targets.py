"""The right labels of texts, and how well some answers agree with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis import metrics
from rnncli.analysis.metrics import Interval

MAX_UNKNOWN_LABELS = 20  # of more, all count as one: such texts have nothing to do with the model


@dataclass(frozen=True)
class LabelScores:
    """How many labels are right, with 95 % intervals."""

    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval


class Targets:
    """The right labels of N texts as classes: those that a model knows come first."""

    def __init__(self, right: Iterable[str], known: Sequence[str]) -> None:
        """Number the labels; one that the model does not know counts as a mistake."""
        right = list(right)
        unknown = sorted(set(right) - set(known))
        self.labels = [*known, *unknown]
        self._class_of = {label: number for number, label in enumerate(self.labels)}
        if len(unknown) > MAX_UNKNOWN_LABELS:
            self.labels[len(known) :] = [f"{len(unknown):,} other labels"]
            self._class_of |= dict.fromkeys(unknown, len(known))
        self.known = known
        self.classes = self.classes_of(right)  # (N,)

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
