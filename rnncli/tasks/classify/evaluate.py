"""How well a classifier labels texts, and how far its probabilities can be trusted."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis import metrics
from rnncli.analysis.baselines import MAX_CHARACTERS
from rnncli.analysis.drift import shifts
from rnncli.cli.console import Screen
from rnncli.cli.views.mistakes import require_place, write_mistakes
from rnncli.cli.views.reports import report_classifier
from rnncli.data.values import column_values
from rnncli.networks.numerics import softmax
from rnncli.tasks.classify.comparison import RightLabels, SecondModel, baseline_scores
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.scoring import BATCH, ScoredRows, Scores
from rnncli.text.batching import batched, split_long_text
from rnncli.text.threads import choose_threads

if TYPE_CHECKING:
    from datasets import Dataset
    from rich.console import Console

NAMES = (
    "accuracy",
    "macro_f1",
    "calibration_error",
    "calibration_error_by_chance",
    "mistakes",
    "texts",
)
CLASS_NAMES = ("precision", "recall", "f1", "support")
MISTAKE = ("label", "answer", "probability", "text")  # columns of --errors


class ClassifierScorer:
    """Score a classifier, beside others and in parts."""

    def __init__(
        self, path: Path, against: Path | None, errors: Path | None, screen: Screen
    ) -> None:
        """Read the model, and the one to compare it with; ``errors`` is where mistakes go.

        Raises:
            ModelError: there is no such model, or the second one has other labels.
            DataError: there is no folder for the mistakes.

        """
        require_place(errors)
        self._errors = errors
        self._screen = screen
        self._model = TextClassifier.load(path, threads=choose_threads(None), announce=screen.say)
        self._second = None if against is None else SecondModel(against, path, self._model, screen)
        self.names = [
            *NAMES,
            *(SecondModel.names if against is not None else ()),
            *(f"classes.{label}.{name}" for label in self._model.labels for name in CLASS_NAMES),
        ]

    def score(self, data: ScoredRows) -> Scores:
        """Score the model on some rows."""
        if not data.is_held_out:
            self._say_shifts(data.rows)
        right = RightLabels(column_values(data.rows, "label"), self._model.labels)
        texts = batched(column_values(data.rows, "text"), max_items=BATCH)
        logits = np.concatenate([self._model.logits(batch) for batch in texts])  # (N, C)
        probabilities = softmax(logits.astype(np.float64))
        predicted, surest = probabilities.argmax(1), probabilities.max(1)
        is_right = predicted == right.numbers
        if self._errors is not None:
            wrong = np.flatnonzero(~is_right)
            wrong = wrong[np.argsort(-surest[wrong], kind="stable")]
            answers = [self._model.labels[number] for number in predicted[wrong]]
            sure = surest[wrong].round(6).tolist()
            rows = data.rows.select(wrong)
            cells = (column_values(rows, "label"), answers, sure, column_values(rows, "text"))
            write_mistakes(self._errors, MISTAKE, zip(*cells, strict=True), self._screen)
        matrix = metrics.confusion_matrix(right.numbers, predicted, len(right.labels))
        by_class = zip(right.labels, metrics.class_scores(matrix), strict=True)
        bins = metrics.reliability(surest, is_right)
        scores: Scores = {
            "texts": len(is_right),
            "mistakes": int((~is_right).sum()),
            **right.scores(predicted),
            "calibration_error": metrics.calibration_error(surest, is_right),
            "calibration_error_by_chance": metrics.calibration_error_by_chance(surest),
            "baselines": baseline_scores(right, data, self._screen),
            "reliability": [asdict(own) for own in bins],
            "lengths": _by_length(column_values(data.rows, "text"), is_right),
        }
        if self._second is not None:
            scores["against"] = self._second.compare(data, right, predicted)
        return scores | {
            "classes": {label: asdict(own) for label, own in by_class},
            "labels": right.labels,
            "confusion_matrix": matrix.tolist(),
        }

    def _say_shifts(self, rows: "Dataset") -> None:
        """Say how texts are unlike those that the model was trained on."""
        from rnncli.data.checks import sample

        for message in shifts(sample(rows), self._model.info, self._model.tokenizer):
            self._screen.say(message)

    def report(self, scores: Scores, console: "Console") -> None:
        """Print scores for a person."""
        report_classifier(scores, console)


def _by_length(texts: Iterable[str], is_right: NDArray[np.bool_]) -> list[Scores]:
    """Return the accuracy of the short, the middle and the long third of the texts.

    Texts with as many words are in the same third, so that some may be larger, and one empty.
    """
    words = np.array([_count_words(text) for text in texts])  # (N,)
    ordered = np.sort(words)
    bounds = [ordered[(len(words) - 1) * third // 3] for third in (1, 2)]
    thirds = np.searchsorted(bounds, words)  # (N,): 0, 1 or 2
    found = []
    for number, name in enumerate(("short", "middle", "long")):
        inside = thirds == number
        if inside.any():
            hits, total = int(is_right[inside].sum()), int(inside.sum())
            found.append(
                {
                    "name": name,
                    "fewest_words": int(words[inside].min()),
                    "most_words": int(words[inside].max()),
                    "texts": total,
                    "accuracy": hits / total,
                    "accuracy_interval": metrics.wilson_interval(hits, total),
                }
            )
    return found


def _count_words(text: str) -> int:
    """Count what stands between spaces, a piece at a time where a text fills the memory."""
    return sum(len(piece.split()) for piece in split_long_text(text, MAX_CHARACTERS))
