"""Probe a classifier: the share of failures in each row of a table of behaviour."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from rnncli.analysis.probe import Failure, Probabilities, RowScores, mean_failure, probe
from rnncli.data.probe_cases import (
    BUNDLED_NAME,
    NOT,
    NOT_HIGHER,
    NOT_LOWER,
    PAIR_EXPECTATIONS,
    ProbeCase,
    read_probe_cases,
)
from rnncli.errors import ConfigError, DataError
from rnncli.messages import Announce, name_list, plural, stage
from rnncli.networks.numerics import softmax
from rnncli.storage.model_names import model_name
from rnncli.storage.reading import read_description
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.classify.sentiment import NEUTRAL, POSITIVE, sentiment_labels
from rnncli.tasks.evaluation import (
    Cell,
    EvaluationResult,
    Mistakes,
    ScoringSettings,
    check_options,
)
from rnncli.tasks.evaluation_data import DataRequest

WORST = 3  # failures of a row that are shown
_COLUMNS = (
    "row", "expected", "answer", "probability", "text", "answer2", "probability2", "text2",
)  # fmt: skip


@dataclass(frozen=True)
class ProbeReport:
    """The share of failures in each row, and the cases that failed."""

    rows: list[RowScores]

    @property
    def mean_failure(self) -> float:
        """The mean of the rows' shares of failures."""
        return mean_failure(self.rows)

    @property
    def cases(self) -> int:
        """The number of all cases."""
        return sum(row.cases for row in self.rows)

    @property
    def failures(self) -> list[Failure]:
        """The cases of all rows that failed."""
        return [failure for row in self.rows for failure in row.failures]

    @property
    def mistakes(self) -> Mistakes:
        """The cases that failed, as the rows of a table."""

        def rows() -> Iterator[tuple[Cell, ...]]:
            for failure in self.failures:
                cells = vars(failure) | {"probability": round(failure.probability, 6)}
                second = failure.probability2
                cells["probability2"] = "" if second is None else round(second, 6)
                yield tuple([cells[name] for name in _COLUMNS])

        return Mistakes(_COLUMNS, len(self.failures), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the scores by their names, and the worst failures of each row."""
        rows = {
            row.name: {
                "failure": row.failure,
                "failures": len(row.failures),
                "cases": row.cases,
                "worst": [_to_json(failure) for failure in row.failures[:WORST]],
            }
            for row in self.rows
        }
        totals = {"failures": len(self.failures), "cases": self.cases}
        return {"mean_failure": self.mean_failure, **totals, "rows": rows}


def _to_json(failure: Failure) -> dict[str, Any]:
    values = asdict(failure)
    return {name: values[name] for name in _COLUMNS[1:] if values[name] not in ("", None)}


def load_probe(
    path: Path, settings: ScoringSettings, request: DataRequest, announce: Announce
) -> "ClassifierProbe":
    """Read the model to probe, and the cases of a file, else those that come with rnncli.

    Raises:
        ModelError: there is no such model, or it is damaged.
        ConfigError: a setting does not go with a probe, or the model's labels do not.
        DataError: the cases cannot be read.

    """
    check_options(read_description(path).task, settings)
    options = {
        "--against": settings.against is not None,
        "--no-baselines": not settings.baselines,
        "--split": request.split is not None,
        "--revision": request.revision is not None,
        **{f"--{name}": True for name in request.columns.as_dict()},
    }
    for option, is_set in options.items():
        if is_set:
            raise ConfigError(f"{option} does not go with --probe", f"leave {option} out")
    return ClassifierProbe(path, request.names, settings.threads, announce)


class ClassifierProbe:
    """A classifier, and the cases to probe it with."""

    def __init__(self, path: Path, data: Sequence[str], threads: int, announce: Announce) -> None:
        """Read the model, and the cases of a file, else those that come with rnncli.

        Raises:
            ModelError: there is no such model, or it is damaged.
            ConfigError: the bundled cases are of sentiment, and the labels are not.
            DataError: the cases cannot be read, or expect labels that the model lacks.

        """
        if len(data) > 1:
            raise DataError(
                f"{len(data)} files, but a probe is one",
                f"rnncli evaluate -m {quote(str(path))} --probe {quote(data[0])}",
            )
        self._path, self._announce = path, announce
        self._model = TextClassifier.load(path, threads=threads, announce=announce)
        self._name = data[0] if data else BUNDLED_NAME
        sentiment = sentiment_labels(self._model.labels)
        if not data and sentiment is None:
            raise ConfigError(
                "the bundled probe is of labels that say positive, negative and perhaps neutral; "
                f"those of the model are {name_list(self._model.labels)}",
                "name a file of your own cases, with the columns text and expected: "
                f"rnncli evaluate {quote(str(path))} --probe cases.tsv",
            )
        self._sentiment = sentiment or {}
        self._cases = list(self._resolve(read_probe_cases(data[0] if data else None)))
        if not self._cases:
            raise DataError(
                f"{self._name}: every case is neutral, and the model has no such label",
                "probe a model of three labels, or leave the file out",
            )

    @property
    def names(self) -> list[str]:
        """The names of the scores, for ``--require``."""
        rows = dict.fromkeys(case.row for case in self._cases)
        totals = ["mean_failure", "failures", "cases"]
        return totals + [f"rows.{row}.{name}" for name in ("failure", *totals[1:]) for row in rows]

    def run(self) -> EvaluationResult:
        """Answer the cases, and judge the answers."""
        self._announce(f"probing {model_name(self._path)} with {self._name}")
        with stage(f"probing {plural(len(self._cases), 'case')}"):
            positive = self._sentiment.get(POSITIVE)
            rows = probe(self._cases, self._model.labels, self._probabilities, positive)
        return EvaluationResult(str(self._path), self._name, ProbeReport(rows))

    def _probabilities(self, texts: Sequence[str]) -> Probabilities:
        """Return the probabilities (N, C) of the labels."""
        return softmax(self._model.logits(texts).astype(np.float64))

    def _resolve(self, cases: Sequence[ProbeCase]) -> Iterator[ProbeCase]:
        """Yield the cases with the labels of the model, without those that have none in it."""
        if any(meaning != label for meaning, label in self._sentiment.items()):
            labels = [f"{label} as {meaning}" for meaning, label in self._sentiment.items()]
            self._announce(f"labels taken as sentiment: {', '.join(labels)}")
        left_out = 0
        for case in cases:
            if (expected := self._label(case)) is None:
                left_out += 1
            else:
                yield replace(case, expected=expected)
        if left_out:
            self._announce(
                f"{plural(left_out, 'neutral case')} left out: the model has no such label"
            )

    def _label(self, case: ProbeCase) -> str | None:
        """Return what is expected in the words of the model; None where it has no neutral label.

        Raises:
            DataError: the model has no such label.

        """
        expected, labels = case.expected, self._model.labels
        if expected in (NOT_LOWER, NOT_HIGHER) and not self._sentiment:
            raise self._unknown(case, "a label for positive")
        if expected in PAIR_EXPECTATIONS or expected in labels:
            return expected
        negation = NOT if expected.startswith(NOT) else ""
        name = expected.removeprefix(negation)
        if name in labels or name in self._sentiment:
            return negation + self._sentiment.get(name, name)
        if self._sentiment and name == NEUTRAL:
            return None
        raise self._unknown(case, f"the label {name!r}")

    def _unknown(self, case: ProbeCase, what: str) -> DataError:
        return DataError(
            f"{self._name}: {case.expected!r} is expected of {case.text!r}, and the model lacks "
            f"{what}",
            f"its labels are {name_list(self._model.labels)}",
        )
