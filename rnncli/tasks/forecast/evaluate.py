"""Evaluate a forecaster at rolling origins, beside simple forecasts."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.analysis.comparison import SIGNIFICANCE_LEVEL, diebold_mariano
from rnncli.analysis.metrics import Interval
from rnncli.data.series import Doubles, series_of_datasets
from rnncli.errors import DataError
from rnncli.messages import Announce
from rnncli.networks.numerics import Ints
from rnncli.tasks.evaluation import ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData
from rnncli.tasks.forecast.predict import Forecaster
from rnncli.tasks.forecast.quantiles import adapt, widen
from rnncli.tasks.forecast.windows import Windows

MAX_ORIGINS = 5_000  # of each series: the latest
FEW_ORIGINS = 20  # with all targets; where there are fewer, those with some count, too
MODEL, INTERVALS = "model", "intervals"  # beside the names of baselines
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
            DataError: the series are too short, or other columns are known than in training.

        """
        parts = [data.rows] if data.train is None else [data.train, data.rows]
        table, cuts = series_of_datasets(*parts)
        lengths = [len(each.values) for each in table.series]
        if data.train is None:
            place = int(table.grid.places(np.array([self._model.values.until]))[0]) + 1
            cuts = [place - each.start for each in table.series]
            if all(0 < cut < length for cut, length in zip(cuts, lengths, strict=True)):
                self._announce(f"scored on what follows the training: from {table.time(place)}")
            else:
                cuts = [self._model.reading.lookback] * len(cuts)
        if any(cut >= length for cut, length in zip(cuts, lengths, strict=True)):
            raise DataError(
                f"a series is not longer than the look-back, {self._model.reading.lookback} steps",
                "give longer series, which begin before what is to be forecast",
            )
        windows = self._model.windows(table.series, cuts)
        chosen = []
        for number in range(len(cuts)):
            origins = windows.held_out(number)
            complete = windows.complete(origins)
            chosen.append((complete if len(complete) >= FEW_ORIGINS else origins)[-MAX_ORIGINS:])
        return self._report(windows, chosen)

    def _report(self, windows: Windows, chosen: Sequence[Ints]) -> ForecastReport:
        """Score the model and its references from the origins of each series."""
        origins = np.concatenate(chosen)
        parts = [self._sums(windows, each) for each in chosen]
        sums = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        targets, inside, width = sums.pop(INTERVALS).T
        naive = windows.naive_errors(origins)
        mase = {name: errors[:, 0] / targets / naive for name, errors in sums.items()}
        total = targets.sum()

        def points(name: str) -> tuple[float, float, float, float]:
            mae, mse = sums[name].sum(0) / total
            return float(mase[name].mean()), float(mae), float(mse**0.5), float(mse)

        baselines, ends = {}, np.cumsum(list(map(len, chosen)))[:-1]
        for name in sorted(self._model.references, key=lambda name: float(mase[name].mean())):
            test = diebold_mariano(np.split(mase[name] - mase[MODEL], ends), self._model.horizon)
            baselines[name] = BaselineScores(*points(name), *astuple(test))
        return ForecastReport(
            model=PointScores(*points(MODEL)),
            baselines=baselines,
            coverage=float(inside.sum() / total),
            interval_width=float(width.sum() / total),
            origins=len(origins),
            horizon=self._model.horizon,
        )

    def _sums(self, windows: Windows, origins: Ints) -> dict[str, Doubles]:
        """Return the summed absolute and squared errors (N, 2) of all forecasts of one series.

        Under "intervals" are the numbers of targets and of those inside, and the width (N, 3).
        """
        batch = windows.batch(origins)
        is_target, targets = batch.is_target, windows.restore(batch.targets, origins)
        quantiles = self._model.quantiles(batch.inputs)
        quantiles = widen(quantiles, adapt(quantiles, batch.targets, batch.is_target)[:-1])
        low, median, high = np.moveaxis(windows.restore(quantiles, origins), -1, 0)
        forecasts = {MODEL: median}
        for name, reference in self._model.references.items():
            forecasts[name] = windows.restore(reference(batch.inputs), origins)
        sums = {}
        for name, forecast in forecasts.items():
            errors = np.abs(forecast - targets) * is_target
            sums[name] = np.stack([errors.sum(1), np.square(errors).sum(1)], 1)
        inside = (low <= targets) & (targets <= high) & is_target
        width = (high - low) * is_target
        sums[INTERVALS] = np.stack([is_target.sum(1), inside.sum(1), width.sum(1)], 1)
        return sums
