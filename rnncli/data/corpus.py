"""Read what a person named into a Corpus, which is ready to be split and encoded."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from datasets import Dataset

from rnncli.config import Task
from rnncli.data.arrow import column_values, store
from rnncli.data.cleaning import clean_rows
from rnncli.data.columns import ANY_COLUMNS, CANONICAL, Columns, choose
from rnncli.data.corpora import DEFAULT_CORPUS
from rnncli.data.locate import locate
from rnncli.data.origin import no_train_split
from rnncli.data.tables import Table
from rnncli.errors import DataError
from rnncli.messages import counted
from rnncli.tasks.generate.control_codes import LONGEST_LABEL, MAX_LABELS, Controls
from rnncli.text.files import Losses
from rnncli.text.languages import languages_of


@dataclass(frozen=True)
class Corpus:
    """Hold data that is ready to be split and encoded.

    Each split has the canonical columns of the task, all of them strings. For generate the texts,
    joined, are the corpus: each ends in a newline, except the pieces of a very long line. A label
    that was asked for stands before each of them.
    """

    name: str  # as typed
    task: Task
    splits: dict[str, Dataset]  # "train", and "validation" and "test" where the data has them
    columns: dict[str, str]  # canonical -> the data's own
    languages: tuple[str, str] | None  # translate: ISO codes of source and target, where known
    licence: str | None
    notices: tuple[str, ...]  # what was chosen or changed without being asked
    fingerprint: str  # sha256 of what was read
    controls: Controls | None = None  # generate: the labels before the texts of "train", if any


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
    origin = locate(data, columns, revision)
    if for_training and "train" not in origin.tables:
        raise no_train_split(origin.where, origin.tables)
    first = next(iter(origin.tables.values()))
    choice = choose(first, task, columns, origin.usual)
    names = CANONICAL[choice.task]
    stored = {
        split: store(clean_rows(table, choice), names) for split, table in origin.tables.items()
    }
    learned = stored.get("train", max(stored.values(), key=len))
    _require_enough(origin.where, learned, choice.task, for_training=for_training)
    controls = None
    if for_training and "control" in choice.columns:
        controls = Controls.of_rows(column_values(learned, "text"))
        _require_labels(origin.where, choice.columns["control"], controls)
    splits = {split: rows for split, rows in stored.items() if len(rows) > 0}
    return Corpus(
        name=" ".join(data) or DEFAULT_CORPUS,
        task=choice.task,
        splits=splits,
        columns=choice.columns,
        languages=languages_of(choice.columns, origin.languages),
        licence=origin.licence,
        notices=(
            *origin.notices,
            *first.notices,
            *choice.notices,
            *(f"split {split} left out: it is empty" for split in stored if split not in splits),
            *_announced(choice.columns, controls),
            *_losses(origin.tables[split] for split in splits),
        ),
        fingerprint=origin.fingerprint,
        controls=controls,
    )


def _require_enough(where: str, rows: Dataset, task: Task, *, for_training: bool) -> None:
    """Check that there is something to learn, or to score on.

    Raises:
        DataError: there are too few usable rows, or all of them have the same label.
    """
    texts = column_values(rows, CANONICAL[task][0])
    usable = sum(1 for _ in islice((text for text in texts if not text.isspace()), 2))
    if usable < (2 if for_training else 1):
        what = "only one usable row" if usable else "nothing usable"
        raise DataError(f"{where} is empty: there is {what} in it", "put more rows into it")
    if task == "classify" and for_training and len(labels := rows.unique("label")) == 1:
        raise DataError(
            f"{where} has one class only: every label is {labels[0]!r}",
            "a classifier needs two at least; is it the right column? --label COLUMN",
        )


def _require_labels(where: str, column: str, controls: Controls) -> None:
    """Check that a column holds labels that tell texts apart.

    Raises:
        DataError: there is one label only, or it looks like a column of texts.
    """
    labels, hint = list(controls.counts), "is it the right column? --control COLUMN"
    if len(labels) == 1:
        raise DataError(f"{where}: every {column} is {labels[0][:LONGEST_LABEL]!r}", hint)
    if len(labels) > MAX_LABELS:
        raise DataError(
            f"{where}: the column {column} has {len(labels):,} labels, more than {MAX_LABELS:,}",
            hint,
        )
    if long := next((label for label in labels if len(label) > LONGEST_LABEL), None):
        raise DataError(
            f"{where}: in the column {column} a label has {len(long):,} characters, more than "
            f"{LONGEST_LABEL}: {long[:40]}...",
            hint,
        )


def _announced(columns: dict[str, str], controls: Controls | None) -> Iterator[str]:
    """Say which labels stand before the texts."""
    if controls is not None:
        yield f"control: the column {columns['control']}, {counted(len(controls.counts), 'label')}"


_LOSSES = {
    "bytes": ("byte", "not UTF-8, replaced by \N{REPLACEMENT CHARACTER}"),
    "halves": ("half character", "in JSON replaced by \N{REPLACEMENT CHARACTER}"),
    "texts": ("empty text", "left out"),
    "labels": ("text", "without a label left out"),
    "pairs": ("pair", "with an empty side left out"),
}


def _losses(tables: Iterable[Table]) -> Iterator[str]:
    """Say how much was changed or left out."""
    losses: Losses = Counter()
    for table in tables:
        losses.update(table.losses)
    for kind, (noun, what) in _LOSSES.items():
        if number := losses[kind]:
            yield f"{counted(number, noun)} {what}"
