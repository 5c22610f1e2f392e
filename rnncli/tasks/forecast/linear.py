"""The linear model of a forecaster, which also chooses what is read of series.

A linear model of each choice is fitted in a moment. The one that is best on what is held out tells
the look-back, and whether logarithms are read: what is of use to it is to a network, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from rnncli.data.series import TimeSeries
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.forecast.windows import Reading, Windows, bridge, thin

FACTORS = (1, 2, 3, 4, 7, 14, 21, 30)  # of the season, to choose from
WITHOUT_SEASON = (4, 8, 16, 32, 64, 128)
PENALTIES = (0.5, 0.1, 0.01, 0.001)  # times the number of windows
COMPARED_WINDOWS, HELD_OUT_WINDOWS = 10_000, 500  # that choices are compared by
FITTED_WINDOWS = 100_000
CHUNK = 4_096  # windows in memory at once


@dataclass(frozen=True)
class LinearModel:
    """A linear model of windows."""

    reading: Reading
    penalty: int  # which of ``PENALTIES``

    def fit(self, series: Sequence[TimeSeries], cuts: Sequence[int]) -> Floats:
        """Return the weight (L + 1, H) after all past windows."""
        windows = Windows(series, cuts, self.reading)
        return _fit(windows, thin(windows.past(), FITTED_WINDOWS))[self.penalty]


def choose_linear(
    series: Sequence[TimeSeries],
    cuts: Sequence[int],
    horizon: int,
    season: int,
    lookback: int | None,
) -> LinearModel:
    """Return the linear model that is best on what is held out; of a given look-back, if any."""
    usual = [factor * season for factor in FACTORS] if season > 1 else WITHOUT_SEASON
    longest = max((min(cuts) - horizon) // 2, 1)
    lookbacks = [lookback] if lookback else [n for n in usual if n <= longest] or [longest]
    is_positive = all(np.nanmin(each.values) > 0 for each in series)
    errors = {}
    for is_log, length in product((False, True)[: 1 + is_positive], lookbacks):
        effects = fit_effects(series, cuts, season, is_log=is_log)
        reading = Reading(length, horizon, season, is_log, effects)
        windows = Windows(series, cuts, reading)
        held_out = thin(windows.held_out(), HELD_OUT_WINDOWS)
        inputs = windows.batch(held_out).inputs
        for penalty, weight in enumerate(_fit(windows, thin(windows.past(), COMPARED_WINDOWS))):
            forecasts = windows.restore(predict_linear(weight, inputs), held_out)
            error = float(windows.scaled_errors(forecasts, held_out).mean())
            errors[LinearModel(reading, penalty)] = error
    return min(errors, key=lambda model: errors[model])


def predict_linear(weight: Floats, inputs: Floats) -> Floats:
    """Return the forecasts (N, H) of a linear model, which reads the end of windows."""
    result: Floats = inputs[:, 1 - len(weight) :] @ weight[:-1] + weight[-1]
    return result


def _fit(windows: Windows, origins: Ints) -> list[Floats]:
    """Return the weights (L + 1, H) of linear models by ridge regression, one for each penalty.

    Of windows without the level of their last value: NLinear (Zeng et al. 2023), in closed form.
    """
    size = windows.reading.lookback + 1
    products = np.zeros((size, size)), np.zeros((size, windows.reading.horizon))
    for start in range(0, len(origins), CHUNK):
        batch = windows.batch(origins[start : start + CHUNK])
        x = np.append(batch.inputs[:, 1 - size :], np.ones((len(batch), 1), np.float32), 1)
        products[0][:] += x.T @ x
        products[1][:] += x.T @ batch.targets
    identity = max(len(origins), 1) * np.eye(size)
    return [
        np.linalg.solve(products[0] + penalty * identity, products[1]).astype(np.float32)
        for penalty in PENALTIES
    ]


def fit_effects(
    series: Sequence[TimeSeries], cuts: Sequence[int], season: int, *, is_log: bool
) -> tuple[float, ...]:
    """Return the effects (C,) of known columns by least squares, in standard deviations.

    Of differences to a season before, so that neither level nor season is taken for an effect.
    """
    x, y = [], []
    for each, cut in zip(series, cuts, strict=True):
        level, known = bridge(each.values)[:cut], bridge(each.known)[:cut]
        level = np.log(level) if is_log else level
        lag = min(season, len(level) - 1)
        x.append(known[lag:] - known[: len(known) - lag])
        y.append((level[lag:] - level[: len(level) - lag]) / (level.std() or 1.0))
    effects, *_ = np.linalg.lstsq(np.concatenate(x), np.concatenate(y), rcond=None)
    return tuple(effects.tolist())
