"""Reference forecasts: simple ones, of which the best is what a network adds to.

Each is a function of windows (N, L) without the level of their last values, and returns (N, H).
"""

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np

from rnncli.networks.numerics import Floats
from rnncli.tasks.forecast.linear import predict_linear
from rnncli.tasks.forecast.windows import SEASONS, Reading, WindowBatch

DAMPING = np.float32(0.95)  # of a trend, a step
RATES = (0.05, 0.2, 0.5, 0.9), (0.0, 0.1, 0.3), (0.05, 0.2, 0.5)  # of level, trend and season
LINEAR_MODEL = "linear"
REFERENCES = ("naive", "seasonal_naive", "seasonal_mean", "exponential_smoothing", LINEAR_MODEL)

Reference = Callable[[Floats], Floats]
Rates = tuple[float, float, float]


def references(reading: Reading, rates: Rates, weight: Floats) -> dict[str, Reference]:
    """Return the reference forecasts by name, those of smoothing and of a linear model fitted."""
    horizon, season = reading.horizon, reading.season

    def mean(seasons: int, inputs: Floats) -> Floats:
        length = min(season, inputs.shape[1])
        count = max(min(seasons, inputs.shape[1] // length), 1)
        means = inputs[:, -count * length :].reshape(len(inputs), count, length).mean(1)
        tiled: Floats = np.tile(means, -(-horizon // length))[:, :horizon]
        return tiled

    functions: tuple[Reference, ...] = (
        lambda inputs: np.zeros((len(inputs), horizon), np.float32),
        partial(mean, 1),
        partial(mean, SEASONS),
        lambda inputs: smooth(inputs, horizon, season, rates),
        partial(predict_linear, weight),
    )
    return dict(zip(REFERENCES, functions, strict=True))


def smooth(inputs: Floats, horizon: int, season: int, rates: Rates) -> Floats:
    """Return the forecasts (N, H) of additive exponential smoothing (Holt 1957, Winters 1960).

    The trend is damped (Gardner and McKenzie 1985). ``rates`` are those of level, trend and season.
    Windows of less than two seasons are smoothed without one.
    """
    level_rate, trend_rate, season_rate = (np.float32(rate) for rate in rates)
    season = season if inputs.shape[1] >= 2 * season else 1
    first = inputs[:, : 2 * season] if season > 1 else inputs[:, :1]
    level, trend = first.mean(1), np.zeros(len(inputs), np.float32)
    seasonal = first.reshape(len(inputs), -1, season).mean(1) - level[:, None]  # (N, season)
    for t, value in enumerate(inputs.T):
        before, phase = level + DAMPING * trend, t % season
        error = value - before - seasonal[:, phase]
        level = before + level_rate * error
        trend = DAMPING * trend + level_rate * trend_rate * error
        if season > 1:
            seasonal[:, phase] += season_rate * (1 - level_rate) * error
    ahead = np.arange(horizon)
    damped = np.cumsum(DAMPING ** (ahead + 1)).astype(np.float32)
    phases = (inputs.shape[1] + ahead) % season
    forecasts: Floats = level[:, None] + trend[:, None] * damped + seasonal[:, phases]
    return forecasts


def fit_smoothing(batch: WindowBatch, season: int) -> Rates:
    """Return the rates of smoothing with the lowest absolute error on some windows."""

    def error(rates: Rates) -> float:
        forecasts = smooth(batch.inputs, batch.targets.shape[1], season, rates)
        return float(np.abs(forecasts - batch.targets)[batch.is_target].mean())

    return min(product(*RATES), key=error)
