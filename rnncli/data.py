"""Read a person's data into one shape, and hold a part of it out; the only user of `datasets`.

Whatever the data is (a file, two aligned files, standard input, a corpus of the Hugging Face
hub), it goes the same way::

    what was typed -> tables -> a choice of columns -> clean rows -> Arrow files -> Corpus

A table has named columns and reads its rows as they are asked for. They stream into a
memory-mapped Arrow file in a scratch directory, so memory stays flat however large the data is.
"""

import atexit
import csv
import gzip
import hashlib
import json
import logging
import random
import re
import shutil
import sys
import tempfile
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from io import BufferedIOBase
from itertools import chain, count, islice, zip_longest
from pathlib import Path
from typing import IO, Any, TypeAlias

import datasets
import huggingface_hub
import numpy as np
import numpy.typing as npt
from datasets import Dataset
from datasets.arrow_writer import ArrowWriter

from rnncli.config import TASKS, Task
from rnncli.corpora import BUNDLED, DEFAULT_CORPUS, PUBLIC, bundled_path
from rnncli.errors import DataError

datasets.disable_progress_bars()
for _library in ("datasets", "huggingface_hub"):
    logging.getLogger(_library).setLevel(logging.ERROR)
csv.field_size_limit(2**31 - 1)  # a text may be long; the largest that every platform takes

BATCH_ROWS = 1_000  # rows held in memory at once


# --- What is asked for, and what comes back -----------------------------------------------------


@dataclass(frozen=True)
class Columns:
    """Name the columns that a person asked for; None: to be found by their usual names."""

    text: str | None = None
    label: str | None = None
    source: str | None = None
    target: str | None = None

    def given(self) -> dict[str, str]:
        """Return the columns that were asked for, by their canonical names."""
        return {f.name: name for f in fields(self) if (name := getattr(self, f.name)) is not None}


ANY_COLUMNS = Columns()

CANONICAL: dict[Task, tuple[str, ...]] = {
    "generate": ("text",),
    "classify": ("text", "label"),
    "translate": ("source", "target"),
}


@dataclass(frozen=True)
class Corpus:
    """Hold data that is ready to be split and encoded.

    Each split has the canonical columns of the task, all of them strings. For generate the texts,
    joined, are the corpus: each ends in a newline, except the pieces of a very long line.
    """

    name: str  # as typed
    task: Task
    splits: dict[str, Dataset]  # "train", and "validation" and "test" where the data has them
    columns: dict[str, str]  # canonical -> the data's own
    languages: tuple[str, str] | None  # translate: ISO codes of source and target, where known
    licence: str | None
    notices: tuple[str, ...]  # what was chosen or changed without being asked
    fingerprint: str  # sha256 of what was read


def read_corpus(
    data: Sequence[str],
    *,
    task: Task | None = None,
    columns: Columns = ANY_COLUMNS,
    revision: str | None = None,
    for_training: bool = True,
) -> Corpus:
    """Read what ``data`` names: nothing (the bundled reviews), one thing, or two aligned files.

    Data that is only to be scored on needs no train split, and one row and one class suffice.

    Raises:
        DataError: the data is missing, malformed or empty, or does not suit the task.
    """
    origin = _locate(data, columns, revision)
    if for_training and "train" not in origin.tables:
        raise _no_train_split(origin.where, origin.tables)
    choice = _choose(origin, task, columns)
    stored = {
        name: _store(_clean_rows(table, choice), CANONICAL[choice.task])
        for name, table in origin.tables.items()
    }
    largest = max(stored.values(), key=len)
    _require_enough(origin.where, stored.get("train", largest), choice, for_training=for_training)
    splits = {name: split for name, split in stored.items() if len(split) > 0}
    return Corpus(
        name=" ".join(data) or DEFAULT_CORPUS,
        task=choice.task,
        splits=splits,
        columns=choice.columns,
        languages=choice.languages,
        licence=origin.licence,
        notices=(
            *origin.notices,
            *choice.notices,
            *(f"split {name} left out: it is empty" for name in stored if name not in splits),
            *_losses(origin.tables[name] for name in splits),
        ),
        fingerprint=origin.fingerprint,
    )


def column_values(dataset: Dataset, column: str) -> Iterator[str]:
    """Yield a column's values in order, with one batch of them in memory at a time."""
    for batch in dataset.select_columns(column).iter(batch_size=BATCH_ROWS):
        yield from batch[column]


# --- From what was typed to tables --------------------------------------------------------------


@dataclass(frozen=True)
class _Origin:
    """Hold what is known of the data before its columns have been chosen."""

    where: str  # for messages
    tables: dict[str, "_Table"]  # by split
    fingerprint: str
    licence: str | None = None
    notices: tuple[str, ...] = ()
    usual: dict[str, str] = field(default_factory=dict)  # canonical -> own, of a known corpus
    languages: tuple[str, str] | None = None  # of a pair, in no order


@dataclass(frozen=True)
class _File:
    """Say which file is to be read, and what is known of it."""

    path: Path
    where: str  # for messages
    asked: Columns = ANY_COLUMNS


def _locate(data: Sequence[str], columns: Columns, revision: str | None) -> _Origin:
    """Find what was typed; each word is a file, a bundled corpus or one of the hub, in this order.

    Raises:
        DataError: there is no such thing.
    """
    if len(data) == 1 and _is_on_hub(data[0]):
        return _from_hub(data[0], revision)
    if revision is not None:
        raise DataError(
            f"{' '.join(data) or DEFAULT_CORPUS} is not on the hub and has no revisions",
            "leave --revision out",
        )
    match data:
        case []:
            return _from_bundled(DEFAULT_CORPUS, columns, f"data: the bundled {DEFAULT_CORPUS}")
        case ["-"]:
            return _from_stream(sys.stdin.buffer, "standard input", columns)
        case [name] if name in BUNDLED and not _is_file(name):
            return _from_bundled(name, columns)
        case [name]:
            return _from_file(_existing_file(name), columns)
        case [first, second]:
            return _from_aligned_files(_existing_file(first), _existing_file(second))
    raise DataError(
        f"{len(data)} things to read, but only one file, or two line-aligned ones, can be read",
        "join them first: cat a.txt b.txt | rnncli train -",
    )


def _is_file(name: str) -> bool:
    """Say whether a file, a pipe or a device has this name."""
    return _exists(name) and not Path(name).is_dir()


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a name, such as a text given by mistake
        return False


_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(:.+)?")
_FILE_NAME = re.compile(r"[./~\\].*|.*\\.*|.*/.*/.*|.*/.*\.[A-Za-z][A-Za-z0-9]{0,5}")


def _is_on_hub(name: str) -> bool:
    if name == "-" or name in BUNDLED or _is_file(name):
        return False
    if name.partition(":")[0] in PUBLIC:
        return True
    return bool(_HUB_ID.fullmatch(name)) and not _looks_like_file(name) and not _exists(name)


def _looks_like_file(name: str) -> bool:
    return _suffix(name) in _FORMATS or bool(_FILE_NAME.fullmatch(name))


def _existing_file(name: str) -> Path:
    """Return the path of an existing file.

    Raises:
        DataError: there is none, and the hint names what was perhaps meant.
    """
    if _is_file(name):
        return Path(name)
    if _exists(name):
        raise DataError(f"{name} is a directory", f"name a file in it: {Path(name) / 'FILE'}")
    if _looks_like_file(name):
        raise DataError(
            f"no such file: {name}",
            _suggestion(name, _neighbours(name)) or f"see what is there: ls {Path(name).parent}",
        )
    known = [*BUNDLED, *PUBLIC]
    raise DataError(
        f"no file and no known corpus is called {name!r}",
        _suggestion(name, [*known, *_neighbours(name)])
        or f"name a file, a dataset of the hub as org/name, or one of: {', '.join(known)}",
    )


def _neighbours(name: str) -> list[str]:
    try:
        return [str(path) for path in Path(name).parent.iterdir()]
    except OSError:
        return []


def _suggestion(word: str, candidates: Iterable[str]) -> str | None:
    matches = get_close_matches(word, list(candidates), n=3)
    return f"did you mean {' or '.join(matches)}?" if matches else None


def _from_bundled(name: str, columns: Columns, *notices: str) -> _Origin:
    origin = _from_file(bundled_path(name), columns)
    return replace(origin, where=name, licence=BUNDLED[name].licence, notices=notices)


def _from_file(path: Path, columns: Columns) -> _Origin:
    if not path.is_file():  # a pipe, which can be read only once
        with path.open("rb") as stream:
            return _from_stream(stream, str(path), columns)
    origin = _from_content(_File(path, str(path), columns), _suffix(path.name))
    if _suffix(path.name) in _FORMATS:
        return origin
    return replace(origin, notices=(f"format: plain text, as {path.name} has no known ending",))


def _from_stream(stream: "_Stream", where: str, columns: Columns) -> _Origin:
    file = _File(_spool(stream), where, columns)
    return _from_content(file, _sniff(file))


def _from_content(file: _File, suffix: str) -> _Origin:
    _require_content(file)
    table = _FORMATS.get(suffix, _TextFile)(file)
    return _Origin(file.where, {"train": table}, _digest([file.path]))


def _from_aligned_files(first: Path, second: Path) -> _Origin:
    for path in (first, second):
        if _suffix(path.name) in _FORMATS.keys() - {".txt", ".text"}:
            raise DataError(
                f"{path} is not plain text, and two files must be line-aligned plain text",
                f"train on one file: rnncli train {path}",
            )
        _require_content(_File(path, str(path)))
    table = _AlignedFiles((first, second))
    return _Origin(table.where, {"train": table}, _digest([first, second]))


def _suffix(name: str) -> str:
    """Return the ending that tells the format: ``.csv`` for ``data.csv.gz``."""
    return Path(name.lower().removesuffix(".gz")).suffix


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


def _require_content(file: _File) -> None:
    with _opened(file) as stream:
        head = stream.read(8)
    if not head:
        raise DataError(f"{file.where} is empty", "put at least two lines of text into it")
    for beginning, (what, hint) in _FOREIGN.items():
        if head.startswith(beginning):
            raise DataError(f"{file.where} is {what}, not UTF-8", hint.replace("FILE", file.where))


def _sniff(file: _File) -> str:
    """Guess the format of data that came without a name."""
    with _opened(file) as stream:
        head = stream.read(65_536)
    if head.startswith(b"PAR1"):
        return ".parquet"
    lines = head.decode(errors="replace").split("\n")[:20]
    lines = lines[:-1] or lines  # the last one may be cut
    if lines[0].startswith("{") and lines[0].rstrip().endswith("}"):
        return ".jsonl"
    if "\t" in lines[0] and len({line.count("\t") for line in lines}) == 1:
        return ".tsv"
    names = next(csv.reader(lines[:1]), [])
    is_named = not set(names).isdisjoint(file.asked.given().values())
    if len(names) > 1 and (is_named or _find_columns(names, {}, TASKS)):
        return ".csv"
    return ".txt"


def _digest(paths: Sequence[Path]) -> str:
    """Return the sha256 of one file, or of the sums of several."""
    digests = []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        digests.append(digest)
    if len(digests) == 1:
        return digests[0].hexdigest()
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()


# --- From bytes to lines ------------------------------------------------------------------------

_Stream: TypeAlias = IO[bytes] | BufferedIOBase

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE_BYTES = 16_384  # of a line of text that is longer than this


@contextmanager
def _opened(file: _File) -> Iterator[_Stream]:
    """Open a file, unpacked if it is gzipped, behind its byte order mark.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    try:
        with file.path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if is_gzip else raw as stream:
                if stream.read(len(_BYTE_ORDER_MARK)) != _BYTE_ORDER_MARK:
                    stream.seek(0)
                yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{file.where} is damaged: its gzip data is cut short or broken",
            f"test it: gzip --test {file.where}",
        ) from error
    except OSError as error:
        raise DataError(f"{file.where} cannot be read: {error.strerror or error}") from error


def _lines(file: _File, losses: Counter[str]) -> Iterator[str]:
    r"""Yield lines without their end, which is the byte ``\n`` and nothing else.

    A ``\r`` before it stays, since in a quoted cell it belongs to the text.
    """
    with _opened(file) as stream:
        for line in stream:
            yield _decode(line, losses).removesuffix("\n")


def _pieces(stream: _Stream) -> Iterator[bytes]:
    r"""Yield lines with their ``\n``, the very long ones in pieces that end between characters."""
    rest = b""
    while block := stream.readline(_PIECE_BYTES):
        piece = rest + block
        if len(block) < _PIECE_BYTES and not piece.endswith(b"\n"):
            piece += b"\n"  # the last line
        end = len(piece) if piece.endswith(b"\n") else _last_character(piece)
        yield piece[:end]
        rest = piece[end:]
    if rest:
        yield rest + b"\n"


def _last_character(piece: bytes) -> int:
    """Return where the last character begins; a UTF-8 character has four bytes at most."""
    starts = (len(piece) - length for length in range(1, 5))
    return next((start for start in starts if piece[start] & 0xC0 != 0x80), len(piece) - 1)


def _decode(line: bytes, losses: Counter[str]) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        losses["bytes"] += len(line) - len(line.decode(errors="ignore").encode())
        return line.decode(errors="replace")


def _spool(stream: _Stream) -> Path:
    """Copy what can be read only once to where it can be read again."""
    path = _scratch_file("spool")
    with path.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    return path


_serial = count()


def _scratch_file(ending: str) -> Path:
    return _scratch() / f"{next(_serial)}.{ending}"


@cache
def _scratch() -> Path:
    """Make the directory that lives as long as the process."""
    path = Path(tempfile.mkdtemp(prefix="rnncli-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


# --- Tables: named columns, whatever the format -------------------------------------------------

_Row: TypeAlias = tuple[int, tuple[object, ...]]  # number of its first line, for messages; cells


class _Table(ABC):
    """Give the rows of one source: the names of its columns at once, the cells when asked."""

    unit = "line"  # what the number of a row counts
    ends_lines = False  # whether the texts carry their newlines themselves

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.losses: Counter[str] = Counter()  # what reading changed or left out

    @abstractmethod
    def rows(self, columns: Sequence[str]) -> Iterator[_Row]:
        """Yield the cells of ``columns``, row by row; after the last, ``losses`` is complete."""

    def error(self, number: int, what: str, hint: str | None = None) -> DataError:
        """Return an error that points to a row."""
        return DataError(f"{self.where}, {self.unit} {number:,}: {what}", hint)


class _TextFile(_Table):
    """Read plain text, a line a row."""

    ends_lines = True

    def __init__(self, file: _File) -> None:
        super().__init__(file.where)
        self.file = file
        self.names = ("text",)

    def rows(self, columns: Sequence[str]) -> Iterator[_Row]:
        r"""Yield each line with its ``\n``."""
        with _opened(self.file) as stream:
            for number, piece in enumerate(_pieces(stream), start=1):
                text = _decode(piece, self.losses)
                line = text[:-2] + "\n" if text.endswith("\r\n") else text
                yield number, (line,) * len(columns)


class _AlignedFiles(_Table):
    """Read two text files of which one translates the other, line by line."""

    def __init__(self, paths: tuple[Path, Path]) -> None:
        super().__init__(" and ".join(map(str, paths)))
        source, target = map(_language_of_file, paths)
        self.names = (source, target) if source and target and source != target else _PAIRS[0]
        self.files = {
            name: _File(path, str(path)) for name, path in zip(self.names, paths, strict=True)
        }

    def rows(self, columns: Sequence[str]) -> Iterator[_Row]:
        """Yield pairs of lines.

        Raises:
            DataError: one file has more lines than the other.
        """
        texts = [self._texts(self.files[name]) for name in columns]
        for number, pair in enumerate(zip_longest(*texts), start=1):
            if None in pair:
                raise self._misaligned()
            yield number, pair

    def _texts(self, file: _File) -> Iterator[str]:
        return (line.removesuffix("\r") for line in _lines(file, self.losses))

    def _misaligned(self) -> DataError:
        lengths = [
            f"{file.where} has {_count(sum(1 for _ in self._texts(file)), 'line')}"
            for file in self.files.values()
        ]
        return DataError(
            ", but ".join(lengths), "line n of one file must translate line n of the other"
        )


class _Delimited(_Table):
    """Read rows of cells, in most files under a header."""

    ragged_hint: str

    def __init__(self, file: _File) -> None:
        super().__init__(file.where)
        self.file = file
        _, first = next(self.records(Counter()), (0, []))
        self.has_header = self.is_header(first)
        if self.has_header:
            self.names = tuple(cell.strip() for cell in first)
        else:
            self.names = tuple(str(number) for number in range(1, len(first) + 1))
            self.notices = ("no header: the first line is data too",)

    @abstractmethod
    def records(self, losses: Counter[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of each record's first line, and its cells."""

    @abstractmethod
    def is_header(self, first: list[str]) -> bool:
        """Say whether the first record names the columns."""

    def rows(self, columns: Sequence[str]) -> Iterator[_Row]:
        """Yield the cells of ``columns``.

        Raises:
            DataError: a row has more or fewer cells than the first one.
        """
        places = [self.names.index(name) for name in columns]
        for number, cells in islice(self.records(self.losses), int(self.has_header), None):
            if len(cells) != len(self.names):
                what = f"{_count(len(cells), 'cell')}, but the first line has {len(self.names)}"
                raise self.error(number, what, self.ragged_hint)
            yield number, tuple([cells[place] for place in places])


class _TsvFile(_Delimited):
    """Read cells between tabs; quotation marks are text."""

    ragged_hint = "put one tab between two cells and none inside a cell"

    def records(self, losses: Counter[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each line that is not blank."""
        for number, line in enumerate(_lines(self.file, losses), start=1):
            if cells := line.removesuffix("\r"):
                yield number, cells.split("\t")

    def is_header(self, first: list[str]) -> bool:
        """Say whether the first line names columns, or is a pair like those that follow."""
        names = {cell.strip() for cell in first}
        if asked := set(self.file.asked.given().values()):
            numbers = {str(number) for number in range(1, len(first) + 1)}
            return not names.isdisjoint(asked) or not asked <= numbers
        if _find_columns(first, {}, ("classify", "translate")):
            return True
        # "question<TAB>answer" is a header, "Question<TAB>Question" a pair.
        looks_named = all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)
        return looks_named and len(names) == len(first) and _known(names, _TEXT_NAMES) is not None


class _CsvFile(_Delimited):
    """Read comma-separated values; quoted cells may hold commas and newlines."""

    ragged_hint = "put a text that holds commas in double quotes"

    def records(self, losses: Counter[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each record that is not blank.

        Raises:
            DataError: a quotation mark opens a cell and none closes it.
        """
        lines = _lines(self.file, losses)
        first = next(lines, "")
        # Spreadsheets write ; where the comma is the decimal mark.
        delimiter = next((mark for mark in ",;\t" if mark in first), ",")
        feed = _CsvFeed(chain([first], lines))
        for cells in csv.reader(feed, delimiter=delimiter):
            if feed.overrun or (cells and cells[-1].endswith(_END) and cells != [_END]):
                raise self.error(
                    feed.start,
                    "a quotation mark opens a cell, and none closes it",
                    'close it, or write "" for a quotation mark inside a quoted text',
                )
            if cells and cells != [_END]:
                yield feed.start, [_unmasked(cell) for cell in cells]
            feed.start = feed.number + 1

    def is_header(self, first: list[str]) -> bool:
        """Say that there is one, as in every CSV file that is not empty."""
        return bool(first)


# Decoded text holds no lone surrogates, so they are free to stand for something else.
_END = "\udcff"
_NUL, _RETURN = "\udc00", "\udc0d"
_MAX_CELL_LINES = 10_000  # beyond, a quotation mark was forgotten


class _CsvFeed:
    r"""Feed lines to a csv.reader, and know where its records start.

    The reader ends records at a lone ``\r``, fails on NUL in Python 3.10, and takes a file that
    ends inside a quoted cell for a whole one. So the first two are masked, and a mark follows the
    last line: it makes a record of its own, unless a cell is still open.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = chain(lines, [_END])
        self.number = 0  # of the line that was fed last
        self.start = 1  # of the record that is being read
        self.overrun = False

    def __iter__(self) -> "_CsvFeed":
        return self

    def __next__(self) -> str:
        self.overrun = self.number - self.start >= _MAX_CELL_LINES
        if self.overrun:
            raise StopIteration
        line = next(self.lines)
        self.number += 1
        if "\r" in line or "\0" in line:
            body = line.removesuffix("\r")
            masked = body.replace("\r", _RETURN).replace("\0", _NUL)
            line = masked + line[len(body) :]
        return line if line == _END else line + "\n"


def _unmasked(cell: str) -> str:
    return cell.replace(_RETURN, "\r").replace(_NUL, "\0")


class _JsonNumber(str):
    """Keep a JSON number as it is spelled: the label 1.0 is not the label 1."""

    __slots__ = ()


class _JsonLinesFile(_Table):
    """Read a JSON object a line."""

    def __init__(self, file: _File) -> None:
        super().__init__(file.where)
        self.file = file
        _, first = next(self._records(Counter()), (0, {}))
        self.names = tuple(first)

    def rows(self, columns: Sequence[str]) -> Iterator[_Row]:
        """Yield the values of ``columns``.

        Raises:
            DataError: a line is no JSON object, or lacks a column.
        """
        for number, record in self._records(self.losses):
            for name in columns:
                if name not in record:
                    raise self.error(number, f"no {name!r} in this object, unlike in the first")
            yield number, tuple([self._mended(record[name]) for name in columns])

    def _records(self, losses: Counter[str]) -> Iterator[tuple[int, dict[str, object]]]:
        for number, line in enumerate(_lines(self.file, losses), start=1):
            if line and not line.isspace():
                yield number, self._record(number, line)

    def _record(self, number: int, line: str) -> dict[str, object]:
        hint = 'write one object a line, such as {"text": "Well done.", "label": "good"}'
        if number == 1 and line.lstrip().startswith("["):
            hint = f"make it one object a line: jq -c '.[]' {self.where} > lines.jsonl"
        try:
            record = json.loads(line, parse_int=_JsonNumber, parse_float=_JsonNumber)
        except (ValueError, RecursionError) as error:
            raise self.error(number, f"no valid JSON: {error}", hint) from error
        if not isinstance(record, dict):
            raise self.error(number, "no JSON object", hint)
        pair = record.get("translation")  # the usual form of pairs: {"en": ..., "fr": ...}
        return {**record, **pair} if isinstance(pair, dict) else record

    def _mended(self, value: object) -> object:
        r"""Replace the halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
        if not isinstance(value, str) or value.isascii():
            return value
        mended, halves = re.subn("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
        self.losses["halves"] += halves
        return mended if halves else value


class _ArrowTable(_Table):
    """Read a `datasets` dataset: Parquet, or a split of a corpus on the hub."""

    unit = "row"

    def __init__(self, dataset: Dataset, where: str) -> None:
        super().__init__(where)
        self.dataset = dataset
        self.places: dict[str, tuple[str, str | None]] = {}  # name -> column, part of it
        for column, feature in dataset.features.items():
            for part in _parts(feature) or [None]:
                self.places[part or column] = (column, part)
        self.names = tuple(self.places)

    def rows(self, columns: Sequence[str]) -> Iterator[_Row]:
        """Yield the values of ``columns``; class numbers become class names."""
        places = [self.places[name] for name in columns]
        readers = [_cell_reader(self.dataset.features[column], part) for column, part in places]
        selected = self.dataset.select_columns(list({column for column, _ in places}))
        number = count(1)
        for batch in selected.iter(batch_size=BATCH_ROWS):
            cells = (
                map(read, batch[column]) for read, (column, _) in zip(readers, places, strict=True)
            )
            for row in zip(*cells, strict=True):
                yield next(number), row


def _parts(feature: Any) -> Sequence[str | None]:
    """Return the names inside a nested column, such as the languages of a translation."""
    if isinstance(feature, datasets.Translation):
        return list(feature.languages)
    return list(feature) if isinstance(feature, dict) else []


def _cell_reader(feature: Any, part: str | None) -> Callable[[Any], object]:
    if part is not None:
        return lambda cell: cell and cell[part]
    if isinstance(feature, datasets.ClassLabel):
        # A class of -1 means that the label is kept secret.
        return lambda cell: feature.names[cell] if cell is not None and cell >= 0 else None
    return lambda cell: cell


def _parquet_file(file: _File) -> _Table:
    with _opened(file) as stream:
        plain = _spool(stream)
    try:
        dataset = Dataset.from_parquet(str(plain), cache_dir=str(_scratch()))
    except Exception as error:  # `datasets` documents none, and arrow raises several
        raise DataError(
            f"{file.where} cannot be read as Parquet: {_first_line(error.__cause__ or error)}",
            "is it whole? Fetch it again, or export it as CSV",
        ) from error
    return _ArrowTable(dataset, file.where)


_FORMATS: dict[str, Callable[[_File], _Table]] = {
    ".txt": _TextFile,
    ".text": _TextFile,
    ".csv": _CsvFile,
    ".tsv": _TsvFile,
    ".tab": _TsvFile,
    ".jsonl": _JsonLinesFile,
    ".ndjson": _JsonLinesFile,
    ".json": _JsonLinesFile,
    ".parquet": _parquet_file,
}


# --- The choice of columns ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Choice:
    """Say what the columns are for."""

    task: Task
    columns: dict[str, str]  # canonical -> the table's own
    languages: tuple[str, str] | None
    notices: tuple[str, ...]


# Usual names, best first.
# fmt: off
_TEXT_NAMES = (
    "text", "sentence", "review", "content", "tweet", "comment", "body", "message", "question",
    "utterance", "document", "review_text", "reviewtext", "clean_text", "post", "story", "article",
    "abstract", "description", "headline", "title",
)
_LABEL_NAMES = (
    "label", "labels", "sentiment", "class", "category", "rating", "stars", "intent", "topic",
    "emotion", "polarity", "genre", "label_text", "score",
)
# fmt: on
_PAIRS = (("source", "target"), ("src", "tgt"), ("src", "trg"), ("1", "2"))


def _choose(origin: _Origin, task: Task | None, asked: Columns) -> _Choice:
    """Find the task and its columns.

    Raises:
        DataError: a column that was asked for is not there, or none is known to be the right one.
    """
    table = next(iter(origin.tables.values()))
    given = {name: _existing_column(table, name, own) for name, own in asked.given().items()}
    given = given or _usual_columns(origin, task)
    tasks = _tasks_for(given, task)
    if isinstance(table, _TextFile) and "generate" not in tasks:
        raise _plain_text_error(table, tasks[0])
    found = _find_columns(table.names, given, tasks)
    if found is None:
        raise _no_columns_error(table, given, tasks)
    chosen, columns = found
    return _Choice(
        task=chosen,
        columns=columns,
        languages=_languages(columns, origin.languages) if chosen == "translate" else None,
        notices=(*table.notices, *_announcements(table, columns, given, chosen, task)),
    )


def _usual_columns(origin: _Origin, task: Task | None) -> dict[str, str]:
    """Return the columns that a known corpus has for the task, if it has all of them."""
    wanted = CANONICAL[task] if task else tuple(origin.usual)
    columns = {name: origin.usual.get(name, "") for name in wanted}
    table = next(iter(origin.tables.values()))
    return columns if set(columns.values()) <= set(table.names) else {}


def _existing_column(table: _Table, option: str, name: str) -> str:
    """Return the name of an existing column, whose case need not be the same."""
    if name in table.names:
        return name
    for own in table.names:
        if own.casefold() == name.casefold():
            return own
    raise DataError(
        f"{table.where} has no column {name!r}; {_columns_there(table)}",
        _suggestion(name, table.names) or f"name one of these, such as --{option} {table.names[0]}",
    )


def _columns_there(table: _Table) -> str:
    return f"its columns are: {_listed(table.names)}"


def _listed(names: Sequence[str]) -> str:
    """Return names for a message, the first twenty if there are more."""
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _tasks_for(given: dict[str, str], task: Task | None) -> tuple[Task, ...]:
    """Return the tasks that columns given by name leave open, the likeliest first."""
    options = " and ".join(f"--{name}" for name in given)
    fitting: tuple[Task, ...] = tuple(
        candidate
        for candidate in ("classify", "translate", "generate")
        if given.keys() <= set(CANONICAL[candidate])
    )
    if not fitting:
        raise DataError(
            f"{options} do not go together",
            "--text and --label are for single texts, --source and --target for pairs",
        )
    if task is None:
        return fitting
    if task not in fitting:
        raise DataError(
            f"{options} and --task {task} do not go together",
            f"{task} takes " + " and ".join(f"--{name}" for name in CANONICAL[task]),
        )
    return (task,)


def _find_columns(
    names: Sequence[str], given: dict[str, str], tasks: Iterable[Task]
) -> tuple[Task, dict[str, str]] | None:
    """Return the first of ``tasks`` whose columns are all there, with these columns."""
    for task in tasks:
        if columns := _FINDERS[task](names, given):
            return task, columns
    return None


def _find_text(names: Sequence[str], given: dict[str, str]) -> dict[str, str] | None:
    only = names[0] if len(names) == 1 else None
    text = given.get("text") or _known(names, _TEXT_NAMES) or only
    return {"text": text} if text else None


def _find_text_and_label(names: Sequence[str], given: dict[str, str]) -> dict[str, str] | None:
    label = given.get("label") or _known(names, _LABEL_NAMES)
    if label is None and not _find_pair(names, {}):
        label = _known(names, ["target"])
    others = [name for name in names if name != label]
    only = others[0] if label and len(others) == 1 else None
    text = given.get("text") or _known(others, _TEXT_NAMES) or only
    return {"text": text, "label": label} if text and label and text != label else None


def _find_pair(names: Sequence[str], given: dict[str, str]) -> dict[str, str] | None:
    known = _known_pairs(names) or (names if given and len(names) == 2 else [])
    source = given.get("source") or next((n for n in known if n != given.get("target")), None)
    target = given.get("target") or next((n for n in known if n != source), None)
    return {"source": source, "target": target} if source and target != source and target else None


_FINDERS: dict[Task, Callable[[Sequence[str], dict[str, str]], dict[str, str] | None]] = {
    "generate": _find_text,
    "classify": _find_text_and_label,
    "translate": _find_pair,
}


def _known(names: Iterable[str], usual: Iterable[str]) -> str | None:
    """Return the name that is the most usual one."""
    own = {name.casefold().replace(" ", "_"): name for name in names}
    return next((own[name] for name in usual if name in own), None)


def _known_pairs(names: Sequence[str]) -> list[str]:
    """Return the columns that translate each other, in their order."""
    for pair in _PAIRS:
        found = [own for name in pair if (own := _known(names, [name]))]
        if len(found) == 2:
            return found
    coded: dict[str, str] = {}
    for name in names:
        if code := _language(name):
            coded.setdefault(code, name)
    if len(coded) > 2:  # "id" and "no" are then numbers of rows, not Indonesian and Norwegian
        coded = {code: name for code, name in coded.items() if name.casefold() not in ("id", "no")}
    return list(coded.values()) if len(coded) > 1 else []


def _announcements(
    table: _Table,
    columns: dict[str, str],
    given: dict[str, str],
    chosen: Task,
    asked: Task | None,
) -> Iterator[str]:
    """Say what was chosen and not asked for."""
    if chosen == "translate":
        wording = f"from {columns['source']} to {columns['target']}"
    elif isinstance(table, _TextFile):
        wording = "from plain text"
    else:
        listed = " and ".join(columns.values())
        wording = f"from the column{'s' if len(columns) > 1 else ''} {listed}"
    if asked is None or columns.keys() - given:
        yield f"task: {chosen}, {wording}"
    others = [name for name in _known_pairs(table.names) if name not in columns.values()]
    if chosen == "translate" and others and not given:
        yield f"left out: {', '.join(others)}, which --source and --target can choose"


def _plain_text_error(table: _Table, task: Task) -> DataError:
    if task == "classify":
        return DataError(
            f"{table.where} is plain text, which has no labels",
            "classify needs a .csv, .tsv or .jsonl file with a text and a label column",
        )
    return DataError(
        f"{table.where} is plain text, which has no translations",
        "translate needs a .tsv file, source<TAB>target, or two files, aligned line by line",
    )


def _no_columns_error(table: _Table, given: dict[str, str], tasks: Sequence[Task]) -> DataError:
    header = "; if line 1 is no header, add one" if isinstance(table, _CsvFile) else ""
    if len(tasks) > 1:
        return DataError(
            f"{table.where} has no columns with usual names; {_columns_there(table)}",
            "name them: --text COLUMN --label COLUMN, or --source COLUMN --target COLUMN" + header,
        )
    missing = [name for name in CANONICAL[tasks[0]] if name not in given]
    if tasks[0] == "classify" and len(missing) == 2 and _known(table.names, _TEXT_NAMES):
        missing = ["label"]
    return DataError(
        f"{table.where} has no column that is known to hold the {' or the '.join(missing)};"
        f" {_columns_there(table)}",
        "name it: " + " ".join(f"--{name} COLUMN" for name in missing) + header,
    )


# --- Languages ----------------------------------------------------------------------------------

# ISO 639-1 code: ISO 639-3 code, name in English, name in the language itself.
_LANGUAGES = """
af afr afrikaans      ar ara arabic         az aze azerbaijani    be bel belarusian
bg bul bulgarian      bn ben bengali        bs bos bosnian        ca cat catalan català
cs ces czech čeština  cy cym welsh cymraeg  da dan danish dansk   de deu german deutsch
el ell greek          en eng english        eo epo esperanto      es spa spanish español
et est estonian eesti eu eus basque euskara fa fas persian        fi fin finnish suomi
fr fra french français                      ga gle irish gaeilge  gl glg galician galego
gu guj gujarati       he heb hebrew         hi hin hindi          hr hrv croatian hrvatski
hu hun hungarian magyar                     hy hye armenian       id ind indonesian
is isl icelandic íslenska                   it ita italian italiano
ja jpn japanese 日本語 ka kat georgian       kk kaz kazakh         km khm khmer
kn kan kannada        ko kor korean 한국어   la lat latin          lt lit lithuanian
lv lav latvian        mk mkd macedonian     ml mal malayalam      mn mon mongolian
mr mar marathi        ms msa malay          mt mlt maltese        my mya burmese
nb nob bokmål         ne nep nepali         nl nld dutch nederlands
nn nno nynorsk        no nor norwegian norsk                      pl pol polish polski
pt por portuguese português                 ro ron romanian română
ru rus russian русский                      si sin sinhala        sk slk slovak
sl slv slovenian      sq sqi albanian       sr srp serbian        sv swe swedish svenska
sw swa swahili        ta tam tamil          te tel telugu         th tha thai
tl tgl tagalog        tr tur turkish türkçe uk ukr ukrainian      ur urd urdu
uz uzb uzbek          vi vie vietnamese     xh xho xhosa          yo yor yoruba
zh zho chinese 中文    zu zul zulu
"""


@cache
def _language_codes() -> dict[str, str]:
    """Return the two-letter code of every name and code of a language."""
    codes: dict[str, str] = {}
    code = ""
    for word in _LANGUAGES.split():
        if len(word) == 2 and word.isascii():
            code = word
        codes[word] = code
    return codes


def _language(name: str) -> str | None:
    """Return the code of the language that a column is named after: English, en-GB, eng_Latn."""
    region = re.fullmatch(r"([a-z]{2,3})[-_]([A-Z]{2}|[A-Z][a-z]{3})", name)
    return _language_codes().get(region[1] if region else name.casefold())


def _language_of_file(path: Path) -> str | None:
    """Return the language of ``train.en``, ``train.en.gz`` or ``english.txt``."""
    return next(filter(None, map(_language, reversed(path.name.split(".")))), None)


def _language_pair(config: str) -> tuple[str, str] | None:
    """Return the languages of a subset that is called en-fr."""
    first, _, second = config.partition("-")
    return _languages({"source": first, "target": second}, None)


def _languages(columns: dict[str, str], pair: tuple[str, str] | None) -> tuple[str, str] | None:
    """Return the languages of two columns, of which the names, or one and ``pair``, tell."""
    source, target = _language(columns["source"]), _language(columns["target"])
    if pair and source in pair and not target:
        target = pair[pair.index(source) - 1]
    if pair and target in pair and not source:
        source = pair[pair.index(target) - 1]
    return (source, target) if source and target else None


# --- Clean rows, stored -------------------------------------------------------------------------


def _clean_rows(table: _Table, choice: _Choice) -> Iterator[tuple[str, ...]]:
    """Yield the rows that can be learned from, all cells strings, and count the others."""
    clean = _CLEANERS[choice.task]
    columns = [choice.columns[name] for name in CANONICAL[choice.task]]
    for number, cells in table.rows(columns):
        if row := clean(table, number, *cells):
            yield row


def _clean_document(table: _Table, number: int, cell: object) -> tuple[str, ...] | None:
    text = _text(table, number, cell)
    return (text if table.ends_lines or text.endswith("\n") else text + "\n",)


def _clean_example(
    table: _Table, number: int, text_cell: object, label_cell: object
) -> tuple[str, ...] | None:
    text, label = _text(table, number, text_cell), _label(table, number, label_cell)
    if label and text and not text.isspace():
        return text, label
    table.losses["labels" if text and not text.isspace() else "texts"] += 1
    return None


def _clean_pair(
    table: _Table, number: int, source_cell: object, target_cell: object
) -> tuple[str, ...] | None:
    source, target = _text(table, number, source_cell), _text(table, number, target_cell)
    if source and target and not source.isspace() and not target.isspace():
        return source, target
    table.losses["pairs"] += 1
    return None


_CLEANERS: dict[Task, Callable[..., tuple[str, ...] | None]] = {
    "generate": _clean_document,
    "classify": _clean_example,
    "translate": _clean_pair,
}


def _text(table: _Table, number: int, cell: object) -> str:
    """Return a cell as a text; nothing is an empty one.

    Raises:
        DataError: it is something else, such as a number.
    """
    if isinstance(cell, str) and not isinstance(cell, _JsonNumber):
        return cell
    if cell is None:
        return ""
    raise table.error(
        number,
        f"a text is expected, not {str(cell)[:40]}",
        "put the text in quotation marks, or name another column",
    )


def _label(table: _Table, number: int, cell: object) -> str:
    """Return a cell as a label; nothing is an empty one.

    Raises:
        DataError: it is something else, such as a list of labels.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, str | int | float):
        return str(cell).strip()
    raise table.error(
        number, f"a label is expected, not {str(cell)[:40]}", "name another column: --label COLUMN"
    )


def _store(rows: Iterator[tuple[str, ...]], names: Sequence[str]) -> Dataset:
    """Write rows to an Arrow file and map it into memory.

    ``Dataset.from_generator`` does the same and takes 14 times as long, a row at a time.
    """
    path = str(_scratch_file("arrow"))
    features = datasets.Features({name: datasets.Value("string") for name in names})
    with ArrowWriter(path=path, features=features) as writer:
        while batch := list(islice(rows, BATCH_ROWS)):
            writer.write_batch(dict(zip(names, map(list, zip(*batch, strict=True)), strict=True)))
        writer.finalize()
    return Dataset.from_file(path)


def _require_enough(where: str, split: Dataset, choice: _Choice, *, for_training: bool) -> None:
    """Check that there is something to learn, or to score on.

    Raises:
        DataError: there are too few usable rows, or all of them have the same label.
    """
    texts = column_values(split, CANONICAL[choice.task][0])
    usable = sum(1 for _ in islice((text for text in texts if not text.isspace()), 2))
    if usable < (2 if for_training else 1):
        what = "only one usable row" if usable else "nothing usable"
        raise DataError(f"{where} is empty: there is {what} in it", "put more rows into it")
    if choice.task == "classify" and for_training and len(labels := split.unique("label")) == 1:
        raise DataError(
            f"{where} has one class only: every label is {labels[0]!r}",
            "a classifier needs two at least; is it the right column? --label COLUMN",
        )


def _losses(tables: Iterable[_Table]) -> Iterator[str]:
    """Say how much was changed or left out."""
    losses: Counter[str] = Counter()
    for table in tables:
        losses.update(table.losses)
    if n := losses["bytes"]:
        yield f"{_count(n, 'byte')} not UTF-8, replaced by \N{REPLACEMENT CHARACTER}"
    if n := losses["halves"]:
        yield f"{_count(n, 'half character')} in JSON replaced by \N{REPLACEMENT CHARACTER}"
    if n := losses["texts"]:
        yield f"{_count(n, 'empty text')} left out"
    if n := losses["labels"]:
        yield f"{_count(n, 'text')} without a label left out"
    if n := losses["pairs"]:
        yield f"{_count(n, 'pair')} with an empty side left out"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


# --- The Hugging Face hub -----------------------------------------------------------------------

_SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
}
_HUB_TIMEOUT = 5.0  # seconds without an answer until the hub counts as out of reach


@dataclass(frozen=True)
class _Address:
    """Say which dataset of the hub is meant."""

    hub_id: str
    config: str | None
    revision: str | None

    def __str__(self) -> str:
        return self.hub_id + (f":{self.config}" if self.config else "")


def _from_hub(name: str, revision: str | None) -> _Origin:
    """Load a corpus by its name in ``PUBLIC`` or by its id on the hub.

    Raises:
        DataError: there is none, it is closed, or it is not of a form that can be read.
    """
    base, _, config = name.partition(":")
    known = PUBLIC.get(base)
    address = _Address(
        hub_id=known.hub_id if known else base,
        config=config or (known.config if known else None),
        revision=revision or (known.revision if known else None),
    )
    found = _ask_hub(address)
    if found is not None:
        address = replace(address, revision=found.sha)
    loaded = _load_from_hub(address, offline=found is None)
    if found is None:
        _require_revision(address, loaded)
    splits, left_out = _canonical_splits(loaded, address, known.splits if known else {})
    return _Origin(
        where=str(address),
        tables={split: _ArrowTable(loaded[own], str(address)) for split, own in splits.items()},
        fingerprint=_hub_fingerprint(address, [loaded[own] for own in splits.values()]),
        usual=known.columns if known else {},
        languages=_language_pair(address.config or ""),
        licence=known.licence if known else _stated_licence(found),
        notices=(
            *(["the hub is out of reach: read from the cache"] if found is None else []),
            *([f"splits left out: {', '.join(left_out)}"] if left_out else []),
        ),
    )


def _ask_hub(address: _Address) -> huggingface_hub.DatasetInfo | None:
    """Return what the hub knows of a dataset, or None if the hub is out of reach.

    ``load_dataset`` alone would take 23 seconds to find that out, and fill the screen meanwhile.

    Raises:
        DataError: the hub says that there is no such dataset.
    """
    try:
        return huggingface_hub.HfApi().dataset_info(
            address.hub_id, revision=address.revision, timeout=_HUB_TIMEOUT
        )
    except huggingface_hub.errors.GatedRepoError as error:
        raise _closed(address) from error
    except huggingface_hub.errors.RevisionNotFoundError as error:
        raise DataError(
            f"{address.hub_id} has no revision {address.revision}",
            f"its revisions: {_page(address)}/commits/main",
        ) from error
    except (
        huggingface_hub.errors.RepositoryNotFoundError,
        huggingface_hub.errors.HFValidationError,
    ) as error:
        raise DataError(
            f"the hub has no dataset {address.hub_id}, or only for its owners",
            f"look it up: {huggingface_hub.constants.ENDPOINT}/datasets?search="
            + address.hub_id.rpartition("/")[2],
        ) from error
    except Exception:  # whatever the HTTP library of the day raises
        return None


def _load_from_hub(address: _Address, *, offline: bool) -> datasets.DatasetDict:
    """Load all splits, from the cache if they are there.

    Raises:
        DataError: this is not possible, and the hint says what is.
    """
    if Path(address.hub_id).exists():  # `datasets` would read it instead
        raise DataError(
            f"{address.hub_id} is on the hub and also in this directory",
            "call rnncli in another directory, or name a file",
        )
    try:
        with _download_mode(offline=offline):
            return datasets.load_dataset(
                address.hub_id,
                address.config,
                revision=address.revision,
                verification_mode="no_checks",  # of row counts that the card may state wrongly
            )
    except Exception as error:
        raise _load_error(address, error, offline=offline) from error


def _load_error(address: _Address, error: Exception, *, offline: bool) -> DataError:
    if offline:
        return DataError(
            f"the hub is out of reach, and {address} is not in the cache",
            "check the connection, or set HF_ENDPOINT to a mirror; local files need no connection",
        )
    if "gated" in str(error):
        return _closed(address)
    if isinstance(error, ValueError) and "onfig" in str(error):
        return _no_subset(address, error)
    if isinstance(error, RuntimeError) and "script" in str(error):
        return DataError(
            f"{address} is made by a script, which `datasets` no longer runs",
            "look for a copy in Parquet, or run the script yourself and train on its files",
        )
    return DataError(
        f"{address} cannot be read: {_first_line(error)}",
        f"download its files and train on one of them: {_page(address)}/tree/main",
    )


def _no_subset(address: _Address, error: Exception) -> DataError:
    listed = re.search(r"\[(.*?)\]", str(error))
    names = re.findall(r"'([^']+)'", listed[1]) if listed else []
    what = f"has no subset {address.config}" if address.config else "has several subsets"
    example = (get_close_matches(address.config or "", names, n=1) or names or ["SUBSET"])[0]
    return DataError(
        f"{address.hub_id} {what}; its subsets are: {_listed(names)}",
        f"name one: rnncli train {address.hub_id}:{example}",
    )


def _closed(address: _Address) -> DataError:
    return DataError(
        f"{address.hub_id} is open only to those who have accepted its terms",
        f"accept them at {_page(address)}, then: hf auth login",
    )


def _page(address: _Address) -> str:
    return f"{huggingface_hub.constants.ENDPOINT}/datasets/{address.hub_id}"


@contextmanager
def _download_mode(*, offline: bool) -> Iterator[None]:
    """Show progress on a terminal, and spare the network if it is known to be down."""
    was_offline = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = offline or was_offline
    if sys.stderr.isatty():
        datasets.enable_progress_bars()
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = was_offline
        datasets.disable_progress_bars()


def _require_revision(address: _Address, cached: datasets.DatasetDict) -> None:
    """Check that the cache holds what was asked for; offline, `datasets` takes the newest.

    Raises:
        DataError: it holds another revision.
    """
    folder = Path(next(iter(cached.values())).cache_files[0]["filename"]).parent.name
    is_commit = re.fullmatch("[0-9a-f]{40}", folder) and address.revision
    if is_commit and not folder.startswith(address.revision or ""):
        raise DataError(
            f"the hub is out of reach, and the cache holds revision {folder} of {address.hub_id},"
            f" not {address.revision}",
            f"take it as it is: --revision {folder}",
        )


def _canonical_splits(
    loaded: datasets.DatasetDict, address: _Address, usual: dict[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the corpus's own name of each canonical split, and the names of other splits.

    Raises:
        DataError: no split has a usual name.
    """
    canonical = _SPLITS | usual
    splits: dict[str, str] = {}
    for own in loaded:
        if split := canonical.get(own.casefold()):
            splits.setdefault(split, own)
    if len(loaded) == 1:
        splits = {"train": next(iter(loaded))}
    if not splits:
        raise _no_train_split(str(address), loaded)
    ordered = {split: splits[split] for split in _SPLITS.values() if split in splits}
    return ordered, [own for own in loaded if own not in splits.values()]


def _no_train_split(where: str, splits: Iterable[str]) -> DataError:
    return DataError(
        f"{where} has no split called train; its splits are: {', '.join(splits)}",
        "download one of its files, and train on that",
    )


def _hub_fingerprint(address: _Address, splits: Iterable[Dataset]) -> str:
    """Return a sum over the id and what `datasets` makes of subset, commit and split."""
    parts = [address.hub_id, *(split._fingerprint for split in splits)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stated_licence(info: huggingface_hub.DatasetInfo | None) -> str | None:
    licence = info.card_data.license if info and info.card_data else None
    return ", ".join(licence) if isinstance(licence, list) else licence


# --- Holding out --------------------------------------------------------------------------------

_Ids: TypeAlias = npt.NDArray[np.int64]


def hold_out(
    corpus: Corpus, *, fraction: float, seed: int, max_rows: int | None = None
) -> tuple[Dataset, Dataset]:
    """Return rows to train on and rows to validate on.

    The corpus's own validation split is taken where there is one. Otherwise generate holds out the
    end of the text, to the character; the other tasks hold out rows drawn by ``seed``, such that
    no text stands on both sides and every label that has two texts is trained on. ``max_rows``
    limits the validation rows: to the first ones for generate, else to a draw.

    Raises:
        DataError: there is too little to have something on both sides.
    """
    if "validation" in corpus.splits:
        train, validation = corpus.splits["train"], corpus.splits["validation"]
    elif corpus.task == "generate":
        train, validation = _cut_characters(corpus, fraction)
    else:
        train, validation = _draw_rows(corpus, fraction, seed, max_rows)
    if max_rows is None or len(validation) <= max_rows:
        return train, validation
    if corpus.task == "generate":
        return train, validation.select(range(max_rows))
    drawn = np.argsort(_draws(len(validation), seed), kind="stable")[:max_rows]
    return train, validation.select(np.sort(drawn))


def _cut_characters(corpus: Corpus, fraction: float) -> tuple[Dataset, Dataset]:
    """Cut the text in two at a character, inside a row if need be."""
    rows = corpus.splits["train"]
    lengths = np.fromiter(map(len, column_values(rows, "text")), np.int64)
    ends = np.cumsum(lengths)
    cut = int(int(ends[-1]) * (1 - fraction))
    if not 0 < cut < ends[-1]:
        raise _too_small(corpus)
    row = int(np.searchsorted(ends, cut, side="right"))  # the one that holds the first character
    text: str = rows[row]["text"]
    inside = cut - int(ends[row] - lengths[row])
    before, after = rows.select(range(row)), rows.select(range(row + 1, len(rows)))
    head, tail = (
        Dataset.from_dict({"text": [part] if part else []}, features=rows.features)
        for part in (text[:inside], text[inside:])
    )
    return (
        datasets.concatenate_datasets([before, head]),
        datasets.concatenate_datasets([tail, after]),
    )


def _draw_rows(
    corpus: Corpus, fraction: float, seed: int, max_rows: int | None
) -> tuple[Dataset, Dataset]:
    """Draw rows in groups that must not be torn apart."""
    train = corpus.splits["train"]
    keys = ("text",) if corpus.task == "classify" else ("source", "target")
    groups = _components([_ids(column_values(train, key)) for key in keys])
    if corpus.task == "classify":
        labels = _ids(column_values(train, "label"))
    else:
        labels = np.zeros(len(train), dtype=np.int64)
    wanted = max(1, round(len(train) * fraction))
    drawn = _draw_groups(groups, labels, min(wanted, max_rows or wanted), seed)
    if not drawn:
        raise _too_small(corpus)
    is_drawn = np.isin(groups, drawn)
    return train.select(np.flatnonzero(~is_drawn)), train.select(np.flatnonzero(is_drawn))


def _too_small(corpus: Corpus) -> DataError:
    return DataError(
        f"{corpus.name} is too small to hold out a part of it for validation",
        "add data; a label needs two different texts, one to train on and one to check",
    )


def _draw_groups(groups: _Ids, labels: _Ids, wanted: int, seed: int) -> list[int]:
    """Draw groups that have ``wanted`` rows together, and a like share of every label.

    A group is passed over if it is too large, or if one of its labels has no other group left.
    """
    sizes = np.bincount(groups)
    num_labels = int(labels.max()) + 1
    pairs = np.unique(groups * num_labels + labels)  # each group with each of its labels, once
    first_pairs = np.searchsorted(pairs, np.arange(len(sizes) + 1) * num_labels)
    pair_labels = pairs % num_labels
    groups_left = np.bincount(pair_labels)
    fewest_left = np.minimum.reduceat(groups_left[pair_labels], first_pairs[:-1])
    if not (fewest_left > 1).any():
        return []
    room = max(wanted, sizes[fewest_left > 1].min())  # at least one group
    drawn: list[int] = []
    for group in _stratified(pair_labels[first_pairs[:-1]], seed):
        own_labels = pair_labels[first_pairs[group] : first_pairs[group + 1]]
        if sizes[group] <= room and (groups_left[own_labels] > 1).all():
            groups_left[own_labels] -= 1
            room -= sizes[group]
            drawn.append(int(group))
        if room == 0:
            break
    return drawn


def _stratified(labels: _Ids, seed: int) -> _Ids:
    """Return a random order in which every beginning has a like share of every label."""
    draws = _draws(len(labels) + int(labels.max()) + 1, seed)
    shuffled = np.lexsort((draws[: len(labels)], labels))
    sizes = np.bincount(labels)
    ranks = np.empty(len(labels))
    ranks[shuffled] = np.arange(len(labels)) - (np.cumsum(sizes) - sizes)[labels[shuffled]]
    offsets = draws[len(labels) :][labels]  # so that small labels do not all come first
    return np.argsort((ranks + offsets) / sizes[labels], kind="stable")


def _draws(number: int, seed: int) -> npt.NDArray[np.float64]:
    """Return random numbers that are the same on every platform and in every version."""
    generator = random.Random(seed)  # the promise of random(), and of nothing else in it
    return np.fromiter((generator.random() for _ in range(number)), np.float64, number)


def _ids(values: Iterable[str]) -> _Ids:
    """Number values such that equal ones have equal numbers, with 8 bytes of memory for each."""
    digests = (hashlib.blake2b(value.encode(), digest_size=8).digest() for value in values)
    hashed = np.fromiter((int.from_bytes(digest, "little") for digest in digests), np.uint64)
    return np.unique(hashed, return_inverse=True)[1].astype(np.int64)


def _components(keys: Sequence[_Ids]) -> _Ids:
    """Number rows such that those that share a key, directly or through others, are equal."""
    component = np.arange(len(keys[0]))
    while True:
        before = component
        for key in keys:
            lowest = np.full(int(key.max()) + 1, len(key))
            np.minimum.at(lowest, key, component)
            component = lowest[key]
        if (component == before).all():
            return np.unique(component, return_inverse=True)[1].astype(np.int64)
