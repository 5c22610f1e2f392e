"""Keep data on disk while the process runs: copies of streams, and rows in Arrow files."""

import atexit
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from io import BufferedIOBase
from itertools import count
from pathlib import Path
from typing import IO

import datasets
import pyarrow as pa
from datasets import Dataset

from rnncli.data.values import BATCH_CHARACTERS, BATCH_ROWS
from rnncli.text.batching import batched

# What these libraries have to say on stderr is said by the command line in its own words.
for _library in ("datasets", "huggingface_hub"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)
if datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS is None:  # a person's choice has priority
    datasets.disable_progress_bars()

_serial = count()


def scratch_file(ending: str) -> Path:
    """Return a path that is free for a new file."""
    return scratch() / f"{next(_serial)}.{ending}"


@cache
def scratch() -> Path:
    """Make the directory that lives as long as the process."""
    path = Path(tempfile.mkdtemp(prefix="rnncli-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def buffered_copy(stream: IO[bytes] | BufferedIOBase) -> Path:
    """Copy what can be read only once to where it can be read again."""
    path = scratch_file("copy")
    with path.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    return path


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
