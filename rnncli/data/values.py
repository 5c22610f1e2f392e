"""Read the values of a column from disk, a batch at a time; imports nothing of `datasets`."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnncli.data.mapped_files import PAGE, note_reading
from rnncli.messages import Announce

if TYPE_CHECKING:  # it takes a second to import, and whoever hands rows over has done so
    from datasets import Dataset

BATCH_ROWS = 1_000  # rows held in memory at once
BATCH_CHARACTERS = 1 << 24  # of all of them, unless a single one has more
MAX_SPREAD = 16  # rows among which one is selected: as fast as to take it alone
VOCABULARY_BYTES = 1 << 27  # of texts: a vocabulary of more is hardly another one


def column_values(dataset: "Dataset", column: str) -> Iterator[str]:
    """Yield a column's values in order, with one batch of them in memory at a time."""
    row_bytes = dataset.data.nbytes // max(1, len(dataset.data)) + 1
    rows = max(1, min(BATCH_ROWS, BATCH_CHARACTERS // row_bytes))
    for batch in _batches(dataset.select_columns(column), rows):
        yield from batch
        note_reading(rows * max(row_bytes, PAGE))  # they may lie far apart


def _batches(dataset: "Dataset", size: int) -> Iterator[list[str]]:
    """Yield the values of the only column, so many at a time.

    `datasets` takes selected rows one by one, and 20 times as long as for a slice: where they lie
    near each other, they are taken from the slice that holds them.
    """
    (column,) = dataset.column_names
    selected = dataset._indices
    for start in range(0, len(dataset), size):
        if selected is not None:
            numbers = selected.fast_slice(start, size).column(0).to_numpy()
            first, last = int(numbers.min()), int(numbers.max())
            if last - first < MAX_SPREAD * size:
                table = dataset.data.fast_slice(first, last - first + 1)
                yield table.column(0).take(numbers - first).to_pylist()
                continue
        yield dataset[start : start + size][column]


def vocabulary_sample(dataset: "Dataset", announce: Announce) -> "Dataset":
    """Return the rows from which a vocabulary is learned: all, or of many every k-th batch."""
    number = len(dataset)
    row_bytes = dataset.data.nbytes / max(1, len(dataset.data))
    step = math.ceil(number * row_bytes / VOCABULARY_BYTES)
    if step <= 1:
        return dataset
    announce(f"vocabulary: learned from one in {step} rows, drawn evenly")
    starts = range(0, number, step * BATCH_ROWS)
    return dataset.select(
        [row for start in starts for row in range(start, min(start + BATCH_ROWS, number))]
    )
