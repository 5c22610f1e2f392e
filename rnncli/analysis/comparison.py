"""Significance tests for two models that are scored on the same examples."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import RESAMPLES, Interval, percentile_interval

SIGNIFICANCE_LEVEL = 0.05  # by custom: a smaller p value is called more than chance

_Booleans: TypeAlias = NDArray[np.bool_]


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p value of McNemar's exact test that two models are equally good (McNemar 1947).

    It is given the number of examples that only one of them has right. Were they equally good, each
    such example would be a toss of a fair coin.
    """
    tosses = only_first + only_second
    k = np.arange(min(only_first, only_second))
    # log of the binomial coefficient (tosses over k), from each k to the next
    log_ways = np.append(0, np.cumsum(np.log((tosses - k) / (k + 1))))
    return min(1.0, 2 * float(np.exp(log_ways - tosses * np.log(2)).sum()))


def difference_interval(first: _Booleans, second: _Booleans) -> Interval:
    """Return the interval of accuracy ``first`` - ``second`` by a paired bootstrap.

    Both (N,) say which examples a model has right.
    """
    total = len(first)
    if not total:
        return -1.0, 1.0
    better, worse = int((first & ~second).sum()), int((second & ~first).sum())
    shares = np.array([better, worse, total - better - worse]) / total
    draws = np.random.default_rng(0).multinomial(total, shares, size=RESAMPLES)  # (R, 3)
    return percentile_interval((draws[:, 0] - draws[:, 1]) / total)


def verdict(first: str, second: str, difference: float, unit: str, p_value: float) -> str:
    """Say in a sentence which model is better; a positive difference is for the first."""
    if p_value >= SIGNIFICANCE_LEVEL:
        return (
            f"the difference of {abs(difference):.2f} {unit} may be chance: these texts do not "
            "tell which model is better"
        )
    better, worse = (second, first) if difference < 0 else (first, second)
    return (
        f"{better} is better than {worse} by {abs(difference):.2f} {unit}, which is more than "
        "chance"
    )
