"""What is announced of a table: its task, its columns, and what else could have been meant."""

import shlex
from collections.abc import Iterator, Mapping

from rnncli.config import Task
from rnncli.data.column_contents import columns_of
from rnncli.data.column_errors import MAX_LABELS, column_options
from rnncli.data.column_names import LABEL_NAMES, is_usual_label, usual_pair
from rnncli.data.tables import Table
from rnncli.data.text_tables import AlignedFiles
from rnncli.messages import name_list, short_name

MAX_LEFT_OUT = 5  # columns that are named


def task_notice(table: Table, task: Task, columns: Mapping[str, str]) -> str:
    """Return the task, and the columns that it follows from."""
    if "source" in columns:
        sides = [short_name(columns[side]) for side in ("source", "target")]
        if not table.has_header and not isinstance(table, AlignedFiles):
            sides = [f"column {side}" for side in sides]
        return f"task: {task}, from {' to '.join(sides)}"
    if table.is_plain_text:
        return f"task: {task}, from plain text"
    if "time" in columns and "value" not in columns:
        return f"task: {task}, of each column by the times in {short_name(columns['time'])}"
    names = " and ".join(map(short_name, columns.values()))
    return f"task: {task}, from the column{'s' if len(columns) > 1 else ''} {names}"


def confirmation(evidence: str, task: Task, columns: Mapping[str, str]) -> str:
    """Return what tells that columns are a guess, and the options that confirm it."""
    return (
        f"guessed from the {evidence} of the columns; to confirm or change it: "
        f"--task {task} {column_options(columns)}"
    )


def left_out(table: Table, columns: Mapping[str, str]) -> Iterator[str]:
    """Say which columns are not of a pair: further languages to choose from, and others."""
    if "source" not in columns:
        return
    names = [name for name in table.readable_names if name not in columns.values()]
    languages = [name for name in usual_pair(table.names) if name in names]
    if languages:
        yield f"left out: {', '.join(languages)}, which --source and --target can choose"
    others = [name for name in names if name not in languages]
    if others:
        noun = "" if table.has_header else f"column{'s' if len(others) > 1 else ''} "
        yield f"left out: {noun}{name_list(others, MAX_LEFT_OUT)}"


def other_labels(table: Table, columns: Mapping[str, str]) -> Iterator[str]:
    """Say which further columns hold labels, and how to take one: a name alone may be wrong.

    A column that is called label is meant.
    """
    name = columns.get("label", "label")
    if name.casefold() in LABEL_NAMES[:2] or len(table.names) == len(columns):
        return
    labels = [
        column.name
        for column in columns_of(table.sample())
        if column.is_label and column.name not in columns.values()
        if not column.is_identifier or is_usual_label(column.name)
    ]
    if labels:
        yield (
            f"labels may also be in {name_list(labels, MAX_LABELS)}; to take "
            f"{'it' if len(labels) == 1 else 'one'} instead: --label {shlex.quote(labels[0])}"
        )
