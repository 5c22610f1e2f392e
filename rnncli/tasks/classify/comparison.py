"""A classifier beside a second one that labels the same texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.comparison import difference_interval, mcnemar, verdict
from rnncli.analysis.metrics import Interval
from rnncli.data.values import column_values
from rnncli.errors import ModelError
from rnncli.messages import Announce
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.classify.targets import LabelScores, Targets
from rnncli.tasks.evaluation_data import EvaluationData, announce_unfairness
from rnncli.tasks.scoring import BATCH_SIZE
from rnncli.text.batching import batched

MAX_LISTED = 20  # labels that only one of two models has


@dataclass(frozen=True)
class Comparison(LabelScores):
    """The scores of a second model, and whether the first one is better than it."""

    model: str
    only_first_right: int  # texts
    only_second_right: int
    difference: float  # of the accuracies, first - second
    difference_interval: Interval
    p_value: float  # of both being equally good
    verdict: str


class SecondModel:
    """A classifier that another one is compared with."""

    names = (
        "against.difference",
        "against.p_value",
        "against.accuracy",
        "against.macro_f1",
        "against.only_first_right",
        "against.only_second_right",
    )

    def __init__(
        self, path: Path, first: Path, labels: Sequence[str], threads: int, announce: Announce
    ) -> None:
        """Read it; ``labels`` are those of the first model.

        Raises:
            ModelError: there is no such model, or its labels differ from those of the first.

        """
        self._model = TextClassifier.load(path, threads=threads)
        self._path, self._first, self._announce = path, first, announce
        of_first, of_second = set(labels), set(self._model.labels)
        if of_first != of_second:
            differences = [
                f"only {model} has {', '.join(sorted(extra)[:MAX_LISTED])}"
                for model, extra in ((first, of_first - of_second), (path, of_second - of_first))
                if extra
            ]
            raise ModelError(
                f"the labels of the models differ: {'; '.join(differences)}",
                "compare models that were trained on the same labels",
            )

    def compare(
        self, data: EvaluationData, targets: Targets, predicted: NDArray[np.int64]
    ) -> Comparison:
        """Compare the classes (N,) that the first model predicted with those of this one."""
        announce_unfairness(self._first, self._path, data, self._announce)
        answers: list[str] = []
        for texts in batched(column_values(data.rows, "text"), max_items=BATCH_SIZE):
            answers += [self._model.labels[n] for n in self._model.logits(texts).argmax(1)]
        second = targets.classes_of(answers)
        first_right, second_right = predicted == targets.classes, second == targets.classes
        only_first = int((first_right & ~second_right).sum())
        only_second = int((second_right & ~first_right).sum())
        difference = (only_first - only_second) / len(second)
        p_value = mcnemar(only_first, only_second)
        return Comparison(
            **vars(targets.scores(second)),
            model=str(self._path),
            only_first_right=only_first,
            only_second_right=only_second,
            difference=difference,
            difference_interval=difference_interval(first_right, second_right),
            p_value=p_value,
            verdict=verdict(str(self._first), str(self._path), 100 * difference, "points", p_value),
        )
