"""Parquet files, read a batch of bounded size at a time: a small file can hold very many rows."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from rnncli.data.arrow import ArrowTable, is_binary
from rnncli.data.scratch import buffered_copy
from rnncli.data.values import BATCH_CHARACTERS, BATCH_ROWS
from rnncli.errors import DataError
from rnncli.messages import first_line
from rnncli.text.files import File, open_file

# Of a row group; its dictionary, which is copied with each batch, is as large at most.
MAX_DICTIONARY_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20  # of the file, read at a time


class Shard(NamedTuple):
    """One of the files that make a table, which may have to be fetched from elsewhere."""

    size: int  # bytes
    fetch: Callable[[], Path]


class ParquetTable(ArrowTable):
    """Read the columns of Parquet files that `datasets` knows the types of."""

    def __init__(
        self, shards: Sequence[Shard], where: str, features: datasets.Features | None = None
    ) -> None:
        """Read the description of the columns in the first file, unless ``features`` has it.

        Raises:
            DataError: it is no Parquet.
        """
        self._shards = shards
        try:
            with pq.ParquetFile(shards[0].fetch()) as file:
                schema, self._first_rows = file.schema_arrow, int(file.metadata.num_rows)
            fields = [_plain(field) for field in schema if _is_known(field.type)]
            self._texts = [field.name for field in fields if is_binary(field.type)]
            known_schema = pa.schema(fields, metadata=schema.metadata)
            features = features or datasets.Features.from_arrow_schema(known_schema)
        except DataError:
            raise
        except Exception as error:  # `datasets` documents none, and arrow raises several
            raise _damaged(where, error.__cause__ or error) from error
        super().__init__(features, where)

    def estimate_rows(self, rows: int, end: int) -> int:
        """Return how many rows there are, in all files as many a byte as in the first."""
        del end
        size = sum(shard.size for shard in self._shards)
        return max(rows, round(self._first_rows * size / max(1, self._shards[0].size)))

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield batches of rows with these columns."""
        for shard in self._shards:
            yield from _batches(shard.fetch(), columns, self._texts)

    def damaged(self, error: BaseException) -> DataError:
        """Return the error of values that cannot be read."""
        return _damaged(self.where, error)


def parquet_file(file: File) -> ParquetTable:
    """Open a file, which may be gzipped as a whole.

    Raises:
        DataError: it is no Parquet.
    """
    with open_file(file) as stream:
        if not stream.peek(4).startswith(b"PAR1"):  # before gigabytes of it are unpacked
            raise _damaged(file.name, ValueError("it does not begin with PAR1"))
        path = buffered_copy(file.name, stream)
    return ParquetTable([Shard(path.stat().st_size, lambda: path)], file.name)


def _batches(path: Path, columns: list[str], texts: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield rows of a file, so many at a time that they take little memory.

    How long texts are, the file does not say: it has those that occur again once. So they are read
    as a dictionary, unless this were large, or as many at a time as texts of mean length may be.
    """
    with (
        pq.ParquetFile(path, buffer_size=_BUFFER_BYTES) as plain,
        pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, read_dictionary=texts) as repeated,
    ):
        for place in range(plain.num_row_groups):
            group = plain.metadata.row_group(place)
            row_bytes = group.total_byte_size // max(1, group.num_rows) + 1
            file = repeated if group.total_byte_size <= MAX_DICTIONARY_BYTES else plain
            yield from file.iter_batches(
                max(1, min(BATCH_ROWS, BATCH_CHARACTERS // row_bytes)),
                row_groups=[place],
                columns=columns,
                use_threads=False,  # each would take memory of its own
            )


def _plain(field: pa.Field) -> pa.Field:
    """Return a field as if its values were no keys of a dictionary, such as pandas' categories."""
    is_dictionary = pa.types.is_dictionary(field.type)
    return field.with_type(field.type.value_type) if is_dictionary else field


def _is_known(type: pa.DataType) -> bool:
    """Return whether `datasets` reads a type; of maps and unions it knows nothing."""
    if pa.types.is_map(type) or pa.types.is_union(type):
        return False
    return all(_is_known(type.field(i).type) for i in range(type.num_fields))


def _damaged(where: str, error: BaseException) -> DataError:
    return DataError(
        f"{where} cannot be read as Parquet: {first_line(error)}",
        "is it whole? Fetch it again, or export it as CSV",
    )
