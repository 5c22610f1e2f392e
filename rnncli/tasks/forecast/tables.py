"""Forecast the series of a table, in a table of the same shape."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnncli.data.columns import ANY_COLUMNS, Columns, choose
from rnncli.data.locate import locate
from rnncli.data.series import SeriesTable
from rnncli.data.series_rows import read_series
from rnncli.errors import DataError
from rnncli.messages import Announce, name_list, plural
from rnncli.tasks.forecast.predict import Forecast, Forecaster
from rnncli.tasks.forecast.quantiles import LEVELS

DIGITS = 6  # of a forecast value


@dataclass(frozen=True)
class TableForecast:
    """The forecasts of the series of a table."""

    table: SeriesTable
    forecasts: tuple[Forecast, ...]  # in the order of the series

    def records(self) -> Iterator[dict[str, str]]:
        """Yield the forecast of each step of each series, by names."""
        for series, forecast in zip(self.table.series, self.forecasts, strict=True):
            for place, quantiles in enumerate(forecast.quantiles.tolist(), start=series.end):
                cells = (f"{quantile:.{DIGITS}g}" for quantile in quantiles)
                levels = dict(zip(map(str, LEVELS), cells, strict=True))
                yield {"series": series.name, "time": self.table.time(place), **levels}

    def rows(self) -> Iterator[list[str]]:
        """Yield a header, and the cells of each row: long where the table is, else wide."""
        columns, names = self.table.columns, [each.name for each in self.table.series]
        if "series" in columns:
            yield [columns["time"], columns["series"], *map(str, LEVELS)]
            for each in self.records():
                yield [each["time"], each["series"], *(each[str(level)] for level in LEVELS)]
            return
        yield [columns["time"], *(f"{name} {level}" for name in names for level in LEVELS)]
        by_time: dict[str, dict[str, dict[str, str]]] = {}
        for each in self.records():
            by_time.setdefault(each["time"], {})[each["series"]] = each
        for time, records in by_time.items():
            cells = [records.get(name, {}) for name in names]
            yield [time, *(cell.get(str(level), "") for cell in cells for level in LEVELS)]


def read_table(
    model: Forecaster,
    data: str,
    announce: Announce,
    columns: Columns = ANY_COLUMNS,
    future: str | None = None,
) -> SeriesTable:
    """Read a table of series, and a ``future`` one of their known columns.

    Raises:
        DataError: they cannot be read, or have no series in them.

    """
    source, *later = (locate([name], columns, model.task, None) for name in (data, future) if name)
    table = next(iter(source.tables.values()))
    trained_on = {} if model.description.data is None else model.description.data.columns
    chosen = choose(table, model.task, columns, trained_on).columns
    known = {"known": ",".join(model.values.known)}
    rest = next(iter(later[0].tables.values())) if later else None
    series = read_series(table, {**known, **chosen}, rest)
    for notice in (*source.notices, *table.notices, *series.notices):
        announce(notice)
    season = model.reading.season
    if series.grid.season != season:
        announce(
            f"the model was trained on series that repeat after {season} steps, not "
            f"{series.grid.season}: its forecasts may be useless"
        )
    return series


def forecast_table(
    model: Forecaster,
    table: SeriesTable,
    horizon: int | None,
    method: str | None,
    announce: Announce,
) -> TableForecast:
    """Forecast each series of a table.

    Raises:
        DataError: known columns end before the horizon.
        InputError: a value has no logarithm, and the model reads them.

    """
    steps, lookback = model.require(horizon, method), model.reading.lookback
    shortest = min(table.series, key=lambda each: len(each.values))
    if len(shortest.values) < lookback:
        announce(
            f"the model reads {lookback} values, and {shortest.name} has "
            f"{len(shortest.values)}: its first value is repeated before it"
        )
    names, ahead = name_list(table.known), min(len(s.known) - len(s.values) for s in table.series)
    if table.known and ahead < steps:
        if horizon is not None or not ahead:
            raise DataError(
                f"values of {names} are needed for the next {steps} steps, and there are {ahead}",
                "add rows to the table, or name a file of them: --future FILE",
            )
        announce(f"horizon: {plural(ahead, 'step')}, as far as values of {names} are known")
        steps = ahead
    until = int(table.grid.places(np.array([model.values.until]))[0])
    histories, known = ([vars(each)[name] for each in table.series] for name in ("values", "known"))
    new = [each.end - 1 - until for each in table.series]
    return TableForecast(table, tuple(model(histories, steps, method, known, new)))
