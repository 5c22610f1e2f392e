"""Open files, pipes and standard input as tables of their format."""

import hashlib
import os
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from shlex import quote
from typing import IO

from rnncli.config import TASK_COLUMNS, Task
from rnncli.data.columns import PLAIN_TEXT, Columns
from rnncli.data.delimited import CsvFile, TsvFile
from rnncli.data.formats import FORMAT_NAMES, DataFormat, format_of
from rnncli.data.json_lines import JsonLinesFile
from rnncli.data.scratch import buffered_copy, require_space
from rnncli.data.tables import DataSource, Table
from rnncli.data.text_tables import AlignedFiles, LabelledLines, TextFile
from rnncli.data.tmx import TmxFile
from rnncli.errors import DataError
from rnncli.text.files import File, sha256
from rnncli.text.languages import language_of_file
from rnncli.text.pipes import is_anonymous, name_in_messages
from rnncli.text.tables import Format, format_of_name

_ENDLESS = ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
PIPE_SECONDS = 5.0  # to wait for a program that writes to a named pipe


def from_file(
    path: Path, columns: Columns, task: Task | None = None, where: str | None = None
) -> DataSource:
    """Open a file, whose content and ending tell the format, or a pipe.

    Raises:
        DataError: it is empty, damaged or not of a form that can be read.
    """
    file = File(path, where or name_in_messages(path))
    if str(path.resolve()) in _ENDLESS or path.is_block_device():
        raise DataError(f"{file.name} is a device, not a text file", "name a file")
    if not path.is_file():  # a pipe, which can be read only once
        return _from_copy(File(_readable_again(path), file.name), columns, task)
    by_name = format_of_name(path.name)
    form = _format(file, by_name, columns, task)
    source = _source(file, form, columns)
    if form == by_name:
        return source
    reason = "by its content" if form != "text" else f"as {path.name} has no known ending"
    return replace(source, notices=(f"format: {FORMAT_NAMES[form]}, {reason}",))


def from_stream(
    stream: IO[bytes], where: str, columns: Columns, task: Task | None = None
) -> DataSource:
    """Open what has no name; its content tells the format.

    Raises:
        DataError: it is empty, damaged or not of a form that can be read.
    """
    return _from_copy(File(buffered_copy(where, stream), where), columns, task)


def _from_copy(file: File, columns: Columns, task: Task | None) -> DataSource:
    return _source(file, _format(file, None, columns, task), columns)


def from_aligned_files(first: Path, second: Path) -> DataSource:
    """Open two text files of which one translates the other.

    Raises:
        DataError: one is empty, damaged or no plain text.
    """
    for path in (first, second):
        if format_of_name(path.name) not in ("text", None):
            raise DataError(
                f"{path} is not plain text, and two files must be line-aligned plain text",
                f"train on one file: rnncli train {quote(str(path))}",
            )
    files = [File(_readable_again(path), str(path)) for path in (first, second)]
    for file in files:
        format_of(file, "text", frozenset(), is_text_wanted=True)
    source, target = map(language_of_file, (first, second))
    has_languages = bool(source and target and source != target)
    names = (source, target) if has_languages else ("source", "target")
    table = AlignedFiles(
        {str(name): file for name, file in zip(names, files, strict=True)},
        has_header=has_languages,
    )
    digests = " ".join(sha256(file.path) for file in files)
    fingerprint = hashlib.sha256(digests.encode()).hexdigest()
    return DataSource(table.where, {"train": table}, fingerprint)


def _format(file: File, by_name: Format | None, columns: Columns, task: Task | None) -> DataFormat:
    requested = frozenset(columns.as_dict().values())
    is_text_wanted = task is not None and TASK_COLUMNS[task] == PLAIN_TEXT and not requested
    return format_of(file, by_name, requested, is_text_wanted=is_text_wanted)


def _source(file: File, form: DataFormat, columns: Columns) -> DataSource:
    require_space(file.name, file.path.stat().st_size)
    return DataSource(file.name, {"train": _table(file, form, columns)}, sha256(file.path))


def _table(file: File, form: DataFormat, columns: Columns) -> Table:
    requested = set(columns.as_dict().values())
    match form:
        case "csv":
            return CsvFile(file, requested)
        case "tsv":
            return TsvFile(file, requested)
        case "jsonl":
            return JsonLinesFile(file)
        case "parquet":
            from rnncli.data.parquet import parquet_file  # takes a second

            return parquet_file(file)
        case "fasttext":
            return LabelledLines(file)
        case "tmx":
            return TmxFile(file)
        case "text":
            return TextFile(file)


def _readable_again(path: Path) -> Path:
    """Return the path of a file, or of a copy of what a pipe holds."""
    if path.is_file():
        return path
    if path.is_fifo() and not is_anonymous(str(path)):
        return _copy_pipe(path)
    with path.open("rb") as stream:
        return buffered_copy(name_in_messages(path), stream)


def _copy_pipe(path: Path) -> Path:
    """Copy what a program writes to a named pipe; wait a moment for it to begin.

    Raises:
        DataError: there is none.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 - it is a descriptor
        end = time.monotonic() + PIPE_SECONDS
        # No bytes at all: nobody has opened the other end; None: it is open, and nothing has come.
        while (first := stream.read(1 << 16)) == b"":
            if time.monotonic() > end:
                raise DataError(
                    f"{path} is a pipe, and no program writes to it",
                    f"start one first: cat FILE > {quote(str(path))} &",
                )
            time.sleep(0.02)
        os.set_blocking(descriptor, True)
        return buffered_copy(str(path), BytesIO(first or b""), stream)
