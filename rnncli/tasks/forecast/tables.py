"""Forecast the series of a table, in a table of the same shape."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.data.columns import Columns, choose
from rnncli.data.locate import locate
from rnncli.data.series import SeriesTable, read_series
from rnncli.messages import Announce
from rnncli.tasks.forecast.predict import Forecast, Forecaster
from rnncli.tasks.forecast.quantiles import LEVELS

DIGITS = 6  # of a forecast value


@dataclass(frozen=True)
class TableForecast:
    """The forecasts of the series of a table."""

    table: SeriesTable
    columns: dict[str, str]  # canonical name -> name in the table
    forecasts: tuple[Forecast, ...]  # in the order of the series

    @property
    def header(self) -> list[str]:
        """The names of the columns: long where the table is, else wide."""
        if "series" in self.columns:
            return [self.columns["time"], self.columns["series"], *map(str, LEVELS)]
        names = [each.name for each in self.table.series]
        return [self.columns["time"], *(f"{name} {level}" for name in names for level in LEVELS)]

    def rows(self) -> Iterator[list[str]]:
        """Yield the cells of each row."""
        if "series" in self.columns:
            for record in self.records():
                yield [record["time"], record["series"], *(record[str(n)] for n in LEVELS)]
            return
        end = max(each.start + len(each.values) for each in self.table.series)
        for step in range(max(len(each.quantiles) for each in self.forecasts)):
            cells = [self.table.time(end + step)]
            for series, forecast in zip(self.table.series, self.forecasts, strict=True):
                row = step + end - series.start - len(series.values)
                cells += _cells(forecast, row)
            yield cells

    def records(self) -> Iterator[dict[str, str]]:
        """Yield the forecast of each step of each series, by names."""
        for series, forecast in zip(self.table.series, self.forecasts, strict=True):
            end = series.start + len(series.values)
            for step in range(len(forecast.quantiles)):
                time = self.table.time(end + step)
                levels = dict(zip(map(str, LEVELS), _cells(forecast, step), strict=True))
                yield {"series": series.name, "time": time, **levels}


def _cells(forecast: Forecast, step: int) -> list[str]:
    """Return the quantiles of a step; of one that was not forecast, empty cells."""
    if not 0 <= step < len(forecast.quantiles):
        return [""] * len(LEVELS)
    return [f"{value:.{DIGITS}g}" for value in forecast.quantiles[step].tolist()]


def forecast_table(
    model: Forecaster,
    data: Sequence[str],
    columns: Columns,
    horizon: int | None,
    method: str | None,
    announce: Announce,
) -> TableForecast:
    """Read a table, and forecast each of its series.

    Raises:
        DataError: it cannot be read, or has no series in it.
        ConfigError: the model does not forecast so far, or there is no such method.
        InputError: a series has no value.

    """
    model.require(horizon, method)
    source = locate(data, columns, model.task, None)
    table = next(iter(source.tables.values()))
    known = {} if model.description.data is None else model.description.data.columns
    choice = choose(table, model.task, columns, known)
    series = read_series(table, choice.columns)
    for notice in (*source.notices, *table.notices, *series.notices):
        announce(notice)
    values = model.values
    if series.grid.season != values.season:
        announce(
            f"the model was trained on series that repeat after {values.season} steps, not "
            f"{series.grid.season}: its forecasts may be useless"
        )
    shortest = min(series.series, key=lambda each: len(each.values))
    if len(shortest.values) < values.lookback:
        announce(
            f"the model reads {values.lookback} values, and {shortest.name} has "
            f"{len(shortest.values)}: its first value is repeated before it"
        )
    known_until = int(series.grid.places(np.array([values.until]))[0])
    new = [each.start + len(each.values) - 1 - known_until for each in series.series]
    histories = [each.values.tolist() for each in series.series]
    forecasts = model(histories, horizon, method, new)
    return TableForecast(series, choice.columns, tuple(forecasts))
