"""Choose the task and its columns: those that a person named, else those with usual names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnncli.config import OPTIONAL_COLUMNS, TASK_COLUMNS, Task
from rnncli.data.column_names import find_columns, has_usual_text, usual_pair
from rnncli.data.tables import Table
from rnncli.errors import DataError
from rnncli.messages import did_you_mean, listed

PLAIN_TEXT = ("text",)  # what a table needs at least, and all that plain text has


@dataclass(frozen=True)
class Columns:
    """Name the columns that a person chose; None: to be found by their usual names."""

    text: str | None = None
    label: str | None = None
    source: str | None = None
    target: str | None = None
    control: str | None = None

    def as_dict(self) -> dict[str, str]:
        """Return the columns that were chosen, by their canonical names."""
        return {name: column for name, column in vars(self).items() if column is not None}


ANY_COLUMNS = Columns()


@dataclass(frozen=True)
class Choice:
    """Say which task the data is for, and which columns it reads."""

    task: Task
    columns: dict[str, str]  # canonical name -> name in the table
    notices: tuple[str, ...]


def choose(
    table: Table, task: Task | None, columns: Columns, known_columns: Mapping[str, str]
) -> Choice:
    """Choose the task, unless it is named, and its columns.

    What a person named in ``columns`` comes first, then the ``known_columns`` of a public corpus,
    then columns with usual names.

    Raises:
        DataError: a column that was named is not there, or no column is known to be the right one.
    """
    if not table.names:
        raise DataError(f"{table.where} is empty: there is no row in it", "put rows into it")
    named = _existing_columns(table, columns)
    names = TASK_COLUMNS[task] if task else known_columns
    if not named and all(known_columns.get(name) in table.names for name in names):
        named = {name: known_columns[name] for name in names}
    tasks = _possible_tasks(named, task)
    if table.is_plain_text and all(TASK_COLUMNS[each] != PLAIN_TEXT for each in tasks):
        raise _plain_text_error(table, tasks[0])
    match = find_columns(table.names, tasks, named)
    if match is None:
        raise _no_columns_error(table, tasks, named)
    chosen_task, chosen = match
    announces_task = task is None or bool(chosen.keys() - named)
    notices = [
        *([f"task: {chosen_task}, {_wording(table, chosen)}"] if announces_task else []),
        *([] if named else _other_languages(table, chosen)),
    ]
    return Choice(chosen_task, chosen, tuple(notices))


# --- As a person named them ---------------------------------------------------------------------


def _existing_columns(table: Table, columns: Columns) -> dict[str, str]:
    """Return the columns that were named as the table spells them.

    Raises:
        DataError: one is not there, or is to be text and label at once.
    """
    if table.is_plain_text and columns.control is not None:
        raise DataError(
            f"{table.where} is plain text, which has no column {columns.control!r}",
            "--control needs a .csv, .tsv, .jsonl or .parquet file with a text and a label column",
        )
    named = {name: _existing(table, name, column) for name, column in columns.as_dict().items()}
    if "control" in named and named["control"] == named.get("text"):
        raise DataError(
            f"the column {named['control']} cannot be both text and label",
            "name another column: --control COLUMN",
        )
    return named


def _existing(table: Table, option: str, name: str) -> str:
    """Return the name of an existing column, whose case need not be the same."""
    if name in table.names:
        return name
    for column in table.names:
        if column.casefold() == name.casefold():
            return column
    raise DataError(
        f"{table.where} has no column {name!r}; its columns are: {listed(table.names)}",
        did_you_mean(name, table.names)
        or f"name one of these, such as --{option} {listed(table.names[:1])}",
    )


def _possible_tasks(named: Mapping[str, str], task: Task | None) -> tuple[Task, ...]:
    """Return the tasks that read all the columns that were named, the likeliest first.

    Raises:
        DataError: there is none.
    """
    options = _options(named)
    tasks = tuple(each for each in TASK_COLUMNS if named.keys() <= set(_all_columns(each)))
    if not tasks:
        raise DataError(
            f"{options} do not go together",
            "--text and --label are for single texts, --source and --target for pairs, "
            "--text and --control for a generator",
        )
    if task is None:
        return tasks
    if task not in tasks:
        raise DataError(
            f"{options} and --task {task} do not go together",
            f"{task} takes {_options(_all_columns(task))}",
        )
    return (task,)


def _all_columns(task: Task) -> tuple[str, ...]:
    return (*TASK_COLUMNS[task], *OPTIONAL_COLUMNS.get(task, ()))


def _options(names: Iterable[str]) -> str:
    return " and ".join(f"--{name}" for name in names)


# --- What is announced --------------------------------------------------------------------------


def _wording(table: Table, columns: Mapping[str, str]) -> str:
    if "source" in columns:
        return f"from {columns['source']} to {columns['target']}"
    if table.is_plain_text:
        return "from plain text"
    return f"from the column{'s' if len(columns) > 1 else ''} {' and '.join(columns.values())}"


def _other_languages(table: Table, columns: Mapping[str, str]) -> Iterator[str]:
    """Say which further languages there are to choose from."""
    others = [name for name in usual_pair(table.names) if name not in columns.values()]
    if "source" in columns and others:
        yield f"left out: {', '.join(others)}, which --source and --target can choose"


# --- What is missing ----------------------------------------------------------------------------


def _plain_text_error(table: Table, task: Task) -> DataError:
    if "label" in TASK_COLUMNS[task]:
        return DataError(
            f"{table.where} is plain text, which has no labels",
            f"{task} needs a .csv, .tsv or .jsonl file with a text and a label column",
        )
    return DataError(
        f"{table.where} is plain text, which has no translations",
        f"{task} needs a .tsv file, source<TAB>target, or two files, aligned line by line",
    )


def _no_columns_error(table: Table, tasks: Sequence[Task], named: Mapping[str, str]) -> DataError:
    columns = f"its columns are: {listed(table.names)}"
    if len(tasks) > 1:
        return DataError(
            f"{table.where} has no columns with usual names; {columns}",
            "name them: --text COLUMN --label COLUMN, or --source COLUMN --target COLUMN"
            + table.header_hint,
        )
    missing = [name for name in TASK_COLUMNS[tasks[0]] if name not in named]
    if missing == ["text", "label"] and has_usual_text(table.names):
        missing = ["label"]
    return DataError(
        f"{table.where} has no column that is known to hold the {' or the '.join(missing)}; "
        f"{columns}",
        "name it: " + " ".join(f"--{name} COLUMN" for name in missing) + table.header_hint,
    )
