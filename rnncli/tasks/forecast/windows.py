"""Windows of series: what a forecaster reads, and what followed.

Letters: S series, T steps of one, L of a window, H of the horizon, C known columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.data.batches import Batch
from rnncli.data.series import Doubles, TimeSeries
from rnncli.networks.numerics import Floats, Ints

SEASONS = 7  # that a window has at least: of days, a week

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Reading:
    """How a forecaster reads series."""

    lookback: int  # values at the end of a window, which network and linear model read
    horizon: int  # values that it forecasts
    season: int  # steps after which series usually repeat
    is_log: bool  # whether it reads logarithms
    effects: tuple[float, ...]  # (C,) of the known columns, in units of the network

    @property
    def window(self) -> int:
        """The number of values in a window."""
        return max(self.lookback, SEASONS * self.season)


@dataclass(frozen=True)
class WindowBatch(Batch):
    """Windows and what followed, without the level of the last value."""

    inputs: Floats  # (N, L)
    targets: Floats  # (N, H)
    is_target: Booleans  # (N, H) whether there is such a value


class Windows:
    """All windows of some series, end to end in one array; an origin is the place of a target.

    In the units of the network a value is its logarithm perhaps, without the effects of known
    columns, over the standard deviation before the ``cuts`` (S,), where what is held out begins.
    Missing values are bridged by straight lines. Before its begin a series is as its first value.
    """

    def __init__(self, series: Sequence[TimeSeries], cuts: Sequence[int], reading: Reading) -> None:
        self.reading, self.cuts = reading, np.array(cuts)
        length, horizon, season = reading.window, reading.horizon, reading.season
        values, effects, is_value, units, naive_errors = [], [], [], [], []
        for each, cut in zip(series, cuts, strict=True):
            plain = bridge(each.values)
            past = np.log(plain) if reading.is_log else plain
            unit = float(past[:cut].std()) or 1.0
            known = bridge(each.known[: len(plain) + horizon])
            effect = np.pad(
                known @ np.array(reading.effects), (0, len(plain) + horizon - len(known)), "edge"
            )
            level = past / unit - effect[: len(plain)]
            values += [np.full(length, level[0]), level, np.zeros(horizon)]
            effects += [np.zeros(length), effect]
            is_value += [np.zeros(length), ~np.isnan(each.values), np.zeros(horizon)]
            units.append(unit)
            lag = min(season, max(cut - 1, 1))
            naive_errors.append(float(np.abs(plain[lag:cut] - plain[: cut - lag]).mean()) or 1.0)
        sizes = [length + len(each.values) + horizon for each in series]
        self.starts = np.cumsum([0, *sizes[:-1]]) + length
        self._values = np.concatenate(values).astype(np.float32)
        self._effects = np.concatenate(effects)
        self._is_value = np.concatenate(is_value).astype(np.bool_)
        self._counts = np.append(0, self._is_value.cumsum())
        self._units, self._naive_errors = np.array(units), np.array(naive_errors)

    def past(self) -> Ints:
        """Return the origins whose targets all lie before the cuts."""
        first = np.minimum(self.reading.lookback, self.cuts // 2).clip(1)
        return self._between(first, self.cuts - self.reading.horizon + 1)

    def held_out(self, series: int | None = None) -> Ints:
        """Return the origins from the cuts on that have a target, of one or of all series."""
        ends = np.append(self.starts[1:] - self.reading.window, len(self._values)) - self.starts
        origins = self._between(self.cuts, ends - self.reading.horizon)
        if series is not None:
            origins = origins[self._series_of(origins) == series]
        return origins[self._target_counts(origins) > 0]

    def complete(self, origins: Ints) -> Ints:
        """Return those origins that have all targets."""
        complete: Ints = origins[self._target_counts(origins) == self.reading.horizon]
        return complete

    def _target_counts(self, origins: Ints) -> Ints:
        counts: Ints = self._counts[origins + self.reading.horizon] - self._counts[origins]
        return counts

    def _between(self, first: Ints, end: Ints) -> Ints:
        spans = zip(self.starts + first, self.starts + end, strict=True)
        origins: Ints = np.concatenate([np.arange(*span) for span in spans])
        return origins

    def batch(self, origins: Ints) -> WindowBatch:
        """Return the windows that end before the origins (N,)."""
        last, rows = self._values[origins - 1][:, None], origins[:, None]
        following = rows + np.arange(self.reading.horizon)
        inputs = self._values[rows - np.arange(self.reading.window, 0, -1)] - last
        return WindowBatch(inputs, self._values[following] - last, self._is_value[following])

    def restore(self, x: Floats, origins: Ints) -> Doubles:
        """Return forecasts (N, H, ...) from the origins (N,) in the units of the series."""
        following = origins[:, None] + np.arange(self.reading.horizon)
        level = self._values[origins - 1][:, None] + self._effects[following]
        units = self._units[self._series_of(origins)]
        shape = (*level.shape, *[1] * (x.ndim - 2))
        restored: Doubles = (x + level.reshape(shape)) * units.reshape(-1, *[1] * (x.ndim - 1))
        return np.exp(restored) if self.reading.is_log else restored

    def naive_errors(self, origins: Ints) -> Doubles:
        """Return the mean absolute error (N,) of the seasonal naive forecast in a series' past."""
        errors: Doubles = self._naive_errors[self._series_of(origins)]
        return errors

    def scaled_errors(self, forecasts: Doubles, origins: Ints) -> Doubles:
        """Return the mean absolute error (N,) of forecasts (N, H), over that of the naive one.

        As in the mean absolute scaled error, MASE (Hyndman and Koehler 2006).
        """
        batch = self.batch(origins)
        errors = np.abs(forecasts - self.restore(batch.targets, origins)) * batch.is_target
        scaled: Doubles = errors.sum(1) / batch.is_target.sum(1) / self.naive_errors(origins)
        return scaled

    def _series_of(self, origins: Ints) -> Ints:
        return np.searchsorted(self.starts - self.reading.window, origins, "right") - 1


def bridge(values: Doubles) -> Doubles:
    """Return values (T, ...) with missing ones bridged by straight lines; 0 where there is none."""
    if values.ndim > 1:
        return np.stack([bridge(column) for column in values.T], 1) if values.size else values
    steps, is_filled = np.arange(len(values)), ~np.isnan(values)
    if not is_filled.any():
        return np.zeros(len(values))
    return np.interp(steps, steps[is_filled], values[is_filled])


def thin(origins: Ints, at_most: int) -> Ints:
    """Return at most so many origins, evenly drawn."""
    places = np.linspace(0, len(origins) - 1, min(at_most, len(origins))).astype(np.int64)
    thinned: Ints = origins[places]
    return thinned


def frames(inputs: Floats, lookback: int, segment: int) -> Floats:
    """Cut the end of windows (N, L) into segments (N, K, segment), of ``lookback`` at most."""
    steps = lookback // segment
    return np.ascontiguousarray(inputs[:, -steps * segment :]).reshape(-1, steps, segment)
