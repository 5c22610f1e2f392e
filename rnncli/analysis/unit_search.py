"""Find the units of a network that know a property of the text, by their correlation with it.

Among hundreds of units, some correlate with anything by chance. So half of the texts select the
units, and the other half, which had no part in that, estimates their correlations. The intervals
are those of a jackknife that leaves out whole texts, since neighbouring steps depend on each other,
on Fisher's z (Efron and Tibshirani 1993, sections 11.5 and 8.5); they hold for all the selected
units together (Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import Interval
from rnncli.analysis.text_properties import Values
from rnncli.networks.numerics import Floats

SELECTED_UNITS = 5  # what can be read at a glance
CONFIDENCE = 0.95  # that all intervals hold
MIN_TEXTS = 20  # of each half: the intervals of fewer are too narrow
LARGEST_CORRELATION = 1 - 1e-9  # of which Fisher's z is finite

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """The sums over the steps of a text, of which correlations with U units are made."""

    steps: int
    y: float  # of the property
    y_squared: float
    x: _Array  # (U,) of the units
    x_squared: _Array  # (U,)
    xy: _Array  # (U,)

    @classmethod
    def of(cls, states: Floats, values: Values) -> "Moments":
        """Sum over the states (T, U) of a text and its values (T,)."""
        x = states.astype(np.float64)
        return cls(
            len(values),
            float(values.sum()),
            float(np.square(values).sum()),
            x.sum(0),
            np.square(x).sum(0),
            values @ x,
        )


@dataclass(frozen=True)
class FoundUnit:
    """A unit, and its correlation with the property in texts that did not select it."""

    index: int  # of the U units
    correlation: float
    interval: Interval

    @property
    def is_significant(self) -> bool:
        """Return whether the interval leaves zero out."""
        low, high = self.interval
        return low > 0 or high < 0


def find_units(texts: Sequence[Moments]) -> list[FoundUnit]:
    """Return the units that correlate most with a property, the most strongly related first.

    Every other text selects them.

    Raises:
        ValueError: there are too few texts, or the property does not vary in them.

    """
    selection, estimation = _Sums(texts[::2]), _Sums(texts[1::2])
    if len(texts) < 2 * MIN_TEXTS:
        raise ValueError(f"{2 * MIN_TEXTS} texts are needed, and there are {len(texts)}")
    ones = np.ones((1, len(texts[::2])))
    every_unit = np.arange(len(texts[0].x))
    (scores,) = selection.correlations(ones, every_unit)  # (U,)
    if not selection.varies or not estimation.varies:
        raise ValueError("the property does not vary in the texts")
    units = np.argsort(-np.abs(scores), kind="stable")[:SELECTED_UNITS]
    (estimates,) = estimation.correlations(np.ones((1, estimation.count)), units)
    lows, highs = _interval(estimation, estimates, units)
    found = [
        FoundUnit(int(unit), float(estimate), (float(low), float(high)))
        for unit, estimate, low, high in zip(units, estimates, lows, highs, strict=True)
    ]
    return sorted(found, key=lambda unit: -abs(unit.correlation))


def _interval(texts: "_Sums", estimates: _Array, units: NDArray[np.int64]) -> tuple[_Array, _Array]:
    """Return the ends (M,) of the intervals of correlations (M,) by a jackknife over N texts."""
    n = texts.count
    without_one = texts.correlations(1 - np.eye(n), units)  # (N, M)
    z = _fisher_z(without_one)
    error = np.sqrt((n - 1) / n * np.square(z - z.mean(0)).sum(0))  # (M,)
    reach = _t_quantile(1 - (1 - CONFIDENCE) / 2 / len(units), n - 1) * error
    centre = _fisher_z(estimates)
    return np.tanh(centre - reach), np.tanh(centre + reach)


def _fisher_z(correlations: _Array) -> _Array:
    z: _Array = np.arctanh(np.clip(correlations, -LARGEST_CORRELATION, LARGEST_CORRELATION))
    return z


def _t_quantile(probability: float, degrees: int) -> float:
    """Return a quantile of Student's t (Abramowitz and Stegun 1964, formula 26.7.5)."""
    x = NormalDist().inv_cdf(probability)
    first = (x**3 + x) / 4
    second = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    return x + first / degrees + second / degrees**2


class _Sums:
    """The moments of N texts, stacked."""

    def __init__(self, texts: Sequence[Moments]) -> None:
        self.count = len(texts)
        self._steps = np.array([text.steps for text in texts], np.float64)  # (N,)
        self._y = np.array([text.y for text in texts])
        self._y_squared = np.array([text.y_squared for text in texts])
        self._x = np.array([text.x for text in texts])  # (N, U)
        self._x_squared = np.array([text.x_squared for text in texts])
        self._xy = np.array([text.xy for text in texts])

    @property
    def varies(self) -> bool:
        """Return whether the property does."""
        n, y = self._steps.sum(), self._y.sum()
        return bool(n and self._y_squared.sum() - y * y / n > 1e-9 * n)

    def correlations(self, counts: _Array, units: NDArray[np.int64]) -> _Array:
        """Return Pearson's correlations (R, M) of units, with each text counted so often (R, N).

        0 where one of both is constant.
        """
        n, y, y_squared = (counts @ sums for sums in (self._steps, self._y, self._y_squared))
        x, x_squared, xy = (
            counts @ sums[:, units] for sums in (self._x, self._x_squared, self._xy)
        )  # (R, M)
        n, y, y_squared = n[:, None], y[:, None], y_squared[:, None]  # (R, 1)
        covariance = n * xy - x * y
        variances = (n * x_squared - x * x) * (n * y_squared - y * y)
        scale = np.sqrt(np.maximum(variances, 0))
        correlations: _Array = np.divide(
            covariance, scale, out=np.zeros_like(covariance), where=scale > 1e-12 * n * n
        )
        return correlations
