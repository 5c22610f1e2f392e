"""Rows as Arrow has them: written to disk, and read from files of its types."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from datasets.features.features import require_decoding
from datasets.table import InMemoryTable

from rnncli.data.mapped_files import map_array, note_reading
from rnncli.data.scratch import scratch_file
from rnncli.data.tables import Table, TableRow
from rnncli.data.values import BATCH_CHARACTERS, BATCH_ROWS
from rnncli.errors import DataError
from rnncli.messages import first_line
from rnncli.text.batching import batched
from rnncli.text.files import MAX_LINE_BYTES

# Of a record batch on disk, which is in memory while it is written. Smaller ones are more: their
# headers, which lie between them, would bring half of the file into memory.
RECORD_BATCH_ROWS, RECORD_BATCH_CHARACTERS = 50_000, 1 << 23

_ValuesT = TypeVar("_ValuesT")

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

    def __init__(self, features: datasets.Features, where: str) -> None:
        super().__init__(where)
        self.features = features
        self.places: dict[str, tuple[str, str | None]] = {}  # name -> column, part of it
        for column, feature in features.items():
            for part in _parts(feature):
                self.places[part or column] = (column, part)
        self.names = tuple(self.places)
        self.require_few_columns(len(self.names))

    @abstractmethod
    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield batches of rows with these columns."""

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

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the values of ``columns``; class numbers become class names.

        Raises:
            DataError: they are no texts, damaged, or too long for memory.
        """
        places = [self.places[name] for name in columns]
        readers = [_cell_reader(self.features[column], part) for column, part in places]
        for column, _ in places:
            # An image would be decoded, or even fetched from where the file says that it is.
            if require_decoding(self.features[column]):
                raise DataError(
                    f"{self.where}: the column {column} holds no texts", "name another column"
                )
        names = list(dict.fromkeys(column for column, _ in places))
        for numbers, values in self._explained(self._values(names)):
            cells = (
                map(read, values[column]) for read, (column, _) in zip(readers, places, strict=True)
            )
            yield from zip(numbers, zip(*cells, strict=True), strict=True)

    def _values(self, columns: list[str]) -> Iterator[tuple[list[int], dict[str, list[Any]]]]:
        """Yield the numbers of some rows that are not skipped, and their values by column."""
        first = place = 1  # row of a batch; the next row to read
        for batch in self.batches(columns):
            numbers = []
            while place < first + len(batch):
                numbers.append(place)
                place += 1 + self.gap()
            rows = batch
            if len(numbers) < len(batch):
                rows = batch.take(pa.array([number - first for number in numbers], pa.int64()))
            size = self._rows_at_once(rows, first)
            for start in range(0, len(rows), size):
                values = {name: _decoded(rows.column(name).slice(start, size)) for name in columns}
                yield numbers[start : start + size], values
            first += len(batch)

    def _rows_at_once(self, rows: pa.RecordBatch, first: int) -> int:
        """Return of how many rows the values go into memory, even if all are as long as one is.

        Raises:
            DataError: a value is too long.
        """
        longest = max(map(_longest, rows.columns))
        if longest >= MAX_LINE_BYTES:
            raise self.error(
                first,
                f"here or below, a value is longer than {MAX_LINE_BYTES:,} bytes",
                "name another column, or cut the text into several rows",
            )
        return max(1, BATCH_CHARACTERS // max(1, longest))

    def _explained(self, values: Iterator[_ValuesT]) -> Iterator[_ValuesT]:
        while True:
            try:
                some = next(values, None)
            except DataError:
                raise
            except Exception as error:  # text that is no UTF-8, times out of range, and more
                raise self.damaged(error) from error
            if some is None:
                return
            yield some


class StreamTable(ArrowTable):
    """Read files of any format that `datasets` streams."""

    def __init__(self, stream: datasets.IterableDataset, where: str) -> None:
        stream = stream._resolve_features()  # of the first rows, where the files do not tell
        super().__init__(stream.features, where)
        self._stream = stream.with_format("arrow")

    def estimate_rows(self, rows: int, end: int) -> int:
        """Return how many rows there are, for which all are read."""
        del rows, end
        return sum(map(len, self._stream.iter(batch_size=BATCH_ROWS)))

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield batches of rows with these columns."""
        for table in self._stream.select_columns(columns).iter(batch_size=BATCH_ROWS):
            yield from table.to_batches()

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
        classes = dict(enumerate(feature.names))
        return lambda cell: cell if isinstance(cell, str) else classes.get(cell)
    return lambda cell: cell


def is_binary(type: pa.DataType) -> bool:
    """Return whether values are strings or bytes."""
    is_string = pa.types.is_string(type) or pa.types.is_large_string(type)
    return bool(is_string or pa.types.is_binary(type) or pa.types.is_large_binary(type))


def _decoded(values: pa.Array) -> list[Any]:
    """Return values as those of Python; one by one, keys of a dictionary would take long."""
    is_dictionary = pa.types.is_dictionary(values.type)
    decoded: list[Any] = (values.dictionary_decode() if is_dictionary else values).to_pylist()
    return decoded


def _longest(values: pa.Array) -> int:
    """Return the bytes of the longest text; of lists, their mean."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary
    if is_binary(values.type):
        return int(pc.max(pc.binary_length(values)).as_py() or 0)
    if pa.types.is_struct(values.type):
        return max(map(_longest, values.flatten()), default=0)
    return int(values.nbytes) // max(1, len(values))
