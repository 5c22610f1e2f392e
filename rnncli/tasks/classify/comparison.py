"""A classifier beside others that label the same texts: baselines, and a second model."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis import metrics
from rnncli.analysis.baselines import MAX_CHARACTERS, MajorityClass, NaiveBayes
from rnncli.analysis.comparison import Comparison
from rnncli.cli.console import Screen
from rnncli.data.values import column_values
from rnncli.errors import ModelError
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.scoring import BATCH, ScoredRows, Scores
from rnncli.text.batching import batched
from rnncli.text.threads import choose_threads

if TYPE_CHECKING:
    from datasets import Dataset

MOST_OTHER_LABELS = 20  # beyond, texts have nothing to do with the model: all others are one
MAX_LEARNED = 40_000_000  # characters for baselines: all of IMDb, in six seconds and 0.3 GB


class RightLabels:
    """The right labels of texts as numbers: those of a model, then those that it does not know."""

    def __init__(self, right: Iterable[str], known: Sequence[str]) -> None:
        """Number labels; one that the model does not know counts as a mistake."""
        right = list(right)
        unknown = sorted(set(right) - set(known))
        self.labels = [*known, *unknown]
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        if len(unknown) > MOST_OTHER_LABELS:
            self.labels[len(known) :] = [f"{len(unknown):,} other labels"]
            self._numbers |= dict.fromkeys(unknown, len(known))
        self.known = known
        self.numbers = self.numbers_of(right)  # (N,)

    def numbers_of(self, labels: Iterable[str]) -> NDArray[np.int64]:
        """Return the number of each label."""
        return np.array([self._numbers[label] for label in labels], np.int64)

    def scores(self, predicted: NDArray[np.int64]) -> Scores:
        """Return how good some answers are, and how sure that is."""
        matrix = metrics.confusion_matrix(self.numbers, predicted, len(self.labels))
        return {
            "accuracy": metrics.accuracy(matrix),
            "accuracy_interval": metrics.wilson_interval(int(matrix.trace()), len(predicted)),
            "macro_f1": metrics.macro_f1(matrix),
            "macro_f1_interval": metrics.macro_f1_interval(matrix),
        }


def baseline_scores(right: RightLabels, data: ScoredRows, screen: Screen) -> dict[str, Scores]:
    """Score classifiers that learn in seconds from what the model learned from, if it is there."""
    if data.learned is None:
        return {}
    learned = _some(data.learned, screen)
    labels = list(column_values(learned, "label"))
    if set(labels) - set(right.known):
        screen.say("baselines left out: the model's training data has labels that it does not know")
        return {}
    baselines: dict[str, NaiveBayes | MajorityClass] = {
        "naive_bayes": NaiveBayes(column_values(learned, "text"), labels),
        "majority_class": MajorityClass(labels),
    }
    return {
        name: right.scores(right.numbers_of(baseline(column_values(data.rows, "text"))))
        for name, baseline in baselines.items()
    }


def _some(rows: "Dataset", screen: Screen) -> "Dataset":
    """Return as many rows as baselines have memory for, drawn at random."""
    lengths = np.array([min(len(t), MAX_CHARACTERS) for t in column_values(rows, "text")])
    order = np.random.default_rng(0).permutation(len(rows))
    number = max(1, int((lengths[order].cumsum() <= MAX_LEARNED).sum()))
    if number == len(rows):
        return rows
    screen.say(f"baselines learn from {number:,} of {len(rows):,} texts, for want of memory")
    return rows.select(np.sort(order[:number]))


class SecondModel:
    """A classifier that is compared with another on the same texts."""

    names = (
        "against.difference",
        "against.p_value",
        "against.accuracy",
        "against.macro_f1",
        "against.only_first_right",
        "against.only_second_right",
    )

    def __init__(self, path: Path, first: Path, model: TextClassifier, screen: Screen) -> None:
        """Read it.

        Raises:
            ModelError: there is no such model, or its labels differ from those of the first.

        """
        self._model = TextClassifier.load(path, threads=choose_threads(None))
        self._path, self._screen = path, screen
        self._comparison = Comparison(first, path)
        mine, others = set(self._model.labels), set(model.labels)
        if mine != others:
            differ = [
                f"only {own} has {', '.join(sorted(more)[:MOST_OTHER_LABELS])}"
                for own, more in ((first, others - mine), (path, mine - others))
                if more
            ]
            raise ModelError(
                f"the labels of the models differ: {'; '.join(differ)}",
                "compare models that were trained on the same labels",
            )

    def compare(self, data: ScoredRows, right: RightLabels, predicted: NDArray[np.int64]) -> Scores:
        """Compare the answers of the first model with those of this one."""
        self._comparison.say_if_unfair(data, self._screen)
        answers: list[str] = []
        for texts in batched(column_values(data.rows, "text"), max_items=BATCH):
            answers += [self._model.labels[n] for n in self._model.logits(texts).argmax(1)]
        own = right.numbers_of(answers)
        first_right, second_right = predicted == right.numbers, own == right.numbers
        only_first = int((first_right & ~second_right).sum())
        only_second = int((second_right & ~first_right).sum())
        difference = (only_first - only_second) / len(own)
        p_value = metrics.mcnemar(only_first, only_second)
        return {
            "model": str(self._path),
            **right.scores(own),
            "only_first_right": only_first,
            "only_second_right": only_second,
            "difference": difference,
            "difference_interval": metrics.difference_interval(first_right, second_right),
            "p_value": p_value,
            "verdict": self._comparison.verdict(100 * difference, "points", p_value),
        }
