"""What happens in a forecaster as it reads the end of a series, and how far back it remembers."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from rnncli.analysis.context import CONTEXTS, ContextLoss, Losses, context_losses
from rnncli.analysis.traces import Reading, record
from rnncli.data.series import TimeSeries
from rnncli.errors import DataError
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks import ignore
from rnncli.tasks.forecast.predict import Forecaster
from rnncli.tasks.forecast.tables import read_table
from rnncli.tasks.forecast.windows import Windows, thin
from rnncli.tasks.predictions import SeriesForecast

GRADIENT_WINDOWS, CONTEXT_WINDOWS = 64, 500


def inspect_forecaster(model: Forecaster, file: str) -> tuple[tuple[Reading, ...], SeriesForecast]:
    """Read the end of the first series of a table; a token is the time of a segment's last value.

    Raises:
        DataError: the table cannot be read, or has no series in it.

    """
    table = read_table(model, file, ignore)
    series = table.series[0]
    windows = model.windows([series], [len(series.values)])
    origins = windows.starts + len(series.values)
    frames = model.frames(windows.batch(origins).inputs)
    with record(model.network.layers) as traces:
        model.network.forecast(frames)
    _, steps, segment = frames.shape
    ends = range(series.end - 1 - (steps - 1) * segment, series.end, segment)
    reading = Reading("encoder", tuple(map(table.time, ends)), tuple(traces))
    quantiles = windows.restore(model.quantiles(windows.batch(origins).inputs), origins)[0]
    return (reading,), SeriesForecast(series.name, series.values[-steps * segment :], quantiles)


def window_frames(model: Forecaster, files: Sequence[str]) -> Floats:
    """Return the frames (N, K + 1, F) of some windows, of which the last is not read."""
    windows, origins = _origins(model, files)
    frames = model.frames(windows.batch(thin(origins, GRADIENT_WINDOWS)).inputs)
    return np.pad(frames, ((0, 0), (0, 1), (0, 0)))


def forecast_contexts(model: Forecaster, files: Sequence[str]) -> list[ContextLoss]:
    """Compare forecasts from the last values alone, as if all before were as the first of them."""
    windows, origins = _origins(model, files)
    origins = thin(origins, CONTEXT_WINDOWS)
    inputs = windows.batch(origins).inputs
    length = inputs.shape[1]

    def losses(values: int) -> Losses:
        visible = inputs[:, np.maximum(np.arange(length), length - values)]
        return windows.scaled_errors(
            windows.restore(model.quantiles(visible)[..., 1], origins), origins
        )

    shorter = [values for values in CONTEXTS if values < model.reading.lookback]
    return context_losses(losses, losses(length), shorter)


def _origins(model: Forecaster, files: Sequence[str]) -> tuple[Windows, Ints]:
    """Return the windows of the series in files, and the origins in their second halves."""
    tables = (read_table(model, file, ignore) for file in files)
    series: list[TimeSeries] = list(chain.from_iterable(table.series for table in tables))
    windows = model.windows(series, [len(each.values) // 2 for each in series])
    origins = windows.complete(windows.held_out())
    if not len(origins):
        raise DataError("the series are too short to look back", "read longer ones: --data FILE")
    return windows, origins
