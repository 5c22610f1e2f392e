"""Evaluate a classifier: accuracy, F1 and calibration, in total and by class and length."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis import metrics
from rnncli.analysis.comparison import difference_interval, mcnemar, verdict
from rnncli.analysis.drift import drift_warnings
from rnncli.analysis.metrics import ClassScores, Interval, ReliabilityBin
from rnncli.data.values import column_values
from rnncli.errors import ModelError
from rnncli.messages import Announce
from rnncli.networks.numerics import Floats, softmax
from rnncli.tasks.classify.baselines import baseline_scores
from rnncli.tasks.classify.label_order import label_positions
from rnncli.tasks.classify.predict import MAX_CHARACTERS, TextClassifier
from rnncli.tasks.classify.targets import LabelScores, Targets
from rnncli.tasks.evaluation import BATCH_SIZE, Cell, Mistakes, ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData, announce_unfairness
from rnncli.text.batching import batched, split_long_text

NAMES = (
    "accuracy",
    "macro_f1",
    "calibration_error",
    "calibration_error_by_chance",
    "mistakes",
    "texts",
)
ORDINAL_NAMES = ("mean_absolute_error", "within_one")
CLASS_NAMES = ("precision", "recall", "f1", "support")
MAX_LISTED = 20  # labels of only one of two models


@dataclass(frozen=True)
class Comparison(LabelScores):
    """The scores of a second model, and the significance of its difference to the first."""

    model: str
    only_first_right: int  # texts
    only_second_right: int
    difference: float  # of the accuracies, first - second
    difference_interval: Interval
    p_value: float  # of both being equally good
    verdict: str


@dataclass(frozen=True)
class LengthScores:
    """The accuracy on the short, the middle or the long third of the texts."""

    name: str
    fewest_words: int
    most_words: int
    texts: int
    accuracy: float
    accuracy_interval: Interval


@dataclass(frozen=True)
class ClassifierReport(LabelScores):
    """The scores of a classifier; the fields have the names that ``--json`` prints."""

    texts: int
    mistakes: Mistakes
    calibration_error: float
    calibration_error_by_chance: float  # of a perfectly calibrated model on as many texts
    baselines: dict[str, LabelScores]
    reliability: list[ReliabilityBin]
    lengths: list[LengthScores]
    classes: dict[str, ClassScores]
    labels: list[str]  # of the rows and columns of the confusion matrix
    confusion_matrix: list[list[int]]  # rows: the true label; columns: the predicted one
    against: Comparison | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names; of the mistakes, their number."""
        scores = {name: _to_json(value) for name, value in vars(self).items()}
        scores |= scores.pop("ordinal") or {}
        if self.against is None:
            del scores["against"]
        return scores | {"mistakes": len(self.mistakes)}


class ClassifierScorer:
    """Score a classifier, beside baselines and a second model."""

    def __init__(self, path: Path, settings: ScoringSettings, announce: Announce) -> None:
        """Read the model, and the one to compare it with.

        Raises:
            ModelError: there is no such model, or the second one has other labels.

        """
        self._announce = announce
        self._model = TextClassifier.load(path, threads=settings.threads, announce=announce)
        self._second: SecondModel | None = None
        if settings.against is not None:
            self._second = SecondModel(settings.against, self._model, settings.threads, announce)
        self.needs_training_data = self._baselines = settings.baselines
        self.names = [
            *NAMES,
            *(() if label_positions(self._model.labels) is None else ORDINAL_NAMES),
            *(() if self._second is None else SecondModel.names),
            *(f"classes.{label}.{name}" for label in self._model.labels for name in CLASS_NAMES),
        ]

    def score(self, data: EvaluationData) -> ClassifierReport:
        """Score the model."""
        if not data.is_held_out:
            self._announce_drift(data)
            self._announce_leak(data)
        targets = Targets(column_values(data.rows, "label"), self._model.labels)
        for notice in targets.require_known(data.name):
            self._announce(notice)
        texts = batched(column_values(data.rows, "text"), max_items=BATCH_SIZE)
        logits = np.concatenate([self._model.logits(batch) for batch in texts])  # (N, C)
        probabilities = softmax(logits.astype(np.float64))
        predicted, confidence = probabilities.argmax(1), probabilities.max(1)
        is_right = predicted == targets.classes
        matrix = metrics.confusion_matrix(targets.classes, predicted, len(targets.labels))
        by_class = zip(targets.labels, metrics.class_scores(matrix), strict=True)
        return ClassifierReport(
            **vars(targets.scores(predicted)),
            texts=len(is_right),
            mistakes=self._mistakes(data, predicted, confidence, is_right),
            calibration_error=metrics.calibration_error(confidence, is_right),
            calibration_error_by_chance=metrics.calibration_error_by_chance(confidence),
            baselines=baseline_scores(targets, data, self._announce) if self._baselines else {},
            reliability=metrics.reliability(confidence, is_right),
            lengths=_by_length(column_values(data.rows, "text"), is_right),
            classes=dict(by_class),
            labels=targets.labels,
            confusion_matrix=matrix.tolist(),
            against=self._second.compare(data, targets, predicted) if self._second else None,
        )

    def _announce_drift(self, data: EvaluationData) -> None:
        """Announce how the texts differ from the training texts."""
        from rnncli.data.checks import sample

        reference = self._model.description.profile
        for message in drift_warnings(sample(data.rows), reference, self._model.tokenizer):
            self._announce(message)

    def _announce_leak(self, data: EvaluationData) -> None:
        """Announce how many of the texts the model was trained on."""
        from rnncli.data.checks import leak

        if data.train is not None and (message := leak(data.train, data.rows, data.name)):
            self._announce(message)

    def _mistakes(
        self,
        data: EvaluationData,
        predicted: NDArray[np.int64],
        confidence: Floats,
        is_right: NDArray[np.bool_],
    ) -> Mistakes:
        """Return the texts with a wrong label, the most confident first."""
        wrong = np.flatnonzero(~is_right)
        wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]

        def rows() -> Iterator[tuple[Cell, ...]]:
            selected = data.rows.select(wrong)
            answers = [self._model.labels[number] for number in predicted[wrong]]
            return zip(
                column_values(selected, "label"),
                answers,
                confidence[wrong].round(6).tolist(),
                column_values(selected, "text"),
                strict=True,
            )

        return Mistakes(("label", "answer", "probability", "text"), len(wrong), rows)


def _to_json(value: Any) -> Any:
    """Convert dataclasses, also in lists and dictionaries, to dictionaries."""
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, LabelScores):
        scores = asdict(value)
        return scores | (scores.pop("ordinal") or {})
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def _by_length(texts: Iterable[str], is_right: NDArray[np.bool_]) -> list[LengthScores]:
    """Score the short, the middle and the long third of the texts.

    Texts of equal length are in the same third, so that one may be larger, or empty and left out.
    """
    words = np.array([_count_words(text) for text in texts])  # (N,)
    ordered = np.sort(words)
    bounds = [ordered[(len(words) - 1) * third // 3] for third in (1, 2)]
    thirds = np.searchsorted(bounds, words)  # (N,): 0, 1 or 2
    scores = []
    for number, name in enumerate(("short", "middle", "long")):
        inside = thirds == number
        if inside.any():
            hits, total = int(is_right[inside].sum()), int(inside.sum())
            scores.append(
                LengthScores(
                    name,
                    int(words[inside].min()),
                    int(words[inside].max()),
                    total,
                    hits / total,
                    metrics.wilson_interval(hits, total),
                )
            )
    return scores


def _count_words(text: str) -> int:
    """Count the words between spaces, by pieces of the text to bound memory."""
    return sum(len(piece.split()) for piece in split_long_text(text, MAX_CHARACTERS))


class SecondModel:
    """A classifier with which another one is compared."""

    names = (
        "against.difference",
        "against.p_value",
        "against.accuracy",
        "against.macro_f1",
        "against.only_first_right",
        "against.only_second_right",
    )

    def __init__(self, path: Path, first: TextClassifier, threads: int, announce: Announce) -> None:
        """Read the second model.

        Raises:
            ModelError: there is no such model, or its labels differ from those of the first.

        """
        self._model = TextClassifier.load(path, threads=threads)
        self._path, self._first, self._announce = path, first.path, announce
        label_sets = [(model.path, set(model.labels)) for model in (first, self._model)]
        differences = [
            f"only {path} has {', '.join(sorted(extra)[:MAX_LISTED])}"
            for (path, labels), (_, other_labels) in permutations(label_sets)
            if (extra := labels - other_labels)
        ]
        if differences:
            raise ModelError(
                f"the labels of the models differ: {'; '.join(differences)}",
                "compare models that were trained on the same labels",
            )

    def compare(
        self, data: EvaluationData, targets: Targets, predicted: NDArray[np.int64]
    ) -> Comparison:
        """Compare the classes (N,) that the first model predicted with those of the second."""
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
