"""Significance tests for two models that are scored on the same examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import QUANTILE, RESAMPLES, Interval, percentile_interval

SIGNIFICANCE_LEVEL = 0.05  # of p values, the customary one

_Booleans: TypeAlias = NDArray[np.bool_]


def mcnemar(only_first: int, only_second: int) -> float:
    """Compute the p value of McNemar's exact test that two models are equally good (McNemar 1947).

    The arguments are the numbers of examples that only one of them has right, which are binomial
    with p = 1/2 if they are equally good.
    """
    total = only_first + only_second
    k = np.arange(min(only_first, only_second))
    # log of the binomial coefficient (total over k), from each k to the next
    log_coefficients = np.append(0, np.cumsum(np.log((total - k) / (k + 1))))
    return min(1.0, 2 * float(np.exp(log_coefficients - total * np.log(2)).sum()))


def difference_interval(first: _Booleans, second: _Booleans) -> Interval:
    """Compute the interval of accuracy ``first`` - ``second`` by a paired bootstrap.

    Both (N,) are true at the examples that a model has right.
    """
    total = len(first)
    if not total:
        return -1.0, 1.0
    better, worse = int((first & ~second).sum()), int((second & ~first).sum())
    shares = np.array([better, worse, total - better - worse]) / total
    draws = np.random.default_rng(0).multinomial(total, shares, size=RESAMPLES)  # (R, 3)
    return percentile_interval((draws[:, 0] - draws[:, 1]) / total)


@dataclass(frozen=True)
class LossDifference:
    """The mean difference of the losses of two forecasts, its 95 % interval, and its p value."""

    difference: float
    interval: Interval
    p_value: float


def diebold_mariano(differences: Sequence[NDArray[np.float64]], horizon: int) -> LossDifference:
    """Test whether forecasts of a horizon have equal losses (Diebold and Mariano 1995).

    ``differences`` (N,) are those of the losses at each origin, in order, one array a series.
    Forecasts that overlap have errors in common: the variance has ``horizon - 1`` autocovariances,
    weighted as by Newey and West (1987). Series are taken to depend on each other wholly: their
    standard deviations add up.
    """
    total = sum(map(len, differences))
    mean = float(sum(each.sum() for each in differences) / total)
    deviation = 0.0  # standard deviation of the sum
    for each in differences:
        x = each - each.mean()
        lags = min(horizon - 1, len(x) - 1)
        weights = 1 - np.arange(1, lags + 1) / (lags + 1)
        products = np.array([x[:-lag] @ x[lag:] for lag in range(1, lags + 1)])
        deviation += math.sqrt(max(float(x @ x + 2 * (weights * products).sum()), 0.0))
    error = deviation / total
    z = abs(mean) / error if error > 0 else 0.0
    interval = mean - QUANTILE * error, mean + QUANTILE * error
    return LossDifference(mean, interval, math.erfc(z / math.sqrt(2)) if error > 0 else 1.0)


def verdict(first: str, second: str, difference: float, unit: str, p_value: float) -> str:
    """Format which model is better; a positive difference is in favour of the first."""
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
