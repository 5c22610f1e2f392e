"""Read series out of the rows of tables, whose cells may be in any usual form."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rnncli.data.cleaning import MISSING
from rnncli.data.series import Doubles, SeriesTable, known_names, on_grid
from rnncli.data.tables import Table
from rnncli.data.times import Stamps, TimeFormat, find_format
from rnncli.errors import DataError
from rnncli.messages import name_list, plural

BLANKS = MISSING | {"", "-", "--", "?", "."}

# What commas are, by the form of all cells that have one.
_COMMAS = {
    "thousands separators": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    "decimal marks": re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+"),
}


def read_series(
    table: Table, columns: Mapping[str, str], future: Table | None = None
) -> SeriesTable:
    """Read the series of a table, and known values of later times from a ``future`` one.

    Without a column "value", all but the others are series. Columns are known ahead that are named
    so or, where nothing is said of them, those with numbers after the last of the series.

    Raises:
        DataError: a time or a number is none, or there are too few.
    """
    key, known = columns.get("series"), known_names(columns)
    names = [name for name in table.names if name not in (columns["time"], key)]
    rows = _Rows([columns["time"], *([key] if key else []), *names, *known])
    for each in filter(None, (table, future)):
        rows.read(each)
    format, stamps = rows.times(columns["time"])
    targets = [columns["value"]] if "value" in columns else [n for n in names if n not in known]
    numbers = {name: rows.numbers(name, "value") for name in targets}
    numbers |= {name: rows.numbers(name, "known") for name in known}
    if "known" not in columns:
        rest = [name for name in names if name not in numbers and rows.is_numeric(name)]
        numbers |= {name: rows.numbers(name, "known") for name in rest}
        known = _later_columns(stamps, numbers, columns.get("value"))
        targets = [name for name in targets if name not in known]
    if known:
        columns = {**columns, "known": ",".join(known)}
        rows.notices.append(f"known ahead: {name_list(known)}; --known names others")
    groups = np.array(rows.cells[key] if key else [""] * len(stamps))
    raw = {}
    for group in np.unique(groups).tolist():
        members = groups == group
        for name in targets:
            full = f"{group} {name}".strip() if len(targets) > 1 or not group else group
            values = np.stack([numbers[name], *(_marks(numbers[n]) for n in known)], 1)
            raw[full] = stamps[members], values[members]
    return on_grid(raw, format, dict(columns), rows.notices, table.where)


class _Rows:
    """The cells of some columns of tables that follow each other."""

    def __init__(self, names: Iterable[str]) -> None:
        self.cells: dict[str, list[str]] = {name: [] for name in names}
        self.notices: list[str] = []
        self._places: list[tuple[Table, int]] = []  # of each row

    def read(self, table: Table) -> None:
        """Add the rows of a table; a column that it has not is blank."""
        there = [name for name in self.cells if name in table.names]
        for line, row in table.rows(there):
            self._places.append((table, line))
            values = dict(zip(there, row, strict=True))
            for name, column in self.cells.items():
                value = values.get(name)
                column.append("" if value is None else str(value))
        if len(self._places) < 2:
            raise DataError(
                f"{table.where} has {plural(len(self._places), 'row')}", "put more rows into it"
            )

    def times(self, column: str) -> tuple[TimeFormat, Stamps]:
        """Return the form of times, and their stamps (N,)."""
        cells = self.cells[column]
        format = find_format(cells) or find_format(cells[:1])
        stamps = {c: None if format is None else format.parse(c) for c in dict.fromkeys(cells)}
        hint = "write times as 2024-01-31 or 2024-01-31 13:00, or name another column: --time"
        parsed = self._require(column, [stamps[cell] for cell in cells], "time", f"{hint} COLUMN")
        assert format is not None
        return format, np.array(parsed, np.int64)

    def numbers(self, column: str, option: str) -> Doubles:
        """Return the numbers of a column (N,), NaN where one is missing."""
        parsed, commas = parse_numbers(self.cells[column])
        if commas is not None:
            self.notices.append(f"{column}: commas are {commas}")
        hint = f"correct it, leave the cell empty, or name another column: --{option} COLUMN"
        values = np.array(self._require(column, parsed, "number", hint), np.float64)
        if np.isnan(values).all():
            raise DataError(
                f"{self._places[0][0].where}: the column {column} has no number",
                f"put numbers into it, or name another column: --{option} COLUMN",
            )
        return values

    def is_numeric(self, column: str) -> bool:
        """Return whether a column has numbers, and nothing else."""
        numbers, _ = parse_numbers(self.cells[column])
        return None not in numbers and not all(map(math.isnan, filter(None, numbers)))

    def _require(
        self, column: str, values: Sequence[float | None], kind: str, hint: str
    ) -> Sequence[float | None]:
        if None in values:
            number = values.index(None)
            table, line = self._places[number]
            cell = self.cells[column][number][:40]
            raise table.error(line, f"{cell!r} in the column {column} is no {kind}", hint)
        return values


def _marks(values: Doubles) -> Doubles:
    """Return values of a known column; where there is only one, as of a holiday, others are 0."""
    is_mark = len(np.unique(values[~np.isnan(values)])) == 1
    return np.nan_to_num(values) if is_mark else values


def _later_columns(
    stamps: Stamps, numbers: Mapping[str, Doubles], value: str | None
) -> tuple[str, ...]:
    """Return the columns that end later than ``value``, or than all others, which end together."""
    ends = {name: int(stamps[~np.isnan(values)].max()) for name, values in numbers.items()}
    if value is None and len(set(ends.values())) != 2:
        return ()
    end = min(ends.values()) if value is None else ends[value]
    return tuple(name for name in numbers if ends[name] > end and "," not in name)


def parse_numbers(cells: Iterable[str]) -> tuple[list[float | None], str | None]:
    """Return the numbers in cells, NaN of a blank one, None of another; and what commas are."""
    texts = list(map(str.strip, cells))
    marked = [text for text in texts if "," in text]
    forms = (name for name, form in _COMMAS.items() if all(map(form.fullmatch, marked)))
    commas = next(forms, None) if marked else None
    if commas is not None:
        mark = "," if commas == "thousands separators" else "."
        texts = [text.replace(mark, "").replace(",", ".") for text in texts]
    return [_number(text) for text in texts], commas


def _number(text: str) -> float | None:
    try:
        value = float("nan" if text in BLANKS else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else math.nan
