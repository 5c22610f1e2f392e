"""Choose how many values a forecaster reads, and whether of their logarithms.

A linear model of each choice is fitted in a moment; the one that forecasts the held-out part best
tells, since a look-back that is of use to it is to a network, too.
"""

from dataclasses import dataclass

import numpy as np

from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.forecast.references import fit_linear, predict_linear
from rnncli.tasks.forecast.windows import Panel, Windows

FACTORS = (1, 2, 3, 4, 7, 14, 21, 30)  # of the season, to choose from
WITHOUT_SEASON = (4, 8, 16, 32, 64, 128)
MIN_LOOKBACK = 4
COMPARED_WINDOWS, HELD_OUT_WINDOWS = 10_000, 500  # that choices are compared by
FITTED_WINDOWS = 100_000


@dataclass(frozen=True)
class LinearModel:
    """A linear model of the last ``lookback`` values, and how well it forecasts."""

    lookback: int
    is_log: bool
    penalty: int  # which of `references.PENALTIES`
    error: float  # mean absolute error on the held-out part, in standard deviations of the past


def choose_linear(panel: Panel, horizon: int, season: int, lookback: int | None) -> LinearModel:
    """Return the best of the linear models; of a given ``lookback``, if there is one."""
    shortest = min(panel.cuts)
    usual = [f * season for f in FACTORS] if season > 1 else list(WITHOUT_SEASON)
    possible = [each for each in usual if MIN_LOOKBACK <= each <= (shortest - horizon) // 2]
    lookbacks = [lookback] if lookback else possible or [max(min(season, shortest // 2), 1)]
    models = [
        LinearModel(each, is_log, penalty, error)
        for is_log in ((False, True) if panel.is_positive else (False,))
        for each in lookbacks
        for penalty, error in enumerate(_errors(panel, each, horizon, is_log=is_log))
    ]
    return min(models, key=lambda model: model.error)


def fit(panel: Panel, model: LinearModel, horizon: int) -> Floats:
    """Return the weight (L + 1, H) of a linear model that was chosen, of all past windows."""
    windows, origins = past_windows(panel, model.lookback, horizon, is_log=model.is_log)
    return fit_linear(windows, _thinned(windows, origins, FITTED_WINDOWS))[model.penalty]


def past_windows(
    panel: Panel, lookback: int, horizon: int, *, is_log: bool
) -> tuple[Windows, Ints]:
    """Return the windows of the past and their origins; what is held out is unknown there."""
    series = [
        each.until(cut) for each, cut in zip(panel.scaled(is_log=is_log), panel.cuts, strict=True)
    ]
    windows = Windows(series, lookback, horizon)
    spans = [(max(min(lookback, cut // 2), 1), cut) for cut in panel.cuts]
    return windows, windows.origins(spans)


def held_out_windows(
    panel: Panel, lookback: int, horizon: int, at_most: int, *, is_log: bool
) -> tuple[Windows, Ints]:
    """Return the windows of whole series, and the origins in what is held out."""
    windows = Windows(panel.scaled(is_log=is_log), lookback, horizon)
    spans = [(cut, len(v)) for cut, v in zip(panel.cuts, panel.values, strict=True)]
    return windows, windows.origins(spans, at_most)


def _errors(panel: Panel, lookback: int, horizon: int, *, is_log: bool) -> list[float]:
    """Return the error on the held-out part for each penalty."""
    windows, origins = past_windows(panel, lookback, horizon, is_log=is_log)
    weights = fit_linear(windows, _thinned(windows, origins, COMPARED_WINDOWS))
    series = panel.scaled(is_log=is_log)
    units = [each.scale for each in panel.scaled(is_log=False)]
    windows, origins = held_out_windows(panel, lookback, horizon, HELD_OUT_WINDOWS, is_log=is_log)
    batch, last = windows.batch(origins), windows.last(origins)
    number = np.searchsorted(windows.starts, origins, "right") - 1  # of the series of each
    errors = []
    for weight in weights:
        forecast = predict_linear(weight, batch.inputs)
        total = 0.0
        for i in np.unique(number):
            rows, known = number == i, batch.known[number == i]
            pair = (series[i].restore(x[rows] + last[rows]) for x in (forecast, batch.targets))
            total += float(np.abs(next(pair) - next(pair))[known].sum()) / units[i]
        errors.append(total / batch.known.sum())
    return errors


def _thinned(windows: Windows, origins: Ints, at_most: int) -> Ints:
    """Return origins with all targets, at most so many; any, where there are none."""
    complete = windows.complete(origins)
    chosen = complete if len(complete) else origins
    return chosen[:: -(-len(chosen) // at_most)]
