"""Parquet files, read a batch of bounded size at a time: a small file can hold very many rows."""

from collections.abc import Iterator
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rnncli.data.arrow import ArrowTable
from rnncli.data.limits import require_readable
from rnncli.data.scratch import buffered_copy
from rnncli.data.values import BATCH_CHARACTERS
from rnncli.errors import DataError
from rnncli.messages import first_line
from rnncli.text.files import MAX_LINE_BYTES, File, open_file

BATCH_ROWS = 100  # decoded at once: each may have a long text


class ParquetTable(ArrowTable):
    """Read the columns of a Parquet file that `datasets` knows the types of."""

    def __init__(self, file: File) -> None:
        """Read the description of the columns; the file may be gzipped as a whole.

        Raises:
            DataError: it is no Parquet, or has too many rows.
        """
        with open_file(file) as stream:
            if not stream.peek(4).startswith(b"PAR1"):  # before gigabytes of it are unpacked
                raise _damaged(file.name, ValueError("it does not begin with PAR1"))
            path = buffered_copy(file.name, stream)
        try:
            schema = pq.read_schema(path)
            fields = [_plain(field) for field in schema if _is_known(field.type)]
            texts = [field.name for field in fields if _is_text(field.type)]
            # A dictionary holds each text once, however many rows have it.
            self._file = pq.ParquetFile(path, read_dictionary=texts)
            readable_schema = pa.schema(fields, metadata=schema.metadata)
            features = datasets.Features.from_arrow_schema(readable_schema)
        except Exception as error:  # `datasets` documents none, and arrow raises several
            raise _damaged(file.name, error.__cause__ or error) from error
        require_readable(file.name, self._file.metadata.num_rows)
        super().__init__(features, self._file.metadata.num_rows, file.name)

    def batches(self, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
        """Yield batches of rows, as the values of these columns.

        Raises:
            DataError: a value is too long for memory.
        """
        first = 0  # row of a batch
        for batch in self._file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            longest = max(map(_longest, batch.columns))
            if longest >= MAX_LINE_BYTES:
                raise self.error(
                    first + 1,
                    f"here or below, a value is longer than {MAX_LINE_BYTES:,} bytes",
                    "name another column, or cut the text into several rows",
                )
            size = max(1, BATCH_CHARACTERS // max(1, longest))
            for start in range(0, len(batch), size):
                yield batch.slice(start, size).to_pydict()
            first += len(batch)

    def damaged(self, error: BaseException) -> DataError:
        """Return the error of values that cannot be read."""
        return _damaged(self.where, error)


def _plain(field: pa.Field) -> pa.Field:
    """Return a field as if its values were no keys of a dictionary, such as pandas' categories."""
    is_dictionary = pa.types.is_dictionary(field.type)
    return field.with_type(field.type.value_type) if is_dictionary else field


def _is_text(type: pa.DataType) -> bool:
    is_string = pa.types.is_string(type) or pa.types.is_large_string(type)
    return bool(is_string or pa.types.is_binary(type) or pa.types.is_large_binary(type))


def _is_known(type: pa.DataType) -> bool:
    """Return whether `datasets` reads a type; of maps and unions it knows nothing."""
    if pa.types.is_map(type) or pa.types.is_union(type):
        return False
    return all(_is_known(type.field(i).type) for i in range(type.num_fields))


def _longest(values: pa.Array) -> int:
    """Return the bytes of the longest text; of lists, their mean."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary
    if _is_text(values.type):
        return int(pc.max(pc.binary_length(values)).as_py() or 0)
    if pa.types.is_struct(values.type):
        return max(map(_longest, values.flatten()), default=0)
    return int(values.nbytes) // max(1, len(values))


def _damaged(where: str, error: BaseException) -> DataError:
    return DataError(
        f"{where} cannot be read as Parquet: {first_line(error)}",
        "is it whole? Fetch it again, or export it as CSV",
    )
