"""Evaluate a forecaster at rolling origins, beside simple forecasts."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.analysis.comparison import SIGNIFICANCE_LEVEL, diebold_mariano
from rnncli.analysis.metrics import Interval
from rnncli.data.series import series_of_dataset
from rnncli.errors import DataError
from rnncli.messages import Announce
from rnncli.networks.numerics import Floats
from rnncli.tasks.evaluation import ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData
from rnncli.tasks.forecast.predict import Forecaster
from rnncli.tasks.forecast.quantiles import adapt, widen
from rnncli.tasks.forecast.references import SEASONS
from rnncli.tasks.forecast.windows import Booleans, Doubles, Panel, Scaled, Windows

MAX_ORIGINS = 5_000  # of each series: the latest
FEW_ORIGINS = 20  # with all targets; where there are fewer, those with some count, too
NAMES = ("mase", "mae", "rmse", "mse", "coverage", "interval_width", "origins", "horizon")


@dataclass(frozen=True)
class PointScores:
    """The scores of forecasts, in the units of the series but for the MASE."""

    mase: float  # mean absolute error over that of the seasonal naive forecast in the past
    mae: float
    rmse: float
    mse: float


@dataclass(frozen=True)
class BaselineScores(PointScores):
    """The scores of a simple forecast, and by how much the model is better."""

    difference: float  # of the MASE: below 0, the baseline is better
    interval: Interval  # of the difference, 95 % (Diebold and Mariano 1995)
    p_value: float


@dataclass(frozen=True)
class ForecastReport:
    """The scores of a forecaster."""

    model: PointScores
    baselines: dict[str, BaselineScores]  # best first
    coverage: float  # share of the values between the outer quantiles; 0.8 is right
    interval_width: float
    origins: int
    horizon: int
    mistakes = None

    @property
    def better(self) -> str | None:
        """The baseline that is best, if it is better than the model by more than chance."""
        name, scores = next(iter(self.baselines.items()))
        is_better = scores.difference < 0 and scores.p_value < SIGNIFICANCE_LEVEL
        return name if is_better else None

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names."""
        own = {name: value for name, value in vars(self).items() if name in NAMES}
        baselines = {name: asdict(scores) for name, scores in self.baselines.items()}
        return {**asdict(self.model), **own, "baselines": baselines, "better": self.better}


class ForecasterScorer:
    """Score a forecaster on series."""

    needs_training_data = False
    names: Sequence[str] = NAMES

    def __init__(self, path: Path, settings: ScoringSettings, announce: Announce) -> None:
        """Read the model.

        Raises:
            ModelError: there is no such model.

        """
        self._model = Forecaster.load(path, threads=settings.threads, announce=announce)
        self._announce = announce

    def score(self, data: EvaluationData) -> ForecastReport:
        """Forecast from each origin of what is held out, or of what follows the training data.

        Raises:
            DataError: the series are too short.

        """
        panel = self._panel(data)
        values, horizon = self._model.values, self._model.horizon
        series = panel.scaled(is_log=values.is_log)
        windows = Windows(series, max(values.lookback, SEASONS * values.season), horizon)
        results = [self._series(panel, series, windows, i) for i in range(len(series))]
        return _report(results, horizon)

    def _panel(self, data: EvaluationData) -> Panel:
        """Return the series, with their pasts as known to the model."""
        table = series_of_dataset(data.rows)
        lookback = self._model.values.lookback
        if data.train is not None:
            panel = Panel.of(series_of_dataset(data.train), table)
        else:
            panel = Panel.of(table)
            stamp, place = self._model.values.until, 0
            place = int(table.grid.places(np.array([stamp]))[0]) + 1
            cuts = [place - each.start for each in table.series]
            if all(0 < cut < len(v) for cut, v in zip(cuts, panel.values, strict=True)):
                self._announce(f"scored on what follows the training: from {table.time(place)}")
            else:
                cuts = [lookback for _ in panel.values]
            panel = Panel(panel.values, tuple(cuts))
        if any(cut >= len(v) for cut, v in zip(panel.cuts, panel.values, strict=True)):
            raise DataError(
                f"a series is not longer than the look-back of the model, {lookback} steps",
                "give longer series, which begin before what is to be forecast",
            )
        if self._model.values.is_log and not panel.is_positive:
            raise DataError(
                "the model reads logarithms, and a value is not above 0",
                "score it on series without such values",
            )
        return panel

    def _series(
        self, panel: Panel, series: Sequence[Scaled], windows: Windows, number: int
    ) -> "_SeriesResult":
        """Forecast one series from all its origins."""
        scaled, cut = series[number], panel.cuts[number]
        spans = [(0, 0)] * len(series)
        spans[number] = cut, len(scaled.values)
        origins = windows.origins(spans)
        complete = windows.complete(origins)
        origins = complete if len(complete) >= FEW_ORIGINS else origins
        origins = origins[-MAX_ORIGINS:]
        batch, last = windows.batch(origins), windows.last(origins)

        def restored(x: Floats) -> Doubles:
            return scaled.restore(x + last)

        season = min(self._model.values.season, max(cut - 1, 1))
        past = scaled.restore(scaled.values[:cut])
        naive_error = float(np.abs(past[season:] - past[:-season]).mean()) or 1.0
        forecasts = {name: restored(f(batch.inputs)) for name, f in self._model.references.items()}
        network = self._model.quantiles(batch)
        network = widen(network, adapt(network, batch.targets, batch.known)[:-1])
        quantiles = scaled.restore(network + last[..., None])
        targets = restored(batch.targets)
        return _SeriesResult(quantiles, targets, batch.known, forecasts, naive_error)


@dataclass(frozen=True)
class _SeriesResult:
    """The forecasts of a series from N origins."""

    quantiles: Doubles  # (N, H, Q)
    targets: Doubles  # (N, H)
    known: Booleans  # (N, H)
    baselines: dict[str, Doubles]  # (N, H) each
    naive_error: float

    def scaled_errors(self, forecast: Doubles) -> Doubles:
        """Return the mean absolute error from each origin (N,), over that of the naive forecast."""
        errors = np.abs(forecast - self.targets) * self.known
        means: Doubles = errors.sum(1) / self.known.sum(1) / self.naive_error
        return means


def _report(results: Sequence[_SeriesResult], horizon: int) -> ForecastReport:
    known = np.concatenate([r.known.ravel() for r in results])
    targets = np.concatenate([r.targets.ravel() for r in results])[known]

    def join(forecasts: Sequence[Doubles]) -> Doubles:
        joined: Doubles = np.concatenate([each.ravel() for each in forecasts])[known]
        return joined

    def points(forecasts: Sequence[Doubles]) -> tuple[float, float, float, float]:
        errors = join(forecasts) - targets
        pairs = zip(results, forecasts, strict=True)
        mase = float(np.mean(np.concatenate([r.scaled_errors(f) for r, f in pairs])))
        mse = float(np.square(errors).mean())
        return mase, float(np.abs(errors).mean()), mse**0.5, mse

    low, middle, high = ([r.quantiles[..., i] for r in results] for i in range(3))
    model = PointScores(*points(middle))
    own = [r.scaled_errors(m) for r, m in zip(results, middle, strict=True)]
    baselines = {}
    for name in set.intersection(*(set(r.baselines) for r in results)):
        forecasts = [r.baselines[name] for r in results]
        others = [r.scaled_errors(f) for r, f in zip(results, forecasts, strict=True)]
        test = diebold_mariano([b - a for a, b in zip(own, others, strict=True)], horizon)
        baselines[name] = BaselineScores(*points(forecasts), *astuple(test))
    ordered = sorted(baselines.items(), key=lambda item: item[1].mase)
    lower, upper = join(low), join(high)
    return ForecastReport(
        model=model,
        baselines=dict(ordered),
        coverage=float(((lower <= targets) & (targets <= upper)).mean()),
        interval_width=float((upper - lower).mean()),
        origins=sum(len(r.targets) for r in results),
        horizon=horizon,
    )
