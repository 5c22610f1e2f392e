"""Rows in Arrow files on disk: written, and read from datasets of the hub."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from datasets import Dataset
from datasets.features.features import require_decoding
from datasets.table import InMemoryTable

from rnncli.data.mapped_files import map_array, note_reading
from rnncli.data.scratch import scratch_file
from rnncli.data.tables import Table, TableRow
from rnncli.data.values import BATCH_ROWS
from rnncli.errors import DataError
from rnncli.messages import first_line
from rnncli.text.batching import batched

# Of a record batch on disk, which is in memory while it is written. Smaller ones are more: their
# headers, which lie between them, would bring half of the file into memory.
RECORD_BATCH_ROWS, RECORD_BATCH_CHARACTERS = 50_000, 1 << 23

# What these libraries write to stderr, errors say in words of their own.
for _library in ("datasets", "huggingface_hub"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)
if datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is None:  # a person's choice has priority
    datasets.disable_progress_bars()


def write_rows(rows: Iterator[tuple[str, ...]], names: Sequence[str]) -> Dataset:
    """Write rows to an Arrow file and map it into memory.

    ``Dataset.from_generator`` does the same and takes 14 times as long, a row at a time.
    """
    path = scratch_file("arrow")
    schema = pa.schema([(name, pa.string()) for name in names])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for batch in batched(
            rows,
            max_items=RECORD_BATCH_ROWS,
            max_size=RECORD_BATCH_CHARACTERS,
            size=lambda row: sum(map(len, row)),
        ):
            columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    mapped = map_array(path, np.uint8)
    table = pa.ipc.open_stream(pa.py_buffer(mapped)).read_all()
    note_reading(mapped.nbytes)
    # Without a fingerprint, all of it would be hashed.
    return Dataset(InMemoryTable(table), fingerprint=path.name)


def string_columns(names: Iterable[str]) -> datasets.Features:
    """Return the types of columns that hold strings."""
    return datasets.Features({name: datasets.Value("string") for name in names})


class ArrowTable(Table):
    """Read columns of the types that `datasets` knows, a batch of rows at a time."""

    unit = "row"

    def __init__(self, features: datasets.Features, length: int, where: str) -> None:
        super().__init__(where)
        self.features, self.length = features, length
        self.places: dict[str, tuple[str, str | None]] = {}  # name -> column, part of it
        for column, feature in features.items():
            for part in _parts(feature):
                self.places[part or column] = (column, part)
        self.names = tuple(self.places)
        self.require_few_columns(len(self.names))

    @abstractmethod
    def batches(self, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
        """Yield batches of rows, as the values of these columns."""

    @abstractmethod
    def damaged(self, error: BaseException) -> DataError:
        """Return the error of values that cannot be read."""

    @property
    def readable_names(self) -> tuple[str, ...]:
        """The columns of strings, numbers and classes."""
        return tuple(
            name
            for name, (column, part) in self.places.items()
            if part is not None
            or isinstance(self.features[column], datasets.ClassLabel | datasets.Value)
        )

    def estimate_rows(self, rows: int, end: int) -> int:
        """Return how many rows there are."""
        del rows, end
        return self.length

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the values of ``columns``; class numbers become class names.

        Raises:
            DataError: they are no texts, or damaged.
        """
        places = [self.places[name] for name in columns]
        readers = [_cell_reader(self.features[column], part) for column, part in places]
        for column, _ in places:
            # An image would be decoded, or even fetched from where the file says that it is.
            if require_decoding(self.features[column]):
                raise DataError(
                    f"{self.where}: the column {column} holds no texts", "name another column"
                )
        number = count(1)
        for batch in self._whole_batches(list(dict.fromkeys(column for column, _ in places))):
            cells = (
                map(read, batch[column]) for read, (column, _) in zip(readers, places, strict=True)
            )
            for row in zip(*cells, strict=True):
                place = next(number)
                if not self.skips():
                    yield place, row

    def _whole_batches(self, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
        batches = self.batches(columns)
        while True:
            try:
                batch = next(batches, None)
            except DataError:
                raise
            except Exception as error:  # text that is no UTF-8, times out of range, and more
                raise self.damaged(error) from error
            if batch is None:
                return
            yield batch


class DatasetTable(ArrowTable):
    """Read a split of a corpus on the hub."""

    def __init__(self, dataset: Dataset, where: str) -> None:
        super().__init__(dataset.features, len(dataset), where)
        self.dataset = dataset

    def batches(self, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
        """Yield batches of rows, as the values of these columns."""
        yield from self.dataset.select_columns(columns).iter(batch_size=BATCH_ROWS)

    def damaged(self, error: BaseException) -> DataError:
        """Return the error of values that cannot be read."""
        return DataError(
            f"{self.where} cannot be read: {first_line(error)}",
            "name another column, or download its files and train on one of them",
        )


def _parts(feature: object) -> Sequence[str | None]:
    """Return the names inside a nested column, such as the languages of a translation."""
    if isinstance(feature, datasets.Translation):
        return list(feature.languages)
    return list(feature) if isinstance(feature, dict) else [None]


def _cell_reader(feature: object, part: str | None) -> Callable[[Any], object]:
    if part is not None:
        return lambda cell: cell and cell[part]
    if isinstance(feature, datasets.ClassLabel):
        # A class of -1 means that the label is kept secret.
        classes = range(len(feature.names))
        return lambda cell: feature.names[cell] if cell in classes else None
    return lambda cell: cell
