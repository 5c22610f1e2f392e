"""Forecast series with a trained model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.errors import ConfigError, InputError
from rnncli.messages import Announce
from rnncli.networks.forecaster_numpy import SequenceForecaster
from rnncli.networks.numerics import Floats
from rnncli.storage.layout import LINEAR as LINEAR_FILE
from rnncli.storage.reading import SavedModel
from rnncli.storage.tensors import TensorSpec
from rnncli.tasks.forecast.quantiles import LEVELS, Mixture, adapt, widen
from rnncli.tasks.forecast.references import Reference, references
from rnncli.tasks.forecast.values import ForecasterValues
from rnncli.tasks.forecast.windows import Doubles, Scaled, WindowBatch, Windows, frames
from rnncli.tasks.predictor import Predictor

AT_ONCE = 256  # windows
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
        values = ForecasterValues.parse(self.description.task_values)
        if values is None or LINEAR_FILE not in model.task_files:
            raise model.damaged("how it reads series is missing or wrong")
        self.values = values
        head, front = self.network.head, self.network.front
        if head.levels != LEVELS or front.size > values.lookback:
            raise model.damaged("its quantiles or segments are those of another model")
        self.horizon, self._segment = head.horizon, front.size
        shape = values.lookback + 1, head.horizon
        weight = model.task_files[LINEAR_FILE].read({"weight": TensorSpec(shape)})["weight"]
        self.references: dict[str, Reference] = references(
            head.horizon, values.season, values.smoothing, weight
        )
        tuned = model.require_tuned(set(Mixture.__dataclass_fields__))
        self._mixture = Mixture(**tuned) if tuned else Mixture(0.0, 1.0, 1.0)

    def __call__(
        self,
        series: Sequence[Sequence[float]],
        horizon: int | None = None,
        method: str | None = None,
        new: Sequence[int] = (),
    ) -> list[Forecast]:
        """Return quantiles of the next values of each series; NaN stands for a missing value.

        ``method`` names a simple forecast in place of the model: naive, seasonal_naive,
        seasonal_mean, exponential_smoothing or linear. ``new`` has the number of values of each
        series that follow the training: the widths of intervals adapt to them.

        Raises:
            ConfigError: the model does not forecast as far, or there is no such method.
            InputError: a series has no value.

        """
        horizon = self.require(horizon, method)
        forecasts = []
        for number, values in enumerate(series):
            history = np.asarray(values, np.float64)
            if history.ndim != 1 or not np.isfinite(history).any():
                raise InputError("a series has no value", "give numbers, the oldest first")
            history = np.where(np.isfinite(history), history, np.nan)
            if self.values.is_log and np.nanmin(history) <= 0:
                raise InputError(
                    "the model reads logarithms, and a value is not above 0",
                    "train a model on series that have such values",
                )
            scaled = Scaled.of(history, len(history), is_log=self.values.is_log)
            windows = Windows([scaled], self.values.lookback, self.horizon)
            origins = np.array([windows.starts[0] + len(history)])
            quantiles = self.quantiles(windows.batch(origins), method)
            if number < len(new) and 0 < new[number] < len(history):
                later = origins[0] - np.arange(min(new[number], MAX_ADAPTED), 0, -1)
                batch = windows.batch(later)
                past = self.quantiles(batch, method)
                quantiles = widen(quantiles, adapt(past, batch.targets, batch.known)[-1:])
            restored = scaled.restore(quantiles[0, :horizon] + windows.last(origins))
            forecasts.append(Forecast(restored))
        return forecasts

    def quantiles(self, batch: WindowBatch, method: str | None = None) -> Floats:
        """Return the quantiles (N, H, Q) after windows, in the units of the network."""
        lookback = self.values.lookback
        parts = []
        for start in range(0, len(batch), AT_ONCE):
            inputs = batch.inputs[start : start + AT_ONCE]
            network = self.network.forecast(frames(inputs[:, -lookback:], self._segment))
            mixture, name = self._mixture, self.values.reference
            if method is not None:
                mixture, name = Mixture(1.0, mixture.lower_scale, mixture.upper_scale), method
            parts.append(mixture.mix(network, self.references[name](inputs)))
        return np.concatenate(parts)

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
        return [f"{self.horizon} steps from {self.values.lookback}"]
