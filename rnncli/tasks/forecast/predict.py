"""Forecast series with a trained model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.data.series import Doubles, TimeSeries
from rnncli.errors import ConfigError, InputError
from rnncli.messages import Announce
from rnncli.networks.forecaster_numpy import SequenceForecaster
from rnncli.networks.numerics import Floats
from rnncli.storage.layout import LINEAR as LINEAR_FILE
from rnncli.storage.reading import SavedModel
from rnncli.storage.tensors import TensorSpec
from rnncli.tasks.forecast.quantiles import LEVELS, WEIGHT, adapt, combine, shift, widen
from rnncli.tasks.forecast.references import references
from rnncli.tasks.forecast.values import ForecasterValues
from rnncli.tasks.forecast.windows import Windows, frames
from rnncli.tasks.predictor import Predictor

MAX_ADAPTED = 1_000  # latest origins that the widths of intervals adapt to


@dataclass(frozen=True)
class Forecast:
    """Quantiles of the next values of a series."""

    quantiles: Doubles  # (H, Q)
    levels: tuple[float, ...] = LEVELS

    @property
    def median(self) -> Doubles:
        """The middle quantile (H,)."""
        middle: Doubles = self.quantiles[:, len(self.levels) // 2]
        return middle


class Forecaster(Predictor[SequenceForecaster]):
    """Forecast series: ``forecaster([[112.0, 118.0, ...]], horizon=12)[0].median``."""

    task = "forecast"
    network_class = SequenceForecaster

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        head, self._segment = self.network.head, self.network.front.size
        values = ForecasterValues.parse(self.description.task_values, head.horizon)
        if values is None or LINEAR_FILE not in model.task_files:
            raise model.damaged("how it reads series is missing or wrong")
        self.values, self.reading, self.horizon = values, values.reading, head.horizon
        if head.levels != LEVELS or self._segment > self.reading.lookback:
            raise model.damaged("its quantiles or segments are those of another model")
        shapes = {"weight": (self.reading.lookback + 1, self.horizon), "offsets": (self.horizon, 2)}
        self.tensors = model.task_files[LINEAR_FILE].read(
            {name: TensorSpec(shape) for name, shape in shapes.items()}
        )
        self.references = references(self.reading, values.smoothing, self.tensors["weight"])
        self._weight = model.require_tuned({WEIGHT}, maximum={WEIGHT: 1.0}).get(WEIGHT, 0.0)

    def __call__(
        self,
        series: Sequence[Sequence[float]],
        horizon: int | None = None,
        method: str | None = None,
        known: Sequence[Sequence[Sequence[float]]] | None = None,
        new: Sequence[int] = (),
    ) -> list[Forecast]:
        """Return quantiles of the next values of each series; NaN stands for a missing value.

        ``method`` names a simple forecast in place of the model: naive, seasonal_naive,
        seasonal_mean, exponential_smoothing or linear. ``known`` has the known columns of each
        series, a row a step, from its first value to the last that is forecast. ``new`` has the
        number of values of each series after the training, to which the widths of intervals adapt.

        Raises:
            ConfigError: the model does not forecast as far, or there is no such method.
            InputError: a series has no value, or known columns are missing or too short.

        """
        horizon = self.require(horizon, method)
        columns = len(self.values.known)
        if columns and known is None:
            raise InputError(f"{columns} known columns are missing", "give them: known=[...]")
        forecasts = []
        for number, values in enumerate(series):
            history = np.asarray(values, np.float64)
            if history.ndim != 1 or not np.isfinite(history).any():
                raise InputError("a series has no value", "give numbers, the oldest first")
            history = np.where(np.isfinite(history), history, np.nan)
            steps = len(history) + horizon
            given = np.asarray(known[number] if known and columns else np.empty((steps, 0)))
            if given.ndim != 2 or given.shape[1] != columns or len(given) < steps:
                raise InputError(
                    f"known columns have the shape {given.shape}, not ({steps}, {columns})",
                    "give a row for each value and for each step that is forecast",
                )
            one = TimeSeries("", 0, history, given.astype(np.float64))
            windows = self.windows([one], [len(history)])
            origins = windows.starts + len(history)
            quantiles = self.quantiles(windows.batch(origins).inputs, method)
            if number < len(new) and 0 < new[number] < len(history):
                batch = windows.batch(origins - np.arange(min(new[number], MAX_ADAPTED), 0, -1))
                past = self.quantiles(batch.inputs, method)
                quantiles = widen(quantiles, adapt(past, batch.targets, batch.is_target)[-1:])
            forecasts.append(Forecast(windows.restore(quantiles, origins)[0, :horizon]))
        return forecasts

    def windows(self, series: Sequence[TimeSeries], cuts: Sequence[int]) -> Windows:
        """Return the windows of series, scaled by what lies before the cuts.

        Raises:
            InputError: the model reads logarithms, and a value has none.

        """
        if self.reading.is_log and any(np.nanmin(each.values) <= 0 for each in series):
            raise InputError(
                "the model reads logarithms, and a value is not above 0",
                "train a model on series that have such values",
            )
        return Windows(series, cuts, self.reading)

    def frames(self, inputs: Floats) -> Floats:
        """Return the segments (N, K, F) of windows (N, L) that the network reads."""
        return frames(inputs, self.reading.lookback, self._segment)

    def quantiles(self, inputs: Floats, method: str | None = None) -> Floats:
        """Return the quantiles (N, H, Q) after windows (N, L), in the units of the network."""
        network = self.network.forecast(self.frames(inputs))
        reference = self.references[method or self.values.reference](inputs)
        weight = self._weight if method is None else 0.0
        return shift(combine(reference, network, weight), self.tensors["offsets"])

    def require(self, horizon: int | None, method: str | None) -> int:
        """Return the horizon, if the model can forecast so with this method.

        Raises:
            ConfigError: it cannot.

        """
        if method is not None and method not in self.references:
            raise ConfigError(
                f"unknown method {method!r}", f"choose one of {', '.join(self.references)}"
            )
        if horizon is not None and not 0 < horizon <= self.horizon:
            raise ConfigError(
                f"--horizon is {horizon}, and the model forecasts 1 to {self.horizon} steps",
                f"train one that does: rnncli train DATA --horizon {max(horizon, 1)}",
            )
        return horizon or self.horizon

    def _properties(self) -> list[str]:
        """Describe the properties of the model, for its representation."""
        return [f"{self.horizon} steps from {self.reading.lookback}"]
