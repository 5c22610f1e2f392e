"""Read what a person named into a Corpus, which is ready to be split and encoded."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from datasets import Dataset

from rnncli.config import Task
from rnncli.data.arrow import write_rows
from rnncli.data.cleaning import loss_notices, numbered_rows
from rnncli.data.columns import ANY_COLUMNS, Columns, choose
from rnncli.data.corpora import DEFAULT_CORPUS
from rnncli.data.extent import Extent, extent_to_read
from rnncli.data.limits import (
    MIN_CHARACTERS,
    require_classes,
    require_controls,
    require_readable,
    require_rows,
)
from rnncli.data.locate import locate
from rnncli.data.series_rows import read_series
from rnncli.data.tables import Table, no_train_split
from rnncli.data.values import column_values
from rnncli.messages import Rename, format_duration, plural, stage
from rnncli.text.batching import batched
from rnncli.text.languages import languages_of

SHOWN_STEP = 10_000  # rows after which their number is shown
# After which the number of all is estimated, for which the file is read.
ESTIMATE_ROWS, ESTIMATE_CHARACTERS = 2_000, 1 << 19


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
    known_columns: Mapping[str, str] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Corpus:
    """Read what ``data`` names: nothing (the bundled reviews), one thing, or two aligned files.

    Data that is only to be scored on needs no train split, and one row and one class suffice; the
    ``known_columns`` of the model come first there. Of more "rows" or "characters" than ``limits``
    allow, a part is read: of running text the first, else rows drawn at random.

    Raises:
        DataError: the data is missing, malformed or empty, or does not suit the task.
    """
    source = locate(data, columns, task, revision, limits)
    if for_training and "train" not in source.tables:
        raise no_train_split(source.where, source.tables)
    first = next(iter(source.tables.values()))
    choice = choose(first, task, columns, known_columns or source.known_columns)
    chosen, stored = choice.columns, dict[str, Dataset]()
    if "time" in chosen and known_columns is not None:  # of a model, which knows the same ahead
        chosen = {"known": known_columns.get("known", ""), **chosen}
    for split, table in source.tables.items():
        stored[split], chosen = _stored(table, chosen, limits or {})
    largest = stored.get("train", max(stored.values(), key=len))
    controls = _require_enough(first, largest, chosen, for_training=for_training)
    splits = {split: rows for split, rows in stored.items() if len(rows) > 0}
    return Corpus(
        name=" ".join(data) or DEFAULT_CORPUS,
        task=choice.task,
        splits=splits,
        columns=chosen,
        languages=languages_of(chosen, source.languages),
        licence=source.licence,
        notices=(
            *source.notices,
            *first.notices,
            *choice.notices,
            *(f"split {split} left out: it is empty" for split in stored if split not in splits),
            *_control_notice(chosen, controls),
            *loss_notices(sum((source.tables[split].losses for split in splits), Counter())),
        ),
        fingerprint=source.fingerprint,
        controls=controls,
    )


def _stored(
    table: Table, columns: dict[str, str], limits: Mapping[str, int]
) -> tuple[Dataset, dict[str, str]]:
    """Copy the rows within the limits to disk; return the columns that were read, too.

    Raises:
        DataError: a row is malformed, or there are too many.
    """
    with stage(f"reading {table.where}") as rename:
        if "time" in columns:
            series = read_series(table, columns)
            table.notices += series.notices
            rows = write_rows(series.rows(), series.row_names)
            return rows, series.columns
        rows = write_rows(_counted(table, columns, limits, rename), list(columns))
        return rows, columns


def _counted(
    table: Table, columns: Mapping[str, str], limits: Mapping[str, int], rename: Rename
) -> Iterator[tuple[str, ...]]:
    """Yield clean rows within the limits, and show how many there were of about how many.

    Their number is estimated by the first ones.
    """
    began, characters = time.monotonic(), 0
    rows = numbered_rows(table, columns)
    first = next(
        batched(rows, max_items=ESTIMATE_ROWS, max_size=ESTIMATE_CHARACTERS, size=_characters), []
    )
    whole = Extent.of(row for _, row in first)
    if first:
        whole = whole.times(table.estimate_rows(len(first), first[-1][0]) / len(first))
    is_running_text = columns.keys() == {"text"}
    part = extent_to_read(table, whole, limits, is_running_text=is_running_text)
    within: Iterator[tuple[int, tuple[str, ...]]]
    if is_running_text:
        within = islice(chain(first, rows), part.rows if part.rows < whole.rows else None)
    else:
        table.share = part.rows / max(1, whole.rows)
        within = chain(table.drawn(first), rows)
    for count, pair in enumerate(within, start=1):
        characters += _characters(pair)
        require_readable(table.where, 0, characters)
        yield pair[1]
        if count % SHOWN_STEP:
            continue
        shown = f"reading {table.where}: {count:,} rows"
        if part.rows > count:
            left = (time.monotonic() - began) / count * (part.rows - count)
            shown += f" of about {part.rows:,}, {format_duration(left)} left"
        rename(shown)


def _characters(numbered_row: tuple[int, tuple[str, ...]]) -> int:
    return sum(map(len, numbered_row[1]))


def _usable(rows: Dataset, at_most: int) -> int:
    """Return how many rows hold a text."""
    texts = column_values(rows, rows.column_names[0])
    return sum(1 for _ in islice((text for text in texts if not text.isspace()), at_most))


def _has_long_text(rows: Dataset) -> bool:
    texts = islice(column_values(rows, "text"), 2)
    return sum(len(text.strip()) for text in texts) >= MIN_CHARACTERS


def _require_enough(
    table: Table, rows: Dataset, columns: Mapping[str, str], *, for_training: bool
) -> ControlLabels | None:
    """Check that rows can be trained on, and count the labels of the control column, if any.

    Raises:
        DataError: there are too few rows, or labels are none.
    """
    where = table.where
    is_long_enough = table.is_plain_text and _has_long_text(rows)  # to be cut in two
    at_least = 2 if for_training and not is_long_enough else 1
    require_rows(where, _usable(rows, at_least), at_least)
    if not for_training:
        return None
    if "label" in columns:
        require_classes(where, columns["label"], Counter(column_values(rows, "label")))
    if "control" not in columns:
        return None
    counts = Counter(column_values(rows, "control"))
    require_controls(where, columns["control"], counts)
    return ControlLabels(
        {label: counts[label] for label in sorted(counts)},
        several_lines=any("\n" in text for text in column_values(rows, "text")),
    )


# --- What is announced --------------------------------------------------------------------------


def _control_notice(columns: Mapping[str, str], controls: ControlLabels | None) -> Iterator[str]:
    if controls is not None:
        yield f"control: the column {columns['control']}, {plural(len(controls.counts), 'label')}"
