"""Find the task and its columns: by what was asked for, else by the usual names."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rnncli.config import Task
from rnncli.data.tables import CsvFile, Table, TextFile
from rnncli.errors import DataError
from rnncli.messages import did_you_mean, listed
from rnncli.text.languages import language_of


@dataclass(frozen=True)
class Columns:
    """Name the columns that a person asked for; None: to be found by their usual names."""

    text: str | None = None
    label: str | None = None
    source: str | None = None
    target: str | None = None
    control: str | None = None

    def given(self) -> dict[str, str]:
        """Return the columns that were asked for, by their canonical names."""
        return {name: own for name, own in vars(self).items() if own is not None}


ANY_COLUMNS = Columns()

CANONICAL: dict[Task, tuple[str, ...]] = {
    "generate": ("text",),
    "classify": ("text", "label"),
    "translate": ("source", "target"),
}
OPTIONAL: dict[Task, tuple[str, ...]] = {"generate": ("control",)}


@dataclass(frozen=True)
class Choice:
    """Say what the columns are for."""

    task: Task
    columns: dict[str, str]  # canonical -> the table's own
    notices: tuple[str, ...]


def choose(table: Table, task: Task | None, asked: Columns, usual: dict[str, str]) -> Choice:
    """Find the task and its columns; ``usual`` has those of a known corpus.

    Raises:
        DataError: a column that was asked for is not there, or none is known to be the right one.
    """
    if not table.names:
        raise DataError(f"{table.where} is empty: there is no row in it", "put rows into it")
    if isinstance(table, TextFile) and asked.control is not None:
        raise DataError(
            f"{table.where} is plain text, which has no column {asked.control!r}",
            "--control needs a .csv, .tsv, .jsonl or .parquet file with a text and a label column",
        )
    given = {name: _existing_column(table, name, own) for name, own in asked.given().items()}
    if "control" in given and given["control"] == given.get("text"):
        raise DataError(
            f"the column {given['control']} cannot be both text and label",
            "name another column: --control COLUMN",
        )
    wanted = CANONICAL[task] if task else usual
    if not given and all(usual.get(name) in table.names for name in wanted):
        given = {name: usual[name] for name in wanted}
    tasks = _open_tasks(given, task)
    if isinstance(table, TextFile) and "generate" not in tasks:
        raise _plain_text_error(table, tasks[0])
    found = find_columns(table.names, tasks, given)
    if found is None:
        raise _no_columns_error(table, given, tasks)
    chosen, columns = found
    notices = _announcements(table, columns, chosen, was_asked=task is not None, given=given)
    return Choice(chosen, columns, tuple(notices))


def is_header(first: list[str], asked: Columns) -> bool:
    """Say whether the first line of a TSV file names columns, or is a pair like those below it."""
    names = {cell.strip() for cell in first}
    if wanted := set(asked.given().values()):
        numbers = {str(number) for number in range(1, len(first) + 1)}
        return not names.isdisjoint(wanted) or not wanted <= numbers
    if find_columns(first, ("classify", "translate")):
        return True
    # "question<TAB>answer" is a header, "Question<TAB>Question" a pair.
    looks_named = all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)
    return looks_named and len(names) == len(first) and _known(names, _TEXT_NAMES) is not None


# --- By their names -----------------------------------------------------------------------------

# Usual names, best first.
# fmt: off
_TEXT_NAMES = (
    "text", "sentence", "review", "content", "tweet", "comment", "body", "message", "question",
    "utterance", "document", "review_text", "reviewtext", "clean_text", "post", "story", "article",
    "abstract", "description", "headline", "title",
)
_LABEL_NAMES = (
    "label", "labels", "sentiment", "class", "category", "rating", "stars", "intent", "topic",
    "emotion", "polarity", "genre", "label_text", "score",
)
# fmt: on
_PAIRS = (("source", "target"), ("src", "tgt"), ("src", "trg"), ("1", "2"))

_Found = dict[str, str] | None


def find_columns(
    names: Sequence[str], tasks: Iterable[Task], given: dict[str, str] | None = None
) -> tuple[Task, dict[str, str]] | None:
    """Return the first of ``tasks`` whose columns are all there, with these columns."""
    for task in tasks:
        if columns := _FINDERS[task](names, given or {}):
            return task, columns
    return None


def _find_text(names: Sequence[str], given: dict[str, str]) -> _Found:
    control = {name: own for name, own in given.items() if name == "control"}
    others = [name for name in names if name not in control.values()]
    only = others[0] if len(others) == 1 else None
    text = given.get("text") or _known(others, _TEXT_NAMES) or only
    return {"text": text, **control} if text else None


def _find_text_and_label(names: Sequence[str], given: dict[str, str]) -> _Found:
    label = given.get("label") or _known(names, _LABEL_NAMES)
    if label is None and not _find_pair(names, {}):
        label = _known(names, ["target"])
    others = [name for name in names if name != label]
    only = others[0] if label and len(others) == 1 else None
    text = given.get("text") or _known(others, _TEXT_NAMES) or only
    return {"text": text, "label": label} if text and label and text != label else None


def _find_pair(names: Sequence[str], given: dict[str, str]) -> _Found:
    known = _known_pair(names) or (names if given and len(names) == 2 else [])
    source = given.get("source") or next((n for n in known if n != given.get("target")), None)
    target = given.get("target") or next((n for n in known if n != source), None)
    return {"source": source, "target": target} if source and target and source != target else None


_FINDERS: dict[Task, Callable[[Sequence[str], dict[str, str]], _Found]] = {
    "generate": _find_text,
    "classify": _find_text_and_label,
    "translate": _find_pair,
}


def _known(names: Iterable[str], usual: Iterable[str]) -> str | None:
    """Return the name that is the most usual one."""
    own = {name.casefold().replace(" ", "_"): name for name in names}
    return next((own[name] for name in usual if name in own), None)


def _known_pair(names: Sequence[str]) -> list[str]:
    """Return the columns that translate each other, in their order; languages may be many."""
    for pair in _PAIRS:
        found = [own for name in pair if (own := _known(names, [name]))]
        if len(found) == 2:
            return found
    coded: dict[str, str] = {}
    for name in names:
        if code := language_of(name):
            coded.setdefault(code, name)
    if len(coded) > 2:  # "id" and "no" are then numbers of rows, not Indonesian and Norwegian
        coded = {code: name for code, name in coded.items() if name.casefold() not in ("id", "no")}
    return list(coded.values()) if len(coded) > 1 else []


# --- As a person asked for them -----------------------------------------------------------------


def _existing_column(table: Table, option: str, name: str) -> str:
    """Return the name of an existing column, whose case need not be the same."""
    if name in table.names:
        return name
    for own in table.names:
        if own.casefold() == name.casefold():
            return own
    raise DataError(
        f"{table.where} has no column {name!r}; its columns are: {listed(table.names)}",
        did_you_mean(name, table.names)
        or f"name one of these, such as --{option} {listed(table.names[:1])}",
    )


def _open_tasks(given: dict[str, str], task: Task | None) -> tuple[Task, ...]:
    """Return the tasks that columns given by name leave open, the likeliest first."""
    options = " and ".join(f"--{name}" for name in given)
    likeliest: tuple[Task, ...] = ("classify", "translate", "generate")
    fitting = tuple(
        each for each in likeliest if given.keys() <= {*CANONICAL[each], *OPTIONAL.get(each, ())}
    )
    if not fitting:
        raise DataError(
            f"{options} do not go together",
            "--text and --label are for single texts, --source and --target for pairs, "
            "--text and --control for a generator",
        )
    if task is None:
        return fitting
    if task not in fitting:
        raise DataError(
            f"{options} and --task {task} do not go together",
            f"{task} takes "
            + " and ".join(f"--{name}" for name in (*CANONICAL[task], *OPTIONAL.get(task, ()))),
        )
    return (task,)


def _announcements(
    table: Table, columns: dict[str, str], chosen: Task, *, was_asked: bool, given: dict[str, str]
) -> Iterator[str]:
    """Say what was chosen and not asked for."""
    if chosen == "translate":
        wording = f"from {columns['source']} to {columns['target']}"
    elif isinstance(table, TextFile):
        wording = "from plain text"
    else:
        wording = f"from the column{'s' if len(columns) > 1 else ''} "
        wording += " and ".join(columns.values())
    if not was_asked or columns.keys() - given:
        yield f"task: {chosen}, {wording}"
    others = [name for name in _known_pair(table.names) if name not in columns.values()]
    if chosen == "translate" and others and not given:
        yield f"left out: {', '.join(others)}, which --source and --target can choose"


# --- What is missing ----------------------------------------------------------------------------


def _plain_text_error(table: Table, task: Task) -> DataError:
    if task == "classify":
        return DataError(
            f"{table.where} is plain text, which has no labels",
            "classify needs a .csv, .tsv or .jsonl file with a text and a label column",
        )
    return DataError(
        f"{table.where} is plain text, which has no translations",
        "translate needs a .tsv file, source<TAB>target, or two files, aligned line by line",
    )


def _no_columns_error(table: Table, given: dict[str, str], tasks: Sequence[Task]) -> DataError:
    there = f"its columns are: {listed(table.names)}"
    header = "; if line 1 is no header, add one" if isinstance(table, CsvFile) else ""
    if len(tasks) > 1:
        return DataError(
            f"{table.where} has no columns with usual names; {there}",
            "name them: --text COLUMN --label COLUMN, or --source COLUMN --target COLUMN" + header,
        )
    missing = [name for name in CANONICAL[tasks[0]] if name not in given]
    if tasks[0] == "classify" and len(missing) == 2 and _known(table.names, _TEXT_NAMES):
        missing = ["label"]
    wanted = " or the ".join(missing)
    return DataError(
        f"{table.where} has no column that is known to hold the {wanted}; {there}",
        "name it: " + " ".join(f"--{name} COLUMN" for name in missing) + header,
    )
