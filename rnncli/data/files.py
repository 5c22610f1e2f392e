"""Open files, pipes and standard input: tell their format, and refuse what is no text."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import IO

from rnncli.config import TASKS
from rnncli.data.arrow import read_parquet
from rnncli.data.column_names import find_columns, is_header
from rnncli.data.columns import Columns
from rnncli.data.scratch import buffered_copy
from rnncli.data.tables import (
    AlignedFiles,
    CsvFile,
    DataSource,
    JsonLinesFile,
    Table,
    TextFile,
    TsvFile,
)
from rnncli.errors import DataError
from rnncli.text.files import BYTE_ORDER_MARK, File, decode, open_file
from rnncli.text.languages import language_of_file
from rnncli.text.tables import Format, LineSource, csv_rows, format_of_name, guess_format

_ENDLESS = ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

# Beginnings of files that are taken for text by mistake.
_FOREIGN = {
    b"\xff\xfe": ("UTF-16", "convert it: iconv -f utf-16 -t utf-8 FILE > utf8.txt"),
    b"\xfe\xff": ("UTF-16", "convert it: iconv -f utf-16 -t utf-8 FILE > utf8.txt"),
    b"PK\x03\x04": ("a zip archive or an office document", "unpack it, or save it as CSV"),
    b"%PDF": ("a PDF", "convert it: pdftotext FILE text.txt"),
    b"BZh": ("a bzip2 archive", "unpack it: bunzip2 FILE"),
    b"\xfd7zXZ": ("an xz archive", "unpack it: unxz FILE"),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "unpack it: unzstd FILE"),
}


def from_file(path: Path, columns: Columns, where: str | None = None) -> DataSource:
    """Open a file, whose ending tells the format, or a pipe.

    Raises:
        DataError: it is empty, damaged or not of a form that can be read.
    """
    file = File(path, where or str(path))
    if str(path.resolve()) in _ENDLESS or path.is_block_device():
        raise DataError(f"{file.where} is a device, not a text file", "name a file")
    if not path.is_file():  # a pipe, which can be read only once
        with path.open("rb") as stream:
            return from_stream(stream, file.where, columns)
    form = format_of_name(path.name)
    source = _from_content(file, form or "text", columns)
    if form is not None:
        return source
    return replace(source, notices=(f"format: plain text, as {path.name} has no known ending",))


def from_stream(stream: IO[bytes], where: str, columns: Columns) -> DataSource:
    """Open what has no name, and guess its format.

    Raises:
        DataError: it is empty, damaged or not of a form that can be read.
    """
    file = File(buffered_copy(stream), where)
    return _from_content(file, _guess_format(file, columns), columns)


def from_aligned_files(first: Path, second: Path) -> DataSource:
    """Open two text files of which one translates the other.

    Raises:
        DataError: one is empty, damaged or no plain text.
    """
    for path in (first, second):
        if format_of_name(path.name) not in ("text", None):
            raise DataError(
                f"{path} is not plain text, and two files must be line-aligned plain text",
                f"train on one file: rnncli train {path}",
            )
    files = [File(path, str(path)) for path in (first, second)]
    for file in files:
        _require_content(file)
    source, target = map(language_of_file, (first, second))
    names = (source, target) if source and target and source != target else ("source", "target")
    table = AlignedFiles(dict(zip(names, files, strict=True)))
    digests = " ".join(_digest(path) for path in (first, second))
    fingerprint = hashlib.sha256(digests.encode()).hexdigest()
    return DataSource(table.where, {"train": table}, fingerprint)


def _from_content(file: File, form: Format, columns: Columns) -> DataSource:
    _require_content(file)
    return DataSource(file.where, {"train": _table(file, form, columns)}, _digest(file.path))


def _table(file: File, form: Format, columns: Columns) -> Table:
    match form:
        case "csv":
            return CsvFile(file)
        case "tsv":
            return TsvFile(file, lambda first: is_header(first, set(columns.as_dict().values())))
        case "jsonl":
            return JsonLinesFile(file)
        case "parquet":
            return read_parquet(file)
        case "text":
            return TextFile(file)


def _require_content(file: File) -> None:
    with open_file(file) as stream:
        head = stream.read(8)
    if not head:
        raise DataError(f"{file.where} is empty", "put at least two lines of text into it")
    for beginning, (what, hint) in _FOREIGN.items():
        if head.startswith(beginning):
            raise DataError(f"{file.where} is {what}, not UTF-8", hint.replace("FILE", file.where))


def _guess_format(file: File, columns: Columns) -> Format:
    """Guess the format of data that came without a name: that of a table if it looks like one."""
    with open_file(file) as stream:
        head = stream.read(65_536)
    if head.startswith(b"PAR1"):
        return "parquet"
    lines = head.split(b"\n")[:20]
    lines = lines[:-1] or lines  # the last one may be cut
    first = decode(lines[0].removeprefix(BYTE_ORDER_MARK))
    if guess_format(first) == "jsonl":
        return "jsonl"
    if "\t" in first and len({line.count(b"\t") for line in lines}) == 1:
        return "tsv"
    try:
        names = next(csv_rows(LineSource(lines, file.where))).cells
    except (DataError, StopIteration):  # a quotation mark that is not closed here: no table
        return "text"
    is_named = not set(names).isdisjoint(columns.as_dict().values())
    if len(names) > 1 and (is_named or find_columns(names, TASKS)):
        return "csv"
    return "text"


def _digest(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
