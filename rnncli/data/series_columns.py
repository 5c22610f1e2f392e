"""Tell a table of series from other tables: a column of times, and columns of numbers."""

from collections.abc import Mapping, Sequence

from rnncli.data.column_contents import Column, columns_of
from rnncli.data.column_errors import sample_rows
from rnncli.data.column_names import TIME_NAMES
from rnncli.data.series import known_names
from rnncli.data.series_rows import parse_numbers
from rnncli.data.tables import Table
from rnncli.data.times import find_format
from rnncli.errors import DataError
from rnncli.messages import name_list

MIN_NUMBERS = 0.7  # share of the cells of a column of numbers


def find_series(
    table: Table, named: Mapping[str, str], *, is_certain: bool
) -> dict[str, str] | None:
    """Return the columns of times and, in a long table, of series and values.

    All columns but the times and the names of series are values, unless one is named. Where it is
    not ``is_certain`` that there are series, a column of texts or labels means that there are none.
    """
    if table.is_plain_text or not table.names:
        return None
    contents = columns_of(table.sample())
    time = named.get("time") or _time_column(contents)
    if time is None:
        return None
    rest = [c for c in contents if c.name != time and c.name not in known_names(named)]
    if "value" in named:
        return {"time": time, **named}
    if is_certain and len(rest) == 1:
        return {"time": time, "value": rest[0].name, **named}
    words = [c for c in rest if not _is_numeric(c) and c.name != named.get("series")]
    labels = [c.name for c in words if c.is_label] or [c.name for c in words if c.is_constant][:1]
    series = [named["series"]] if "series" in named else labels
    others = [c.name for c in words if c.name not in series and not c.is_constant]
    numbers = [column.name for column in rest if _is_numeric(column) and column.name not in series]
    if others or not numbers or len(series) > 1:
        return None
    columns = {"time": time, **({"series": series[0]} if series else {}), **named}
    if series and not is_certain and find_format(contents[0].cells) is None:
        return None  # labels before the times: rather something to classify
    return columns | ({"value": numbers[0]} if len(numbers) == 1 else {})


def _time_column(contents: Sequence[Column]) -> str | None:
    """Return the first column of times, by its name and by its content."""
    formats = {column.name: find_format(column.cells) for column in contents}
    times = [column for column in contents if formats[column.name] is not None]
    usual = [c.name for c in times if c.name.casefold() in TIME_NAMES]
    dates = [c.name for c in times if not c.is_numeric and c.name not in usual]
    return next(iter([*usual, *dates]), None)


def _is_numeric(column: Column) -> bool:
    """Return whether most cells are numbers; the others are errors when they are read."""
    others = parse_numbers(column.values)[0].count(None)
    return others < (1 - MIN_NUMBERS) * len(column.values)


def no_series(table: Table) -> DataError:
    """Return the error of a table whose times or numbers are not found."""
    rows = "".join(f"\n    {row}" for row in sample_rows(columns_of(table.sample())))
    return DataError(
        f"{table.where}: there is not one column of times beside columns of numbers; its columns "
        f"are: {name_list(table.names)}",
        f"name them: --time COLUMN --value COLUMN{rows}",
    )
