"""Read what a person named into a Corpus, which is ready to be split and encoded."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from datasets import Dataset

from rnncli.config import MAX_CLASSES, MAX_CONTROL_LENGTH, MAX_CONTROLS, Task
from rnncli.data.arrow import write_rows
from rnncli.data.cleaning import clean_rows
from rnncli.data.columns import ANY_COLUMNS, Columns, choose
from rnncli.data.corpora import DEFAULT_CORPUS
from rnncli.data.locate import locate
from rnncli.data.tables import Table, no_train_split
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.messages import name_list, plural
from rnncli.text.files import Losses
from rnncli.text.languages import languages_of

MIN_CHARACTERS = 200  # of plain text in one line, to train on and to hold out
MAX_LABEL_LENGTH = 60  # characters on average, of labels that hardly occur twice
MAX_DISTINCT_SHARE = 0.8  # of labels that occur once, among more than MIN_ROWS rows
MIN_ROWS = 20


@dataclass(frozen=True)
class ControlLabels:
    """The labels in a control column, and what the texts beside them are like."""

    counts: dict[str, int]  # how many texts each label has, sorted by label
    several_lines: bool  # whether there are newlines inside texts


@dataclass(frozen=True)
class Corpus:
    """Hold data that is ready to be split and encoded.

    Each split has the canonical columns of the task, all of them strings. Texts without any other
    column are running text: joined they are the corpus, and each ends in a newline, except the
    pieces of a very long line.
    """

    name: str  # as typed
    task: Task
    splits: dict[str, Dataset]  # "train", and "validation" and "test" where the data has them
    columns: dict[str, str]  # canonical name -> name in the data
    languages: tuple[str, str] | None  # ISO codes of source and target, where known
    licence: str | None
    notices: tuple[str, ...]  # what was chosen or changed without being asked
    fingerprint: str  # sha256 of what was read
    controls: ControlLabels | None = None  # of "train", where there is a control column


def read_corpus(
    data: Sequence[str],
    *,
    task: Task | None = None,
    columns: Columns = ANY_COLUMNS,
    revision: str | None = None,
    for_training: bool = True,
) -> Corpus:
    """Read what ``data`` names: nothing (the bundled reviews), one thing, or two aligned files.

    Data that is only to be scored on needs no train split, and one row and one class suffice.

    Raises:
        DataError: the data is missing, malformed or empty, or does not suit the task.
    """
    source = locate(data, columns, task, revision)
    if for_training and "train" not in source.tables:
        raise no_train_split(source.where, source.tables)
    first = next(iter(source.tables.values()))
    choice = choose(first, task, columns, source.known_columns)
    stored = {
        split: write_rows(clean_rows(table, choice.columns), list(choice.columns))
        for split, table in source.tables.items()
    }
    largest = stored.get("train", max(stored.values(), key=len))
    is_long_enough = first.is_plain_text and _has_long_text(largest)  # to be cut in two
    _require_rows(source.where, largest, at_least=2 if for_training and not is_long_enough else 1)
    controls = None
    if for_training:
        _require_classes(source.where, largest, choice.columns)
        controls = _count_controls(source.where, largest, choice.columns)
    splits = {split: rows for split, rows in stored.items() if len(rows) > 0}
    return Corpus(
        name=" ".join(data) or DEFAULT_CORPUS,
        task=choice.task,
        splits=splits,
        columns=choice.columns,
        languages=languages_of(choice.columns, source.languages),
        licence=source.licence,
        notices=(
            *source.notices,
            *first.notices,
            *choice.notices,
            *(f"split {split} left out: it is empty" for split in stored if split not in splits),
            *_control_notice(choice.columns, controls),
            *_loss_notices(source.tables[split] for split in splits),
        ),
        fingerprint=source.fingerprint,
        controls=controls,
    )


# --- Whether there is enough to learn from ------------------------------------------------------


def _require_rows(where: str, rows: Dataset, at_least: int) -> None:
    """Check that so many rows hold a text.

    Raises:
        DataError: there are fewer.
    """
    texts = column_values(rows, rows.column_names[0])
    usable = sum(1 for _ in islice((text for text in texts if not text.isspace()), at_least))
    if usable < at_least:
        what = "only one usable row" if usable else "nothing usable"
        raise DataError(f"{where} is empty: there is {what} in it", "put more rows into it")


def _has_long_text(rows: Dataset) -> bool:
    texts = islice(column_values(rows, "text"), 2)
    return sum(len(text.strip()) for text in texts) >= MIN_CHARACTERS


def _require_classes(where: str, rows: Dataset, columns: Mapping[str, str]) -> None:
    """Check that labels, where there are any, tell texts apart.

    Raises:
        DataError: all are the same, or there are so many that they look like texts.
    """
    if "label" not in columns:
        return
    labels, hint = rows.unique("label"), "is it the right column? --label COLUMN"
    if len(labels) == 1:
        raise DataError(
            f"{where} has one class only: every label is {labels[0]!r}",
            f"a classifier needs two at least; {hint}",
        )
    if len(labels) > MAX_CLASSES:
        raise _too_many_labels(where, columns["label"], len(labels), MAX_CLASSES, hint)
    length = sum(map(len, labels)) / len(labels)
    if length > MAX_LABEL_LENGTH and len(labels) > len(rows) / 2:
        raise DataError(
            f"{where}: the labels in the column {columns['label']} are as long as texts, "
            f"{length:.0f} characters on average: {labels[0][:40]}...",
            hint,
        )
    if len(labels) > MIN_ROWS and len(labels) > MAX_DISTINCT_SHARE * len(rows):
        raise DataError(
            f"{where}: {len(labels):,} labels for {plural(len(rows), 'text')} in the column "
            f"{columns['label']}, such as {name_list(labels[:3])}: there is nothing to learn from",
            hint,
        )


def _count_controls(where: str, rows: Dataset, columns: Mapping[str, str]) -> ControlLabels | None:
    """Count the labels of the control column, if there is one.

    Raises:
        DataError: there is one label only, or it looks like a column of texts.
    """
    if "control" not in columns:
        return None
    counts = Counter(column_values(rows, "control"))
    labels, hint = sorted(counts), "is it the right column? --control COLUMN"
    if len(labels) == 1:
        label = labels[0][:MAX_CONTROL_LENGTH]
        raise DataError(f"{where}: every {columns['control']} is {label!r}", hint)
    if len(labels) > MAX_CONTROLS:
        raise _too_many_labels(where, columns["control"], len(labels), MAX_CONTROLS, hint)
    if long := next((label for label in labels if len(label) > MAX_CONTROL_LENGTH), None):
        raise DataError(
            f"{where}: in the column {columns['control']} a label has {len(long):,} characters, "
            f"more than {MAX_CONTROL_LENGTH}: {long[:40]}...",
            hint,
        )
    return ControlLabels(
        {label: counts[label] for label in labels},
        several_lines=any("\n" in text for text in column_values(rows, "text")),
    )


def _too_many_labels(where: str, column: str, number: int, limit: int, hint: str) -> DataError:
    return DataError(
        f"{where}: the column {column} has {number:,} labels, more than {limit:,}", hint
    )


# --- What is announced --------------------------------------------------------------------------


def _control_notice(columns: Mapping[str, str], controls: ControlLabels | None) -> Iterator[str]:
    if controls is not None:
        yield f"control: the column {columns['control']}, {plural(len(controls.counts), 'label')}"


_LOSSES = {
    "bytes": ("byte", "not UTF-8, replaced by \N{REPLACEMENT CHARACTER}"),
    "halves": ("half character", "in JSON replaced by \N{REPLACEMENT CHARACTER}"),
    "texts": ("empty text", "left out"),
    "labels": ("text", "without a label left out"),
    "pairs": ("pair", "with an empty side left out"),
}


def _loss_notices(tables: Iterable[Table]) -> Iterator[str]:
    """Say how much was changed or left out."""
    losses: Losses = Counter()
    for table in tables:
        losses.update(table.losses)
    for kind, (noun, what) in _LOSSES.items():
        if number := losses[kind]:
            yield f"{plural(number, noun)} {what}"
