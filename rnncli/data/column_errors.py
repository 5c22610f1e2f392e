"""Explain that columns cannot be found, with three rows and the options that name them."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from rnncli.config import TASK_COLUMNS, Task
from rnncli.data.column_contents import Column
from rnncli.data.tables import Table
from rnncli.data.text_tables import FASTTEXT_LABEL, AlignedFiles
from rnncli.errors import DataError
from rnncli.messages import name_list
from rnncli.text.unicode import as_field

SHOWN_ROWS, SHOWN_COLUMNS = 3, 12
CELL_WIDTH = 40  # characters of a cell
MAX_LABELS = 3  # columns that are suggested for the label


def undecided(
    table: Table, tasks: Sequence[Task], named: Mapping[str, str], contents: Sequence[Column]
) -> DataError:
    """Return the error of a table whose columns are not told apart."""
    missing = [name for name in TASK_COLUMNS[tasks[0]] if name not in named]
    is_only = len(tasks) == 1
    what = f"which columns to train on, for {' or '.join(tasks)}"
    if is_only:
        what = f"which column is the {' or the '.join(missing)}"
    choices = [
        ("" if is_only else f"--task {task} ") + column_options(columns)
        for task in tasks
        for columns in _suggestions(task, named, contents, is_only=is_only)
    ]
    rows = "".join(f"\n    {row}" for row in sample_rows(contents))
    options = " ".join(f"--{name} COLUMN" for name in missing)
    return DataError(
        f"{table.where}: neither names nor contents tell {what}; its columns are: "
        f"{name_list(table.names)}",
        "name them: " + "\n   or: ".join(choices or [options]) + rows,
    )


def one_language(table: AlignedFiles, task: Task) -> DataError:
    """Return the error of two files that are hardly translations: their words are the same."""
    paths = [PurePath(file.name) for file in table.files.values()]
    are_endings = len({path.suffix for path in paths}) == len(paths)  # of reviews.pos, reviews.neg
    labels = [path.suffix.removeprefix(".") if are_endings else path.stem for path in paths]
    marked = "; ".join(
        shlex.join(["sed", f"s/^/{FASTTEXT_LABEL}{label.replace(' ', '_')} /", str(path)])
        for label, path in zip(labels, paths, strict=True)
    )
    return DataError(
        f"{table.where} are texts of one language, and their endings name no languages",
        "if line n of one is to be written from line n of the other: "
        f"rnncli train {table.command_argument} --task {task}"
        f"\n   or, if each holds the texts of a class: ({marked}) | rnncli train -",
    )


def sample_rows(contents: Sequence[Column]) -> list[str]:
    """Return the names of columns and their first cells, a row a line."""
    shown = contents[:SHOWN_COLUMNS]
    rows = [[column.name for column in shown]]
    cells = (column.cells[:SHOWN_ROWS] for column in shown)
    rows += [list(row) for row in zip(*cells, strict=True)]
    cut = [[_cut(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    ]


def column_options(columns: Mapping[str, str]) -> str:
    """Return the options that name columns."""
    return " ".join(f"--{name} {shlex.quote(column)}" for name, column in columns.items())


def require_single(table: Table, columns: Iterable[str]) -> None:
    """Check that a header has each name once.

    Raises:
        DataError: a column's name is there twice.
    """
    counts = Counter(table.names)
    for name in columns:
        if counts[name] > 1:
            places = [str(i) for i, column in enumerate(table.names, start=1) if column == name]
            raise table.error(
                1,
                f"{counts[name]} columns are called {name!r}: the columns {' and '.join(places)} "
                f"of {name_list(table.names)}",
                "give each a name of its own in the header",
            )


def _suggestions(
    task: Task, named: Mapping[str, str], contents: Sequence[Column], *, is_only: bool
) -> Iterator[dict[str, str]]:
    """Yield the columns that a task, perhaps the only one, could take: for each possible label."""
    needed = TASK_COLUMNS[task]
    labels = [column.name for column in contents if column.is_label and not column.is_constant]
    may_be_pairs = is_only or named.keys() & set(needed) or len(contents) == 2
    if labels and "source" in needed and not may_be_pairs:
        return  # a label is no translation
    choices = [dict(named)]
    if "label" in needed and "label" not in named and len(labels) > 1:
        choices = [{**named, "label": label} for label in labels[:MAX_LABELS]]
    for choice in choices:
        if columns := _suggestion(task, choice, contents):
            yield columns


def _suggestion(
    task: Task, named: Mapping[str, str], contents: Sequence[Column]
) -> dict[str, str] | None:
    """Return columns that a task could take: long texts and values that repeat."""
    needed = TASK_COLUMNS[task]
    rest = [column for column in contents if column.name not in named.values()]
    texts = sorted(rest, key=lambda c: (c.is_identifier, c.is_label, -c.length))
    columns = dict(named)
    if "label" in needed and "label" not in named:
        labels = sorted(
            (column for column in rest if not column.is_constant and column is not texts[0]),
            key=lambda column: (not column.is_label, column.is_identifier, column.distinct),
        )
        if not labels:
            return None
        columns["label"] = labels[0].name
    if "source" in needed:
        texts = sorted(texts[:2], key=list(contents).index)
    for name in needed:
        if name not in columns:
            unused = [c.name for c in texts if c.name not in columns.values()]
            if not unused:
                return None
            columns[name] = unused[0]
    return {name: columns[name] for name in (*needed, *columns) if name in columns}


def _cut(cell: str) -> str:
    text = as_field(cell)
    return text if len(text) <= CELL_WIDTH else f"{text[: CELL_WIDTH - 3]}..."
