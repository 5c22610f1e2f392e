"""How a forecaster is trained: look-back, linear model, network."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.analysis.comparison import SIGNIFICANCE_LEVEL, diebold_mariano
from rnncli.config import DEFAULTS, Settings
from rnncli.data.series import SeriesTable, series_of_datasets
from rnncli.errors import DataError
from rnncli.messages import Announce, plural, stage
from rnncli.networks.architecture import Architecture, Frames, Stack
from rnncli.networks.heads import Quantiles
from rnncli.networks.numerics import Floats
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import LINEAR
from rnncli.storage.tensors import write_tensors
from rnncli.tasks.forecast.linear import LinearModel, choose_linear
from rnncli.tasks.forecast.predict import Forecaster
from rnncli.tasks.forecast.quantiles import LEVELS, fit_offsets
from rnncli.tasks.forecast.references import LINEAR_MODEL, Reference, fit_smoothing, references
from rnncli.tasks.forecast.train import ForecasterTraining
from rnncli.tasks.forecast.values import ForecasterValues
from rnncli.tasks.forecast.windows import Windows, thin
from rnncli.training.contract import Prepared, Recipe, TrainingData, Tuned

SEGMENTS = 20  # about as many steps of the network; SegRNN has 15
WIDTHS = ((20_000, 128), (2_000, 64), (0, 32))  # (fewest windows, units)
MIN_STEPS = 1_000  # few windows are read so often that the network has as many steps
COMPARED_WINDOWS = 1_000  # that references are compared by
MANY_WINDOWS = 20  # for each weight of a linear model
SMOOTHED_WINDOWS = 300  # that the rates of exponential smoothing are fitted on
MIN_PAST = 8  # values of a series


class ForecasterRecipe(Recipe[ForecasterTraining]):
    """How a forecaster is trained."""

    def choose(
        self, data: TrainingData, overrides: Mapping[str, Any], announce: Announce
    ) -> Settings:
        """Choose the horizon, the look-back and the size of the network."""
        settings = DEFAULTS["forecast"].with_overrides(overrides)
        table, cuts = _read(data)
        lengths = [len(each.values) for each in table.series]
        held_out = min(length - cut for length, cut in zip(lengths, cuts, strict=True))
        if settings.horizon is None:
            settings = replace(settings, horizon=min(table.grid.horizon, held_out))
            announce(
                f"horizon: {settings.horizon} steps of {table.grid.name}; --horizon names another"
            )
        horizon = settings.horizon or 1
        if horizon > held_out:
            share = min(horizon / min(lengths) + 0.01, 0.5)
            raise DataError(
                f"{held_out} steps are held out, which is less than the horizon",
                f"--validation {share:.2f}\nor: --horizon {held_out}",
            )
        linear = _choose_linear(table, cuts, settings)
        settings = replace(settings, lookback=linear.reading.lookback)
        announce(f"look-back: {plural(linear.reading.lookback, 'step')}, by a linear model of each")
        windows = len(Windows(table.series, cuts, linear.reading).past())
        if "hidden_size" not in overrides:
            width = next(width for fewest, width in WIDTHS if windows >= fewest)
            settings = replace(settings, hidden_size=width)
        if "embedding_dim" not in overrides:
            settings = replace(settings, embedding_dim=settings.hidden_size)
        if "epochs" not in overrides and settings.epochs is not None:
            enough = math.ceil(MIN_STEPS * settings.batch_size / max(windows, 1))
            settings = replace(settings, epochs=max(settings.epochs, enough))
        return settings

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> Prepared[ForecasterTraining]:
        """Fit the references, and build the network."""
        del scratch
        table, cuts = _read(data)
        linear = _choose_linear(table, cuts, settings)
        reading, weight = linear.reading, linear.fit(table.series, cuts)
        windows = Windows(table.series, cuts, reading)
        smoothed = windows.batch(thin(windows.past(), SMOOTHED_WINDOWS))
        rates = fit_smoothing(smoothed, reading.season)
        forecasters = references(reading, rates, weight)
        best = _best_reference(windows, forecasters, weight)
        announce(
            f"reference: {best.replace('_', ' ')}, the best simple forecast of what is held out; "
            "the network learns what it is wrong by"
        )
        architecture = _architecture(settings, reading.lookback)
        until = max(table.grid.stamp(each.end - 1) for each in table.series)
        values = ForecasterValues(reading, rates, best, table.known, until)
        offsets = np.zeros((reading.horizon, 2), np.float16)
        return Prepared(
            ForecasterTraining(windows, forecasters[best], settings, architecture),
            settings,
            architecture,
            None,
            unit="values",
            files=_files(weight=weight.astype(np.float16), offsets=offsets),
            task_values=values.to_json(),
        )

    def finish(
        self,
        trainable: ForecasterTraining,
        data: TrainingData,
        path: Path,
        threads: int,
        seconds: float,
        announce: Announce,
    ) -> Tuned:
        """Fit the widths of the intervals."""
        del data, threads, seconds, announce
        model, batch = Forecaster.load(path), trainable.held_out
        model.tensors["offsets"][...] = 0  # also where a finish before was interrupted
        offsets = fit_offsets(model.quantiles(batch.inputs), batch.targets, batch.is_target)
        weight = model.tensors["weight"].astype(np.float16)
        return Tuned(files=_files(weight=weight, offsets=offsets.astype(np.float16)))

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        head = description.architecture.head
        steps = head.horizon if isinstance(head, Quantiles) else 0
        return f"forecasts the next {plural(steps, 'value')} of series like those it was trained on"


def _read(data: TrainingData) -> tuple[SeriesTable, list[int]]:
    """Return the series, and how many values of each are to learn from.

    Raises:
        DataError: they are too few.
    """
    table, cuts = series_of_datasets(data.train, data.validation)
    if min(cuts) < MIN_PAST:
        raise DataError(
            f"a series has {plural(min(cuts), 'value')} to learn from, {MIN_PAST} are needed",
            "add earlier values, or leave short series out",
        )
    return table, cuts


@stage("choosing the look-back")
def _choose_linear(table: SeriesTable, cuts: list[int], settings: Settings) -> LinearModel:
    assert settings.horizon is not None
    return choose_linear(table.series, cuts, settings.horizon, table.grid.season, settings.lookback)


def _best_reference(windows: Windows, forecasters: Mapping[str, Reference], weight: Floats) -> str:
    """Return the reference that is best on what is held out.

    The linear model was chosen on it, among dozens: with few windows for each of its weights, it
    has to be better by more than chance.
    """
    origins = thin(windows.held_out(), COMPARED_WINDOWS)
    inputs = windows.batch(origins).inputs
    errors = {
        name: windows.scaled_errors(windows.restore(forecaster(inputs), origins), origins)
        for name, forecaster in forecasters.items()
    }
    best, second, *_ = sorted(errors, key=lambda name: float(errors[name].mean()))
    if best == LINEAR_MODEL and len(windows.past()) < MANY_WINDOWS * len(weight):
        test = diebold_mariano([errors[best] - errors[second]], windows.reading.horizon)
        return best if test.p_value < SIGNIFICANCE_LEVEL else second
    return best


def _files(**tensors: Any) -> dict[str, Any]:
    return {LINEAR: partial(write_tensors, tensors=tensors)}


def _architecture(settings: Settings, lookback: int) -> Architecture:
    assert settings.horizon is not None
    segment = max(round(lookback / SEGMENTS), 1)
    stack = Stack(settings.cell, settings.num_layers, settings.hidden_size)
    head = Quantiles(settings.horizon, min(segment, settings.horizon), LEVELS)
    return Architecture(Frames(segment, settings.embedding_dim), stack, None, head)
