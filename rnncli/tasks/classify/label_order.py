"""The order of labels such as 1 to 5 stars, or low, medium and high."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_LABELS = 3  # of two, every mistake is one step
ORDERS = (
    "very negative, negative, neutral, positive, very positive",
    "strongly disagree, disagree, neutral, agree, strongly agree",
    "very low, low, medium, high, very high, critical",
    "very poor, poor, fair, average, good, very good, excellent",
    "very bad, bad, okay, good, very good",
    "trivial, minor, major, critical, blocker",
    "never, rarely, sometimes, often, always",
    "very easy, easy, medium, hard, very hard",
    "small, medium, large",
    "a1, a2, b1, b2, c1, c2",  # of language learners (Common European Framework of Reference)
)
_STARS = re.compile(r"(.+?)[ _-]*stars?", re.IGNORECASE)


def label_positions(labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the position (C,) of each label on a scale, in its smallest steps.

    None where labels have no order: they are neither numbers (also of stars) nor in a usual order.
    """
    if len(labels) < MIN_LABELS:
        return None
    values = np.array([_number(label) for label in labels])
    if np.isnan(values).any():
        values = _ranks(labels)
    steps = np.diff(np.unique(values))
    if len(steps) != len(labels) - 1 or np.isnan(values).any():
        return None
    positions: NDArray[np.float64] = values / steps.min()
    return positions


def _number(label: str) -> float:
    """Return the number that a label spells, also of stars; NaN where it spells none."""
    stars = _STARS.fullmatch(label)
    try:
        number = float(stars[1] if stars else label)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _ranks(labels: Sequence[str]) -> NDArray[np.float64]:
    """Return the rank (C,) of each label in the first usual order that has all; NaN without."""
    names = [re.sub(r"[\s_-]+", " ", label).strip().casefold() for label in labels]
    for order in (order.split(", ") for order in ORDERS):
        if set(names) <= set(order):
            present = [name for name in order if name in names]
            return np.array([float(present.index(name)) for name in names])
    return np.full(len(labels), math.nan)
