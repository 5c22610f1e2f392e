"""How a forecaster is trained: look-back, linear model, network."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.analysis.comparison import SIGNIFICANCE_LEVEL, diebold_mariano
from rnncli.config import DEFAULTS, Settings
from rnncli.data.series import SeriesTable, series_of_dataset
from rnncli.errors import DataError
from rnncli.messages import Announce, plural, stage
from rnncli.networks.architecture import Architecture, Frames, Stack
from rnncli.networks.heads import Quantiles
from rnncli.networks.numerics import Floats
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import LINEAR
from rnncli.storage.tensors import write_tensors
from rnncli.tasks.forecast.lookback import (
    LinearModel,
    choose_linear,
    fit,
    held_out_windows,
    past_windows,
)
from rnncli.tasks.forecast.quantiles import LEVELS
from rnncli.tasks.forecast.references import LINEAR_MODEL, Reference, fit_smoothing, references
from rnncli.tasks.forecast.train import ForecasterTraining
from rnncli.tasks.forecast.values import ForecasterValues
from rnncli.tasks.forecast.windows import Panel
from rnncli.training.contract import Prepared, Recipe, TrainingData

if TYPE_CHECKING:
    from rnncli.networks.numerics import Ints
    from rnncli.tasks.forecast.windows import Windows

SEGMENTS = 20  # about as many steps of the network; SegRNN has 15
WIDTHS = ((20_000, 128), (2_000, 64), (0, 32))  # (fewest windows, units)
MIN_STEPS = 1_000  # few windows are read so often that the network has as many steps
HELD_OUT_WINDOWS = 1_000  # that are evaluated: more have no other score, but take longer
SMOOTHED_WINDOWS = 300  # that the rates of exponential smoothing are fitted on
MIN_PAST = 8  # values of a series


class ForecasterRecipe(Recipe[ForecasterTraining]):
    """How a forecaster is trained."""

    def choose(
        self, data: TrainingData, overrides: Mapping[str, Any], announce: Announce
    ) -> Settings:
        """Choose the horizon, the look-back and the size of the network."""
        settings = DEFAULTS["forecast"].with_overrides(overrides)
        table, panel = _read(data)
        held_out = min(len(v) - cut for v, cut in zip(panel.values, panel.cuts, strict=True))
        if settings.horizon is None:
            settings = replace(settings, horizon=min(table.grid.horizon, held_out))
            announce(
                f"horizon: {settings.horizon} steps of {table.grid.name}; --horizon names another"
            )
        horizon = settings.horizon or 1
        if horizon > held_out:
            share = min(horizon / min(map(len, panel.values)) + 0.01, 0.5)
            raise DataError(
                f"{held_out} steps are held out, which is less than the horizon",
                f"--validation {share:.2f}\nor: --horizon {held_out}",
            )
        linear = _choose_linear(panel, table, settings)
        settings = replace(settings, lookback=linear.lookback)
        announce(f"look-back: {plural(linear.lookback, 'step')}, by a linear model of each")
        _, origins = past_windows(panel, linear.lookback, horizon, is_log=linear.is_log)
        if "hidden_size" not in overrides:
            width = next(width for fewest, width in WIDTHS if len(origins) >= fewest)
            settings = replace(settings, hidden_size=width)
        if "embedding_dim" not in overrides:
            settings = replace(settings, embedding_dim=settings.hidden_size)
        if "epochs" not in overrides and settings.epochs is not None:
            enough = math.ceil(MIN_STEPS * settings.batch_size / max(len(origins), 1))
            settings = replace(settings, epochs=max(settings.epochs, enough))
        return settings

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> Prepared[ForecasterTraining]:
        """Fit the references, and build the network."""
        del scratch
        table, panel = _read(data)
        season = table.grid.season
        linear = _choose_linear(panel, table, settings)
        assert settings.horizon is not None
        sizes = linear.lookback, settings.horizon
        past = past_windows(panel, *sizes, is_log=linear.is_log)
        held_out = held_out_windows(panel, *sizes, HELD_OUT_WINDOWS, is_log=linear.is_log)
        weight = fit(panel, linear, settings.horizon)
        rates = fit_smoothing(
            past[0].batch(past[1][:: -(-len(past[1]) // SMOOTHED_WINDOWS)]), season
        )
        known = references(settings.horizon, season, rates, weight)
        name, forecasts = _best_reference(held_out, known)
        announce(
            f"reference: {name.replace('_', ' ')}, the best simple forecast of what is held out; "
            "the network is mixed with it"
        )
        architecture = _architecture(settings, linear.lookback)
        trainable = ForecasterTraining(
            past,
            held_out,
            forecasts,
            max(panel.held_out_steps / settings.horizon, 1.0),
            _naive_error(panel, season, linear),
            settings,
            architecture,
        )
        spans = [(s.start, len(v)) for s, v in zip(table.series, panel.values, strict=True)]
        values = ForecasterValues(
            lookback=linear.lookback,
            season=season,
            is_log=linear.is_log,
            smoothing=rates,
            reference=name,
            until=max(table.grid.stamp(start + size - 1) for start, size in spans),
        )
        return Prepared(
            trainable,
            settings,
            architecture,
            None,
            unit="values",
            files={LINEAR: partial(write_tensors, tensors={"weight": weight.astype(np.float16)})},
            task_values=values.to_json(),
        )

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        head = description.architecture.head
        steps = head.horizon if isinstance(head, Quantiles) else 0
        return f"forecasts the next {plural(steps, 'value')} of series like those it was trained on"


def _read(data: TrainingData) -> tuple[SeriesTable, Panel]:
    """Return the series up to what is held out, and all.

    Raises:
        DataError: they are too short.
    """
    past, future = map(series_of_dataset, (data.train, data.validation))
    panel = Panel.of(past, future)
    if min(panel.cuts) < MIN_PAST:
        raise DataError(
            f"a series has {plural(min(panel.cuts), 'value')} to learn from, {MIN_PAST} are needed",
            "add earlier values, or leave short series out",
        )
    return past, panel


@stage("choosing the look-back")
def _choose_linear(panel: Panel, table: SeriesTable, settings: Settings) -> LinearModel:
    assert settings.horizon is not None
    return choose_linear(panel, settings.horizon, table.grid.season, settings.lookback)


def _architecture(settings: Settings, lookback: int) -> Architecture:
    assert settings.horizon is not None
    segment = max(round(lookback / SEGMENTS), 1)
    stack = Stack(settings.cell, settings.num_layers, settings.hidden_size)
    head = Quantiles(settings.horizon, min(segment, settings.horizon), LEVELS)
    return Architecture(Frames(segment, settings.embedding_dim), stack, None, head)


def _best_reference(
    held_out: "tuple[Windows, Ints]", known: Mapping[str, Reference]
) -> tuple[str, Floats]:
    """Return the name and the forecasts of the reference that is best on what is held out.

    That is the linear one, unless another is better by more than chance.
    """
    batch = held_out[0].batch(held_out[1])
    forecasts = {name: reference(batch.inputs) for name, reference in known.items()}
    errors = {
        name: (np.abs(forecast - batch.targets) * batch.known).sum(1) / batch.known.sum(1)
        for name, forecast in forecasts.items()
    }
    best = min(errors, key=lambda name: float(errors[name].mean()))
    test = diebold_mariano([errors[best] - errors[LINEAR_MODEL]], held_out[0].horizon)
    name = best if test.p_value < SIGNIFICANCE_LEVEL else LINEAR_MODEL
    return name, forecasts[name]


def _naive_error(panel: Panel, season: int, linear: LinearModel) -> float:
    """Return the mean absolute error of the seasonal naive forecast in the past, when scaled."""
    series = zip(panel.scaled(is_log=linear.is_log), panel.cuts, strict=True)
    errors = [np.abs(np.diff(each.values[:cut], n=1)) for each, cut in series if cut]
    lagged = [
        np.abs(each.values[season:cut] - each.values[: max(cut - season, 0)])
        for each, cut in zip(panel.scaled(is_log=linear.is_log), panel.cuts, strict=True)
        if cut > season
    ]
    return float(np.concatenate(lagged or errors).mean()) or 1.0
