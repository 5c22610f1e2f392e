"""Read the values of a column from disk, a batch at a time; imports nothing of `datasets`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes a second to import, and whoever hands rows over has done so
    from datasets import Dataset

BATCH_ROWS = 1_000  # rows held in memory at once
BATCH_CHARACTERS = 1 << 24  # of all of them, unless a single one has more


def column_values(dataset: "Dataset", column: str) -> Iterator[str]:
    """Yield a column's values in order, with one batch of them in memory at a time."""
    row_bytes = dataset.data.nbytes // max(1, len(dataset.data)) + 1
    rows = max(1, min(BATCH_ROWS, BATCH_CHARACTERS // row_bytes))
    for batch in dataset.select_columns(column).iter(batch_size=rows):
        yield from batch[column]
