"""Series: numbers at regular times, stored as rows.

Known columns (holidays, prices) have values for each time of a series, and for times behind its
end, which are known before the series is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.data.times import Grid, Stamps, TimeFormat, find_format, find_grid
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.messages import name_list, plural

if TYPE_CHECKING:
    from datasets import Dataset

MAX_STEPS = 5_000_000  # of a series: an outlier among its times would make it endless
SERIES_COLUMNS = ("series", "time", "value")  # of stored rows
KNOWN = "known: "  # before the names of the known columns, which follow them
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class TimeSeries:
    """A series of T values; ``start`` is the place of the first on the grid."""

    name: str
    start: int
    values: Doubles  # (T,), NaN where one is missing
    known: Doubles  # (T + F, C) of the known columns, which go on for F steps

    @property
    def end(self) -> int:
        """The place behind the last value."""
        return self.start + len(self.values)


@dataclass(frozen=True)
class SeriesTable:
    """Series on the same grid, and what was found and done to put them there."""

    series: tuple[TimeSeries, ...]
    grid: Grid
    format: TimeFormat
    columns: dict[str, str] = field(default_factory=dict)  # canonical name -> name in the table
    notices: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """The names of the known columns."""
        return known_names(self.columns)

    @property
    def row_names(self) -> tuple[str, ...]:
        """The names of the cells of ``rows``."""
        return (*SERIES_COLUMNS, *(f"{KNOWN}{name}" for name in self.known))

    def time(self, place: int) -> str:
        """Return the time of a place, in the form of the column."""
        return self.format.write(self.grid.stamp(place))

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield name, time, value and known values of each step, missing ones as ""."""
        for each in self.series:
            steps = np.column_stack([each.values, each.known[: len(each.values)]]).tolist()
            for place, numbers in enumerate(steps, start=each.start):
                cells = ("" if math.isnan(number) else repr(number) for number in numbers)
                yield each.name, self.time(place), *cells


def known_names(columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the known columns, which have commas between them."""
    return tuple(filter(None, columns.get("known", "").split(",")))


def on_grid(
    raw: Mapping[str, tuple[Stamps, Doubles]],
    format: TimeFormat,
    columns: dict[str, str],
    notices: Sequence[str] = (),
    where: str = "",
) -> SeriesTable:
    """Put stamps (N,), values and known columns (N, 1 + C) of each series on a grid.

    Raises:
        DataError: there are too many steps, or no values.
    """
    stamps = [np.sort(stamps) for stamps, _ in raw.values()]
    grid, is_regular = find_grid(stamps, is_number=format.pattern is None)
    series = []
    for name, (times, values) in raw.items():
        steps = grid.places(times)
        start, length = int(steps.min()), int(np.ptp(steps)) + 1
        if length > MAX_STEPS:
            span = f"{format.write(int(times.min()))} to {format.write(int(times.max()))}"
            raise DataError(
                f"{where}: from {span} are {length:,} steps of {grid.name}, too many",
                "is a time wrong? Correct it, or keep fewer rows",
            )
        mean = np.stack([_means(steps - start, column, length) for column in values.T], 1)
        filled = np.flatnonzero(~np.isnan(mean[:, 0]))
        if len(filled):
            first, end = int(filled[0]), int(filled[-1]) + 1
            series.append(TimeSeries(name, start + first, mean[first:end, 0], mean[first:, 1:]))
    if not series:
        raise DataError(f"{where}: there is no number", "name another column: --value COLUMN")
    places = min(each.start for each in series), max(each.end for each in series) - 1
    earliest, latest = (format.write(grid.stamp(place)) for place in places)
    names = name_list([each.name for each in series], 8)
    duplicates = sum(len(each) - len(np.unique(each)) for each in stamps)
    missing = sum(int(np.isnan(each.values).sum()) for each in series)
    is_sorted = all((np.diff(times) >= 0).all() for times, _ in raw.values())
    found = {
        f"series: {names}; a value every {grid.name}, {earliest} to {latest}": True,
        f"irregular times: averaged over steps of {grid.name}": not is_regular,
        "time zones: all times are converted to UTC": format.has_zone,
        "times are not in order: sorted": not is_sorted,
        f"{plural(duplicates, 'time')} more than once: their values are averaged": duplicates > 0,
        f"{plural(missing, 'value')} missing: bridged by straight lines": missing > 0,
        f"{len(raw) - len(series)} series without a number left out": len(series) < len(raw),
    }
    told = [notice for notice, is_true in found.items() if is_true]
    return SeriesTable(tuple(series), grid, format, columns, (*notices, *told))


def _means(places: Stamps, values: Doubles, length: int) -> Doubles:
    """Return the mean value at each place (length,), NaN where there is none."""
    is_filled = ~np.isnan(values)
    places, values = places[is_filled], values[is_filled]
    with np.errstate(invalid="ignore"):
        means: Doubles = np.bincount(places, values, length) / np.bincount(places, minlength=length)
    return means


def series_of_datasets(*parts: "Dataset") -> tuple[SeriesTable, list[int]]:
    """Return the series that were stored as rows, in parts that follow each other.

    With them comes the number of values that each series has in the first part.
    """
    raw: dict[str, tuple[list[str], list[list[float]]]] = {}
    cuts: dict[str, int] = {}
    known = parts[0].column_names[len(SERIES_COLUMNS) :]
    for part in parts:
        columns = [column_values(part, name) for name in (*SERIES_COLUMNS, *known)]
        for name, time, *values in zip(*columns, strict=True):
            times, rows = raw.setdefault(name, ([], []))
            times.append(time)
            rows.append([float(value or "nan") for value in values])
        cuts = cuts or {name: len(times) for name, (times, _) in raw.items()}
    distinct = dict.fromkeys(time for times, _ in raw.values() for time in times)
    format = find_format(distinct)
    assert format is not None
    stamps = {time: format.parse(time) for time in distinct}  # many series have the same
    table = on_grid(
        {
            name: (np.array([stamps[time] for time in times], np.int64), np.array(rows))
            for name, (times, rows) in raw.items()
        },
        format,
        {"known": ",".join(name.removeprefix(KNOWN) for name in known)},
    )
    return table, [cuts[each.name] for each in table.series]
