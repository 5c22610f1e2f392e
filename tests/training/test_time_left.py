"""The time that a training will still take, as its progress line estimates it."""

from itertools import count
from typing import Any

import pytest

from rnncli.config import DEFAULTS
from rnncli.training.contract import Evaluation, Progress
from rnncli.training.time_left import TimeLeft

EVALUATED = Evaluation({"loss": 1.0})


def progress(step: int, seconds: float, best: bool | None = None) -> Progress:
    """Return the progress of a step; of an evaluation, whether it is the ``best``."""
    return Progress(
        step=step,
        epoch=0.0,
        fraction=0.0,
        seconds=seconds,
        loss=1.0,
        way="1 thread",
        state=lambda: pytest.fail("nothing is saved"),
        evaluation=None if best is None else EVALUATED,
        best=bool(best),
    )


def estimates(settings: dict[str, Any], steps: list[Progress]) -> list[float]:
    """Return the estimate after each step."""
    limits = {"epochs": None, "steps": None, "max_time": None, **settings}
    time_left = TimeLeft(DEFAULTS["classify"].with_overrides(limits), steps[0].seconds)
    found = []
    for step in steps:
        time_left.note(step)
        found.append(time_left.seconds)
    return found


def test_the_time_is_that_of_the_budget_or_of_the_steps_that_come_first() -> None:
    steps = [progress(n, 2.0 + n) for n in range(1, 6)]
    assert estimates({"max_time": 20.0}, steps)[-1] == 13.0
    assert estimates({"max_time": 20.0, "steps": 9}, steps)[-1] == pytest.approx(4.0)
    assert estimates({}, steps)[-1] == float("inf")


def test_it_falls_faster_where_no_evaluation_is_the_best_any_more() -> None:
    """The first of an evaluation a second is the best: after eight others training ends."""
    numbers = count(1)
    first = [progress(next(numbers), 10.0, best=True)]
    others = [progress(next(numbers), 10.0 + n, best=False) for n in range(1, 9)]
    found = estimates({"max_time": 30.0, "patience": 8}, [*first, *others])
    left = [8.0 - n for n in range(9)]
    assert found[0] == 20.0
    ratios = [estimate / true for estimate, true in zip(found[2:-1], left[2:-1], strict=True)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] < 3 and ratios[3] < 2
    assert found[-1] == 0.0


def test_a_better_evaluation_brings_the_time_back() -> None:
    steps = [
        progress(1, 10.0, best=True),
        progress(2, 11.0, best=False),
        progress(3, 12.0, best=False),
        progress(4, 13.0, best=True),
    ]
    found = estimates({"max_time": 30.0, "patience": 8}, steps)
    assert found[2] < 18.0
    assert found[3] == 17.0
