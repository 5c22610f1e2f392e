"""Count the rows of data without storing them: what a training would read."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from rnncli.config import Task
from rnncli.data.cleaning import clean_rows, loss_notices, numbered_rows
from rnncli.data.columns import Columns, choose
from rnncli.data.corpora import DEFAULT_CORPUS
from rnncli.data.extent import Extent, extent_to_read
from rnncli.data.limits import (
    MIN_CHARACTERS,
    require_classes,
    require_controls,
    require_rows,
    similar_labels,
)
from rnncli.data.locate import locate
from rnncli.data.series_rows import read_series
from rnncli.data.tables import Table, no_train_split

COUNTED_ROWS, COUNTED_CHARACTERS = 50_000, 1 << 24  # half a second of reading
SHOWN_ROWS = 3
DRAWN_ROWS = 2_000


@dataclass
class CorpusPreview:
    """What data holds, counted in its first rows; of more, ``rows`` is an estimate."""

    name: str  # as typed
    task: Task
    columns: dict[str, str]  # canonical name -> name in the data
    rows: int = 0  # to train on, with those that will be held out
    is_whole: bool = True  # whether all rows were counted
    parts: dict[str, int] = field(default_factory=dict)  # rows of other splits
    labels: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)  # of each column
    words: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, str]] = field(default_factory=list)  # the first that are not blank
    drawn: list[tuple[str, ...]] = field(default_factory=list)  # rows, evenly from all
    notices: tuple[str, ...] = ()


def preview_corpus(
    data: Sequence[str],
    task: Task | None,
    columns: Columns,
    revision: str | None,
    limits: Mapping[str, int] | None = None,
) -> CorpusPreview:
    """Read what ``data`` names as `read_corpus` does, within these limits, and count it.

    Raises:
        DataError: the data is missing, malformed or empty, or does not suit the task.
    """
    source = locate(data, columns, task, revision, limits)
    if "train" not in source.tables:
        raise no_train_split(source.where, source.tables)
    table = source.tables["train"]
    choice = choose(next(iter(source.tables.values())), task, columns, source.known_columns)
    names = list(choice.columns)
    preview = CorpusPreview(" ".join(data) or DEFAULT_CORPUS, choice.task, choice.columns)
    if "time" in names:
        return _preview_series(preview, table, (*source.notices, *table.notices, *choice.notices))
    usable = _count(preview, names, table, limits or {})
    for split, other in source.tables.items():
        if split != "train":
            preview.parts[split] = sum(1 for _ in clean_rows(other, choice.columns))
    is_long_enough = table.is_plain_text and preview.characters["text"] >= MIN_CHARACTERS
    require_rows(source.where, usable, at_least=1 if is_long_enough else 2)
    if "label" in names and preview.is_whole:  # else others may follow
        require_classes(source.where, choice.columns["label"], preview.labels)
    if "control" in names and preview.is_whole:
        require_controls(source.where, choice.columns["control"], preview.labels)
    preview.notices = (
        *source.notices,
        *table.notices,
        *choice.notices,
        *loss_notices(table.losses),
        *(similar_labels(preview.labels) if "label" in names else ()),
    )
    return preview


def _preview_series(
    preview: CorpusPreview, table: Table, notices: tuple[str, ...]
) -> CorpusPreview:
    """Read series whole, which takes a moment, and count the rows: a step each, of all series."""
    series = read_series(table, preview.columns)
    preview.columns = series.columns
    lengths = [len(each.values) for each in series.series]
    preview.rows = sum(lengths) if "series" in series.columns else max(lengths)
    rows = islice(series.rows(), SHOWN_ROWS)
    preview.sample = [dict(zip(series.row_names, row, strict=True)) for row in rows]
    preview.notices = (*notices, *series.notices)
    return preview


def _count(
    preview: CorpusPreview, names: Sequence[str], table: Table, limits: Mapping[str, int]
) -> int:
    """Count rows into a preview, and return how many hold a text."""
    usable = total = size = 0
    rows = numbered_rows(table, preview.columns)
    label = next((place for place, name in enumerate(names) if name in ("label", "control")), None)
    rng = random.Random(0)
    end = 0  # of the rows that were counted
    for end, row in rows:  # noqa: B007 - of the last row
        preview.rows += 1
        usable += not row[0].isspace()
        if len(preview.sample) < SHOWN_ROWS and row[0].strip():
            preview.sample.append(dict(zip(names, row, strict=True)))
        if preview.rows <= DRAWN_ROWS:
            preview.drawn.append(row)
        elif (place := rng.randrange(preview.rows)) < DRAWN_ROWS:
            preview.drawn[place] = row
        if label is not None:
            preview.labels[row[label]] += 1
        for name, cell in zip(names, row, strict=True):
            preview.characters[name] += len(cell)
            preview.words[name] += cell.count(" ") + 1
            total += len(cell)
            size += len(cell.encode())
        if preview.rows >= COUNTED_ROWS or total >= COUNTED_CHARACTERS:
            preview.is_whole = next(rows, None) is None
            break
    if not preview.is_whole:
        counted = Extent(preview.rows, total, size)
        whole = counted.times(table.estimate_rows(preview.rows, end) / preview.rows)
        part = extent_to_read(table, whole, limits, is_running_text=names == ["text"])
        _extrapolate(preview, part.rows)
    return usable


def _extrapolate(preview: CorpusPreview, rows: int) -> None:
    """Raise all counts to those of so many rows."""
    factor = rows / preview.rows
    preview.rows = rows
    for counts in (preview.labels, preview.characters, preview.words):
        for name in counts:
            counts[name] = round(counts[name] * factor)
