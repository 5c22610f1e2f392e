"""Series: numbers at regular times, out of rows that may be in disorder."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.data.cleaning import MISSING
from rnncli.data.tables import Table
from rnncli.data.times import Grid, Stamps, TimeFormat, find_format, find_grid
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.messages import name_list, plural

if TYPE_CHECKING:
    from datasets import Dataset

MAX_STEPS = 5_000_000  # of a series: an outlier among its times would make it endless
SERIES_COLUMNS = ("series", "time", "value")  # of the rows of a corpus of series
BLANKS = MISSING | {"", "-", "--", "?", "."}

_DECIMAL_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number, a mark that there is none, or an infinite one."""
    text = cell.strip()
    if text in BLANKS or _DECIMAL_COMMA.fullmatch(text) or _THOUSANDS.fullmatch(text):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class TimeSeries:
    """A series; ``start`` is the place of its first value on the grid."""

    name: str
    start: int
    values: NDArray[np.float64]  # (T,), NaN where one is missing


@dataclass(frozen=True)
class SeriesTable:
    """Series on the same grid, and what was found and done to put them there."""

    series: tuple[TimeSeries, ...]
    grid: Grid
    format: TimeFormat
    notices: tuple[str, ...] = ()

    def time(self, place: int) -> str:
        """Return the time of a place, in the form of the column."""
        return self.format.write(self.grid.stamp(place))

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, time and value of each step, missing ones as an empty string."""
        for each in self.series:
            for place, value in enumerate(each.values.tolist(), start=each.start):
                yield each.name, self.time(place), "" if np.isnan(value) else repr(value)


def read_series(table: Table, columns: Mapping[str, str]) -> SeriesTable:
    """Read the series of a table; without a column "value", all but the others are series.

    Raises:
        DataError: a time or a number is none, or there are too few.
    """
    time, key = columns["time"], columns.get("series")
    values = [columns["value"]] if "value" in columns else []
    values = values or [name for name in table.names if name not in (time, key)]
    rows = list(table.rows([time, *([] if key is None else [key]), *values]))
    if len(rows) < 2:
        raise DataError(f"{table.where} has {plural(len(rows), 'row')}", "put more rows into it")
    lines = [line for line, _ in rows]
    cells = [
        ["" if cell is None else str(cell) for cell in column]
        for column in zip(*(row for _, row in rows), strict=True)
    ]
    format, stamps = _times(table, time, lines, cells[0])
    notices: list[str] = []
    numbers = [
        _numbers(table, n, lines, column, notices)
        for n, column in zip(values, cells[-len(values) :], strict=True)
    ]
    groups = {"": np.arange(len(rows))}
    if key is not None:
        keys, numbering = np.unique(np.array(cells[1]), return_inverse=True)
        groups = {str(each): np.flatnonzero(numbering == i) for i, each in enumerate(keys)}
    raw = {}
    for group, members in groups.items():
        for name, column in zip(values, numbers, strict=True):
            full = f"{group} {name}".strip() if len(values) > 1 or not group else group
            raw[full] = stamps[members], column[members]
    return regular(raw, format, notices, table.where)


def regular(
    raw: Mapping[str, tuple[Stamps, NDArray[np.float64]]],
    format: TimeFormat,
    notices: list[str],
    where: str,
) -> SeriesTable:
    """Put stamps (T,) and values (T,) of each series on a grid.

    Raises:
        DataError: there are too many steps.
    """
    stamps = [np.sort(stamps) for stamps, _ in raw.values()]
    grid, is_regular = find_grid(stamps, format.order == "number")
    series = []
    for name, (times, values) in raw.items():
        places = grid.places(times)
        start, length = int(places.min()), int(np.ptp(places)) + 1
        if length > MAX_STEPS:
            first, last = format.write(int(times.min())), format.write(int(times.max()))
            raise DataError(
                f"{where}: from {first} to {last} are {length:,} steps of {grid.name}, too many",
                "is a time wrong? Correct it, or keep fewer rows",
            )
        known = ~np.isnan(values)
        sums = np.bincount(places[known] - start, values[known], length)
        counts = np.bincount(places[known] - start, minlength=length)
        with np.errstate(invalid="ignore"):
            series.append(TimeSeries(name, start, sums / counts))
    first, last = (format.write(int(f([f(each) for each in stamps]))) for f in (min, max))
    names = name_list([each.name for each in series], 8)
    found = f"series: {names}; a value every {grid.name}, {first} to {last}"
    done = {
        f"irregular times: averaged over steps of {grid.name}": not is_regular,
        "time zones: all times are converted to UTC": format.has_zone,
        "times are not in order: sorted": any(
            (np.diff(times) < 0).any() for times, _ in raw.values()
        ),
    }
    duplicates = sum(len(each) - len(np.unique(each)) for each in stamps)
    if duplicates:
        done[f"{plural(duplicates, 'time')} more than once: their values are averaged"] = True
    missing = sum(int(np.isnan(each.values).sum()) for each in series)
    if missing:
        done[f"{plural(missing, 'value')} missing: bridged by straight lines"] = True
    told = [notice for notice, is_true in done.items() if is_true]
    return SeriesTable(tuple(series), grid, format, (found, *notices, *told))


def series_of_dataset(rows: "Dataset") -> SeriesTable:
    """Return the series that were stored as rows."""
    columns = (column_values(rows, name) for name in SERIES_COLUMNS)
    return series_of_rows(zip(*columns, strict=True))


def series_of_rows(rows: Iterable[tuple[str, str, str]]) -> SeriesTable:
    """Return what `SeriesTable.rows` yielded."""
    groups: dict[str, tuple[list[str], list[float]]] = {}
    for name, time, value in rows:
        times, values = groups.setdefault(name, ([], []))
        times.append(time)
        values.append(float(value or "nan"))
    distinct = list(dict.fromkeys(time for times, _ in groups.values() for time in times))
    format = find_format(distinct)
    assert format is not None
    stamps = {time: format.parse(time) for time in distinct}  # many series have the same
    raw = {
        name: (np.array([stamps[time] for time in times]), np.array(values))
        for name, (times, values) in groups.items()
    }
    return regular(raw, format, [], "")


def _times(
    table: Table, column: str, lines: Sequence[int], cells: Sequence[str]
) -> tuple[TimeFormat, Stamps]:
    format = find_format(cells)
    if format is None:
        likely = find_format(cells[:1])
        bad = 0 if likely is None else [likely.parse(cell) is None for cell in cells].index(True)
        raise table.error(
            lines[bad],
            f"{cells[bad][:40]!r} in the column {column} is no time like the others",
            "write times as 2024-01-31 or 2024-01-31 13:00, or name another column: --time COLUMN",
        )
    stamps = [format.parse(cell) for cell in cells]
    if None in stamps:
        line = lines[stamps.index(None)]
        raise table.error(line, f"the column {column} is empty", "add a time, or leave the row out")
    return format, np.array(stamps, np.int64)


def _numbers(
    table: Table, column: str, lines: Sequence[int], cells: Sequence[str], notices: list[str]
) -> NDArray[np.float64]:
    """Return the numbers of a column; NaN where one is missing, or not finite."""
    marked = [cell.strip() for cell in cells if "," in cell]
    has_thousands = bool(marked) and all(map(_THOUSANDS.fullmatch, marked))
    has_decimals = bool(marked) and not has_thousands and all(map(_DECIMAL_COMMA.fullmatch, marked))
    if has_thousands or has_decimals:
        marks = "thousands separators" if has_thousands else "decimal marks"
        notices.append(f"{column}: commas are {marks}")
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        text = cell.strip()
        if has_thousands:
            text = text.replace(",", "")
        elif has_decimals:
            text = text.replace(".", "").replace(",", ".")
        try:
            values[i] = np.nan if text in BLANKS else float(text)
        except ValueError:
            raise table.error(
                lines[i],
                f"{cell[:40]!r} in the column {column} is no number",
                "correct it, leave the cell empty, or forecast another column: --value COLUMN",
            ) from None
    infinite = int(np.isinf(values).sum())
    if infinite:
        notices.append(f"{column}: {plural(infinite, 'infinite value')} left out")
        values[np.isinf(values)] = np.nan
    if np.isnan(values).all():
        raise DataError(
            f"{table.where}: the column {column} has no number", "name another: --value COLUMN"
        )
    return values
