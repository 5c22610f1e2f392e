"""Rows in Arrow files on disk: written, and read from Parquet files and datasets of the hub."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset
from datasets.features.features import require_decoding

from rnncli.data.scratch import buffered_copy, scratch, scratch_file
from rnncli.data.tables import Table, TableRow
from rnncli.data.values import BATCH_CHARACTERS, BATCH_ROWS
from rnncli.errors import DataError
from rnncli.messages import first_line
from rnncli.text.batching import batched
from rnncli.text.files import File, open_file

# What these libraries write to stderr, errors say in words of their own.
for _library in ("datasets", "huggingface_hub"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)
if datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is None:  # a person's choice has priority
    datasets.disable_progress_bars()


def write_rows(rows: Iterator[tuple[str, ...]], names: Sequence[str]) -> Dataset:
    """Write rows to an Arrow file and map it into memory.

    ``Dataset.from_generator`` does the same and takes 14 times as long, a row at a time.
    """
    path = str(scratch_file("arrow"))
    schema = pa.schema([(name, pa.string()) for name in names])
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        batches = batched(rows, max_items=BATCH_ROWS, max_size=BATCH_CHARACTERS, size=_characters)
        for batch in batches:
            columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    return Dataset.from_file(path)


def _characters(row: tuple[str, ...]) -> int:
    return sum(map(len, row))


def string_columns(names: Iterable[str]) -> datasets.Features:
    """Return the types of columns that hold strings."""
    return datasets.Features({name: datasets.Value("string") for name in names})


class ArrowTable(Table):
    """Read a `datasets` dataset: Parquet, or a split of a corpus on the hub."""

    unit = "row"

    def __init__(self, dataset: Dataset, where: str) -> None:
        super().__init__(where)
        self.dataset = dataset
        self.places: dict[str, tuple[str, str | None]] = {}  # name -> column, part of it
        for column, feature in dataset.features.items():
            for part in _parts(feature):
                self.places[part or column] = (column, part)
        self.names = tuple(self.places)
        self.require_few_columns(len(self.names))

    @property
    def readable_names(self) -> tuple[str, ...]:
        """The columns of strings, numbers and classes."""
        features = self.dataset.features
        return tuple(
            name
            for name, (column, part) in self.places.items()
            if part is not None
            or isinstance(features[column], datasets.ClassLabel | datasets.Value)
        )

    def estimate_rows(self, rows: int, end: int) -> int:
        """Return how many rows there are."""
        del rows, end
        return len(self.dataset)

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the values of ``columns``; class numbers become class names.

        Raises:
            DataError: they are no texts, or damaged.
        """
        places = [self.places[name] for name in columns]
        readers = [_cell_reader(self.dataset.features[column], part) for column, part in places]
        for column, _ in places:
            # An image would be decoded, or even fetched from where the file says that it is.
            if require_decoding(self.dataset.features[column]):
                raise DataError(
                    f"{self.where}: the column {column} holds no texts", "name another column"
                )
        selected = self.dataset.select_columns(list({column for column, _ in places}))
        number = count(1)
        for batch in self._batches(selected):
            cells = (
                map(read, batch[column]) for read, (column, _) in zip(readers, places, strict=True)
            )
            for row in zip(*cells, strict=True):
                yield next(number), row

    def _batches(self, dataset: Dataset) -> Iterator[dict[str, list[Any]]]:
        batches = dataset.iter(batch_size=BATCH_ROWS)
        while True:
            try:
                batch = next(batches, None)
            except Exception as error:  # text that is no UTF-8, times out of range, and more
                raise _damaged_parquet(self.where, error) from error
            if batch is None:
                return
            yield batch


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
        known = range(len(feature.names))
        return lambda cell: feature.names[cell] if cell in known else None
    return lambda cell: cell


def read_parquet(file: File) -> ArrowTable:
    """Read the columns of a Parquet file that `datasets` knows the types of.

    The file may be gzipped as a whole.

    Raises:
        DataError: it is none.
    """
    with open_file(file) as stream:
        if not stream.peek(4).startswith(b"PAR1"):  # before gigabytes of it are unpacked
            raise _damaged_parquet(file.name, ValueError("it does not begin with PAR1"))
        plain = buffered_copy(stream)
    try:
        schema = pq.read_schema(plain)
        names = [field.name for field in schema if _is_known(field.type)]
        if len(names) < len(schema):
            plain = _with_columns(plain, names)
        dataset = Dataset.from_parquet(str(plain), cache_dir=str(scratch()))
        return ArrowTable(dataset, file.name)
    except DataError:
        raise
    except Exception as error:  # `datasets` documents none, and arrow raises several
        raise _damaged_parquet(file.name, error.__cause__ or error) from error


def _with_columns(path: Path, names: list[str]) -> Path:
    """Write a copy of a Parquet file with these columns alone."""
    copy = scratch_file("parquet")
    file = pq.ParquetFile(path)
    batches = file.iter_batches(batch_size=BATCH_ROWS, columns=names)
    schema = pa.schema([file.schema_arrow.field(name) for name in names])
    with pq.ParquetWriter(copy, schema) as writer:
        for batch in batches:
            writer.write_batch(pa.record_batch(batch.columns, schema=schema))
    return copy


def _is_known(type: pa.DataType) -> bool:
    """Return whether `datasets` reads a type; of maps and unions it knows nothing."""
    if pa.types.is_map(type) or pa.types.is_union(type):
        return False
    return all(_is_known(type.field(i).type) for i in range(type.num_fields))


def _damaged_parquet(where: str, error: BaseException) -> DataError:
    return DataError(
        f"{where} cannot be read as Parquet: {first_line(error)}",
        "is it whole? Fetch it again, or export it as CSV",
    )
