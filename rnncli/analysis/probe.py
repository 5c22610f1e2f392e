"""Probe what a classifier has learned to do, case by case, rather than how often it is right.

A table of behaviour as in CheckList (Ribeiro et al. 2020, section 2): minimum functionality tests
(the label of a text), invariance tests (a pair has the same label) and directional expectation
tests (a probability that must not fall, or not rise).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.data.probe_cases import NOT, NOT_LOWER, SAME, ProbeCase

TOLERANCE = 0.1  # by which a probability may go the wrong way, as in CheckList

Probabilities: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Failure:
    """A case that failed.

    ``probability`` is that of the answer; where a probability must not fall or not rise, the answer
    is the positive label in both texts.
    """

    row: str
    expected: str
    text: str
    answer: str
    probability: float
    text2: str = ""
    answer2: str = ""
    probability2: float | None = None
    size: float = 0.0  # how far from right, to sort by: a difference of probabilities


@dataclass(frozen=True)
class RowScores:
    """The cases of one row of the table, and those that failed, the worst first."""

    name: str
    cases: int
    failures: list[Failure]

    @property
    def failure(self) -> float:
        """The share of the cases that failed."""
        return len(self.failures) / self.cases


def probe(
    cases: Sequence[ProbeCase],
    labels: Sequence[str],
    probabilities: Callable[[Sequence[str]], Probabilities],
    positive: str | None = None,
) -> list[RowScores]:
    """Probe a classifier, and return the rows in the order of the cases.

    ``probabilities`` returns those (N, C) of ``labels`` for N texts; ``positive`` is the label
    whose probability must not fall or not rise.
    """
    first = probabilities([case.text for case in cases])
    second = iter(probabilities([case.text2 for case in cases if case.text2]))
    scores: dict[str, list[Failure | None]] = {}
    for case, row in zip(cases, first, strict=True):
        if case.text2:
            failure = _judge_pair(case, labels, row, next(second), positive)
        else:
            failure = _judge(case, labels, row)
        scores.setdefault(case.row, []).append(failure)
    return [
        RowScores(name, len(judged), sorted(filter(None, judged), key=lambda each: -each.size))
        for name, judged in scores.items()
    ]


def _judge(case: ProbeCase, labels: Sequence[str], row: Probabilities) -> Failure | None:
    """Return the failure of a text whose label, or a label that it has not, is known."""
    best = int(row.argmax())
    answer, probability = labels[best], float(row[best])
    if case.expected in labels:
        is_right = answer == case.expected
        size = probability - float(row[labels.index(case.expected)])
    else:
        is_right = answer != case.expected.removeprefix(NOT)
        size = probability
    if is_right:
        return None
    return Failure(case.row, case.expected, case.text, answer, probability, size=size)


def _judge_pair(
    case: ProbeCase,
    labels: Sequence[str],
    first: Probabilities,
    second: Probabilities,
    positive: str | None,
) -> Failure | None:
    """Return the failure of a pair."""
    if case.expected == SAME:
        places = int(first.argmax()), int(second.argmax())
        size = float(first[places[0]] - second[places[0]])
        is_right = places[0] == places[1]
    else:
        assert positive is not None
        places = (labels.index(positive),) * 2
        rise = float(second[places[1]] - first[places[0]])
        size = -rise if case.expected == NOT_LOWER else rise
        is_right = size <= TOLERANCE
    if is_right:
        return None
    return Failure(
        row=case.row,
        expected=case.expected,
        text=case.text,
        answer=labels[places[0]],
        probability=float(first[places[0]]),
        text2=case.text2,
        answer2=labels[places[1]],
        probability2=float(second[places[1]]),
        size=size,
    )


def mean_failure(rows: Sequence[RowScores]) -> float:
    """Return the mean of the rows' shares of failures: a row counts once, however long it is."""
    return sum(row.failure for row in rows) / len(rows)
