"""The true labels of texts, and the scores of predicted ones."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis import metrics
from rnncli.analysis.metrics import Interval, OrdinalScores
from rnncli.errors import DataError
from rnncli.messages import name_list
from rnncli.tasks.classify.label_order import label_positions

MAX_UNKNOWN_LABELS = 20  # more are scored as one class: the texts are of another task


@dataclass(frozen=True)
class LabelScores:
    """Accuracy, macro-F1 and the scores of ordered labels, with 95 % intervals."""

    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    ordinal: OrdinalScores | None  # None where labels have no order


class Targets:
    """The true labels of N texts, as classes: those of the model come first."""

    def __init__(self, labels: Iterable[str], known_labels: Sequence[str]) -> None:
        """Number the labels; ``known_labels`` are those of the model.

        Numbers that are equal are the same label, however they are written: 1 and 1.0.
        """
        labels = list(labels)
        numbers = {
            number: label for label in known_labels if (number := _number(label)) is not None
        }
        aliases = {
            label: numbers[number]
            for label in set(labels) - set(known_labels)
            if (number := _number(label)) in numbers
        }
        counts = Counter(labels)
        unknown = sorted(set(labels) - set(known_labels) - aliases.keys())
        self.unknown = {label: counts[label] for label in unknown}  # label -> number of texts
        self.labels = [*known_labels, *unknown]
        self._class_of = {label: number for number, label in enumerate(self.labels)}
        if len(unknown) > MAX_UNKNOWN_LABELS:
            self.labels[len(known_labels) :] = [f"{len(unknown):,} other labels"]
            self._class_of |= dict.fromkeys(unknown, len(known_labels))
        self._class_of |= {alias: self._class_of[label] for alias, label in aliases.items()}
        self.known_labels = known_labels
        self.classes = self.classes_of(labels)  # (N,)

    def classes_of(self, labels: Iterable[str]) -> NDArray[np.int64]:
        """Return the class of each label."""
        return np.array([self._class_of[label] for label in labels], np.int64)

    def scores(self, predicted: NDArray[np.int64]) -> LabelScores:
        """Score the predicted classes (N,)."""
        matrix = metrics.confusion_matrix(self.classes, predicted, len(self.labels))
        positions = label_positions(self.labels)
        return LabelScores(
            metrics.accuracy(matrix),
            metrics.wilson_interval(int(matrix.trace()), len(predicted)),
            metrics.macro_f1(matrix),
            metrics.macro_f1_interval(matrix),
            None if positions is None else metrics.ordinal_scores(matrix, positions),
        )

    def require_known(self, data: str) -> Iterator[str]:
        """Yield a notice where the model does not know some labels of the data.

        Raises:
            DataError: it knows none.

        """
        if not self.unknown:
            return
        known = f"it knows {name_list(self.known_labels)}"
        unknown = name_list([f"{label} ({number:,})" for label, number in self.unknown.items()])
        if self.classes.min() >= len(self.known_labels):
            raise DataError(
                f"{data}: the model knows none of the labels: {unknown}; {known}",
                "is it the right column? --label COLUMN",
            )
        yield f"labels that the model does not know, and gets wrong: {unknown}; {known}"


def _number(label: str) -> float | None:
    """Return the number that a label spells, if it does."""
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
