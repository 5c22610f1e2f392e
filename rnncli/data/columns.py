"""Choose the task and its columns: as named, else by usual names, else by contents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnncli.config import OPTIONAL_COLUMNS, TASK_COLUMNS, Task
from rnncli.data.column_contents import (
    Column,
    are_translations,
    columns_of,
    find_by_contents,
    in_two_languages,
)
from rnncli.data.column_errors import (
    one_language,
    require_single,
    undecided,
)
from rnncli.data.column_names import (
    find_assumed_pair,
    find_columns,
)
from rnncli.data.column_notices import (
    confirmation,
    left_out,
    other_labels,
    task_notice,
)
from rnncli.data.series_columns import find_series, no_series
from rnncli.data.tables import Table
from rnncli.data.text_tables import AlignedFiles
from rnncli.errors import DataError
from rnncli.messages import did_you_mean, name_list

PLAIN_TEXT = ("text",)  # what a table needs at least, and all that plain text has


@dataclass(frozen=True)
class Columns:
    """Name the columns that a person chose; None: to be found by their usual names."""

    text: str | None = None
    label: str | None = None
    source: str | None = None
    target: str | None = None
    control: str | None = None
    time: str | None = None
    value: str | None = None
    series: str | None = None
    known: str | None = None  # ahead, such as holidays: names with commas between them

    def as_dict(self) -> dict[str, str]:
        """Return the columns that were chosen, by their canonical names."""
        return {name: column for name, column in vars(self).items() if column is not None}


ANY_COLUMNS = Columns()


@dataclass(frozen=True)
class Choice:
    """The task that data is for, and the columns that it reads."""

    task: Task
    columns: dict[str, str]  # canonical name -> name in the table
    notices: tuple[str, ...] = ()


def choose(
    table: Table, task: Task | None, columns: Columns, known_columns: Mapping[str, str]
) -> Choice:
    """Choose the task, unless it is named, and its columns.

    What a person named in ``columns`` comes first, then the ``known_columns`` of a public corpus
    or of a model, then columns with usual names, then what the cells look like.

    Raises:
        DataError: a column that was named is not there or there twice, or neither names nor
            contents tell the right one.
    """
    if not table.names:
        raise DataError(f"{table.where} is empty: there is no row in it", "put rows into it")
    requested = _existing_columns(table, columns)
    names = TASK_COLUMNS[task] if task else tuple(known_columns)
    if "series" in known_columns:
        names = (*names, "series")
    known = {name: known_columns.get(name) for name in names if name not in requested}
    named = dict(requested)
    if requested.keys() <= set(names) and all(column in table.names for column in known.values()):
        named |= {name: column for name, column in known.items() if column is not None}
    tasks = _possible_tasks(named, task)
    if table.is_plain_text and all(TASK_COLUMNS[each] != PLAIN_TEXT for each in tasks):
        raise _plain_text_error(table, tasks[0])
    choice = _series(table, tasks, named)
    tasks = tuple(each for each in tasks if "time" not in TASK_COLUMNS[each])
    if choice is None and not tasks:
        raise no_series(table)
    choice = choice or _by_names(table, tasks, named, is_certain=task is not None)
    if choice is None:
        choice = _by_contents(table, tasks, named)
    require_single(table, choice.columns.values())
    announces_task = task is None or bool(choice.columns.keys() - requested)
    notices = [
        *([task_notice(table, choice.task, choice.columns)] if announces_task else []),
        *([] if requested else left_out(table, choice.columns)),
        *([] if "label" in named else other_labels(table, choice.columns)),
    ]
    return replace(choice, notices=(*notices, *choice.notices))


def _series(table: Table, tasks: Sequence[Task], named: Mapping[str, str]) -> Choice | None:
    """Return the task of a table of times and numbers; None where it is none."""
    task = next((each for each in tasks if "time" in TASK_COLUMNS[each]), None)
    if task is None:
        return None
    columns = find_series(table, named, is_certain=len(tasks) == 1)
    if columns is None:
        return None
    is_guess = len(tasks) > 1
    return Choice(task, columns, (confirmation("contents", task, columns),) if is_guess else ())


def _by_names(
    table: Table, tasks: Sequence[Task], named: Mapping[str, str], *, is_certain: bool
) -> Choice | None:
    """Return the task whose columns have usual names, None where their contents are to decide.

    A text column alone decides for plain text only where that is certain, or no other column is
    there.
    """
    match = find_columns(table.names, tasks, named)
    if match is None:
        return None
    task, columns = match
    if set(columns) <= set(named) or table.is_plain_text:
        return Choice(task, columns)
    if TASK_COLUMNS[task] == PLAIN_TEXT:
        return Choice(task, columns) if is_certain or len(table.names) == len(columns) else None
    if "source" in columns and not table.has_header and not is_certain:
        return None
    return Choice(task, columns)


def _by_contents(table: Table, tasks: Sequence[Task], named: Mapping[str, str]) -> Choice:
    """Return the task that the cells of a table look like, as a guess.

    Raises:
        DataError: they look like none, or like several.
    """
    pair = find_assumed_pair(table.names)
    pair_task = next((task for task in tasks if "source" in TASK_COLUMNS[task]), None)
    if pair and pair_task and not named:
        columns = dict(zip(TASK_COLUMNS[pair_task], pair, strict=True))
        return Choice(pair_task, columns, (confirmation("names", pair_task, columns),))
    require_single(table, filter(None, table.names))
    contents = columns_of(table.sample())
    for task in _likeliest_first(tasks, contents):
        needed = TASK_COLUMNS[task]
        is_certain = len(tasks) == 1 or ("source" in needed and not _contradicts(table, contents))
        required = {name: column for name, column in named.items() if name in needed}
        matches = find_by_contents(contents, needed, required, is_certain=is_certain)
        if matches is not None:
            columns = {**matches, **named}
            return Choice(task, columns, (confirmation("contents", task, columns),))
    match = find_columns(table.names, tasks, named)
    has_labels = any(column.is_label for column in contents)
    if match is not None and TASK_COLUMNS[match[0]] == PLAIN_TEXT and not has_labels:
        return Choice(*match)
    if isinstance(table, AlignedFiles) and pair_task:
        raise one_language(table, pair_task)
    raise undecided(table, tasks, named, contents)


def _contradicts(table: Table, contents: Sequence[Column]) -> bool:
    """Return whether two columns are unlikely to be pairs: they have names, or one language."""
    if not isinstance(table, AlignedFiles):
        return table.has_header
    return in_two_languages(*(column.values for column in contents)) is False


def _likeliest_first(tasks: Sequence[Task], contents: Sequence[Column]) -> list[Task]:
    """Return tasks in order, pairs first where two columns are texts of two languages."""
    if are_translations([column for column in contents if column.is_text]):
        return sorted(tasks, key=lambda task: "source" not in TASK_COLUMNS[task])
    return list(tasks)


# --- As a person named them ---------------------------------------------------------------------


def _existing_columns(table: Table, columns: Columns) -> dict[str, str]:
    """Return the columns that were named as the table spells them.

    Raises:
        DataError: one is not there, or is to be text and label at once.
    """
    if table.is_plain_text and columns.control is not None:
        raise DataError(
            f"{table.where} is plain text, which has no column {columns.control!r}",
            "leave --control out\nor take a .csv, .tsv, .jsonl or .parquet file with labels",
        )
    named = {
        name: ",".join(_existing(table, name, each) for each in column.split(","))
        if name == "known"
        else _existing(table, name, column)
        for name, column in columns.as_dict().items()
    }
    if "control" in named and named["control"] == named.get("text"):
        raise DataError(
            f"the column {named['control']} cannot be both text and label",
            "name another column: --control COLUMN",
        )
    return named


def _existing(table: Table, option: str, name: str) -> str:
    """Return the name of an existing column, whose case need not be the same, or by its number."""
    if name in table.names:
        return name
    if name.isdecimal() and 0 < int(name) <= len(table.names):
        return table.names[int(name) - 1]
    for column in table.names:
        if column.casefold() == name.casefold():
            return column
    raise DataError(
        f"{table.where} has no column {name!r}; its columns are: {name_list(table.names)}",
        did_you_mean(name, table.names)
        or f"name one of these, such as --{option} {name_list(table.names[:1])}",
    )


def _possible_tasks(named: Mapping[str, str], task: Task | None) -> tuple[Task, ...]:
    """Return the tasks that read all the columns that were named, the likeliest first.

    Raises:
        DataError: there is none.
    """
    options = _options(named)
    tasks = tuple(each for each in TASK_COLUMNS if named.keys() <= set(_all_columns(each)))
    if "audio" not in named:  # which folders of recordings alone have
        tasks = tuple(each for each in tasks if "audio" not in TASK_COLUMNS[each])
    if not tasks:
        raise DataError(
            f"{options} do not go together",
            "for single texts --text and --label, for pairs --source and --target, for a generator "
            "--text and --control, for series --time, --value, --series and --known",
        )
    if task is None:
        return tasks
    if task not in tasks:
        is_of_sound = "audio" in TASK_COLUMNS[task]
        takes = "a folder of recordings" if is_of_sound else _options(_all_columns(task))
        what = f"{options or 'this data'} and --task {task} do not go together"
        raise DataError(what, f"{task} takes {takes}")
    return (task,)


def _all_columns(task: Task) -> tuple[str, ...]:
    return (*TASK_COLUMNS[task], *OPTIONAL_COLUMNS.get(task, ()))


def _options(names: Iterable[str]) -> str:
    return " and ".join(f"--{name}" for name in names)


def _plain_text_error(table: Table, task: Task) -> DataError:
    if "time" in TASK_COLUMNS[task]:
        return no_series(table)
    if "label" in TASK_COLUMNS[task]:
        return DataError(
            f"{table.where} is plain text, which has no labels",
            f"{task} needs a .csv, .tsv or .jsonl file with a text and a label column",
        )
    return DataError(
        f"{table.where} is plain text, which has no translations",
        f"{task} needs a .tsv file, source<TAB>target, or two files, aligned line by line",
    )
