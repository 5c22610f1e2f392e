"""Windows of series: what a forecaster reads, and what followed.

Letters: T steps of a series, L of the look-back, H of the horizon, Q levels of quantiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnncli.data.batches import Batch
from rnncli.data.series import SeriesTable
from rnncli.networks.numerics import Floats, Ints

Booleans = NDArray[np.bool_]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Several series, each with the step at which its past ends: what follows is held out."""

    values: tuple[Doubles, ...]  # (T,) each, NaN where one is missing
    cuts: tuple[int, ...]

    @classmethod
    def of(cls, past: SeriesTable, future: SeriesTable | None = None) -> "Panel":
        """Join the rows of a past and of its future, which may be None."""
        values = {each.name: each.values for each in past.series}
        later = {} if future is None else {each.name: each.values for each in future.series}
        joined = [np.append(v, later[name]) if name in later else v for name, v in values.items()]
        return cls(tuple(joined), tuple(map(len, values.values())))

    @property
    def is_positive(self) -> bool:
        """Whether all values are above 0, so that they have logarithms."""
        return all(np.nanmin(values) > 0 for values in self.values)

    @property
    def held_out_steps(self) -> int:
        """The number of steps that are held out."""
        return sum(map(len, self.values)) - sum(self.cuts)

    def scaled(self, *, is_log: bool) -> "list[Scaled]":
        """Return the series in the units of a network."""
        pairs = zip(self.values, self.cuts, strict=True)
        return [Scaled.of(values, cut, is_log=is_log) for values, cut in pairs]


@dataclass(frozen=True)
class Scaled:
    """A series in the units of a network: (value - centre) / scale, of its logarithms perhaps."""

    values: Floats  # (T,) with missing ones bridged by straight lines
    known: Booleans  # (T,)
    centre: float
    scale: float
    is_log: bool

    @classmethod
    def of(cls, values: Doubles, cut: int, *, is_log: bool) -> "Scaled":
        """Scale a series by the mean and the standard deviation of its past, before ``cut``."""
        known = ~np.isnan(values)
        values = np.log(values) if is_log else values
        steps = np.arange(len(values))
        bridged = np.interp(steps, steps[known], values[known]) if known.any() else 0.0 * steps
        past = bridged[: max(cut, 1)]
        centre, scale = float(past.mean()), float(past.std()) or 1.0
        return cls(((bridged - centre) / scale).astype(np.float32), known, centre, scale, is_log)

    def until(self, cut: int) -> "Scaled":
        """Return the steps before ``cut`` alone."""
        return replace(self, values=self.values[:cut], known=self.known[:cut])

    def restore(self, values: Floats) -> Doubles:
        """Return values (...) in the units of the series."""
        restored = values.astype(np.float64) * self.scale + self.centre
        return np.exp(restored) if self.is_log else restored


@dataclass(frozen=True)
class WindowBatch(Batch):
    """Windows and what followed, without the level of the last value."""

    inputs: Floats  # (N, L)
    targets: Floats  # (N, H)
    known: Booleans  # (N, H) whether there is such a target


class Windows:
    """All windows of some series, end to end in one array; an origin is the place of a target.

    Before its begin a series is as its first value, after its end unknown.
    """

    def __init__(self, series: Sequence[Scaled], lookback: int, horizon: int) -> None:
        self.lookback, self.horizon = lookback, horizon
        values, known, self.starts = [], [], list[int]()
        size = 0
        for each in series:
            values += [np.full(lookback, each.values[0]), each.values, np.zeros(horizon)]
            known += [np.zeros(lookback), each.known, np.zeros(horizon)]
            self.starts.append(size + lookback)
            size += lookback + len(each.values) + horizon
        self._values = np.concatenate(values).astype(np.float32)
        self._known = np.concatenate(known).astype(np.bool_)

    def origins(self, spans: Sequence[tuple[int, int]], at_most: int | None = None) -> Ints:
        """Return the origins in a span of each series that have a target, evenly thinned out."""
        pairs = zip(self.starts, spans, strict=True)
        origins: Ints = np.concatenate([np.arange(start + a, start + b) for start, (a, b) in pairs])
        counts = np.append(0, self._known.cumsum())
        origins = origins[counts[origins + self.horizon] > counts[origins]]
        if at_most is not None and len(origins) > at_most:
            origins = origins[np.linspace(0, len(origins) - 1, at_most).astype(np.int64)]
        return origins

    def complete(self, origins: Ints) -> Ints:
        """Return those origins that have all targets."""
        counts = np.append(0, self._known.cumsum())
        complete: Ints = origins[counts[origins + self.horizon] - counts[origins] == self.horizon]
        return complete

    def last(self, origins: Ints) -> Floats:
        """Return the last value (N, 1) before each origin."""
        return self._values[origins - 1][:, None]

    def batch(self, origins: Ints) -> WindowBatch:
        """Return the windows that end before the origins (N,)."""
        last, rows = self.last(origins), origins[:, None]
        following = rows + np.arange(self.horizon)
        inputs = self._values[rows - np.arange(self.lookback, 0, -1)] - last
        return WindowBatch(inputs, self._values[following] - last, self._known[following])


def frames(inputs: Floats, segment: int) -> Floats:
    """Cut windows (N, L) into segments (N, S, segment); the earliest values may be left out."""
    steps = inputs.shape[1] // segment
    return inputs[:, inputs.shape[1] - steps * segment :].reshape(len(inputs), steps, segment)
