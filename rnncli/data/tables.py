"""Read rows under named columns, one class for each kind of file; what they mean comes later."""

import csv
import json
import operator
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice, zip_longest
from typing import Any, TypeAlias

import datasets
from datasets import Dataset
from datasets.features.features import require_decoding

from rnncli.data.arrow import scratch
from rnncli.data.values import BATCH_ROWS
from rnncli.errors import DataError
from rnncli.messages import counted, first_line
from rnncli.text.files import File, Losses, opened, read_lines, read_pieces, spooled
from rnncli.text.unicode import replace_surrogates

csv.field_size_limit(2**31 - 1)  # a text may be long; the largest that every platform takes

MAX_COLUMNS = 10_000  # of a table; their names are compared with those of many others

Row: TypeAlias = tuple[int, tuple[object, ...]]  # number of its first line, for messages; cells


class Table(ABC):
    """Give the rows of one source: the names of its columns at once, the cells when asked."""

    unit = "line"  # what the number of a row counts
    is_plain_text = False  # without columns, and with every newline in its rows
    header_hint = ""  # ends a hint where the header may be missing

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.losses: Losses = Counter()

    @abstractmethod
    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the cells of ``columns``, row by row; after the last, ``losses`` is complete."""

    def require_few_columns(self, number: int) -> None:
        """Check that this can be a table.

        Raises:
            DataError: a row has too many cells.
        """
        if number > MAX_COLUMNS:
            raise self.error(
                1,
                f"{counted(number, 'column')}, but at most {MAX_COLUMNS:,} can be read",
                "is it such a table? Keep the columns that are needed, or name the file .txt",
            )

    def error(self, number: int, what: str, hint: str) -> DataError:
        """Return an error that points to a row."""
        return DataError(f"{self.where}, {self.unit} {number:,}: {what}", hint)


@dataclass(frozen=True)
class DataSource:
    """Where data comes from, and the tables that it has; their columns are not chosen yet."""

    where: str  # for messages
    tables: dict[str, Table]  # by split: "train", "validation", "test"
    fingerprint: str
    licence: str | None = None
    notices: tuple[str, ...] = ()
    known_columns: dict[str, str] = field(default_factory=dict)  # of a public corpus
    languages: tuple[str, str] | None = None  # of a pair, in no order


def no_train_split(where: str, splits: Iterable[str]) -> DataError:
    """Return the error of data that is not to be trained on."""
    return DataError(
        f"{where} has no split called train; its splits are: {', '.join(splits)}",
        "download one of its files, and train on that",
    )


class TextFile(Table):
    """Read plain text, a line a row."""

    is_plain_text = True

    def __init__(self, file: File) -> None:
        super().__init__(file.where)
        self.file = file
        self.names = ("text",)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        r"""Yield each line with its ``\n``."""
        for number, line in enumerate(read_pieces(self.file, self.losses), start=1):
            yield number, (line,) * len(columns)


class AlignedFiles(Table):
    """Read text files that translate each other line by line, a column each."""

    def __init__(self, files: dict[str, File]) -> None:
        super().__init__(" and ".join(file.where for file in files.values()))
        self.files = files
        self.names = tuple(files)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield lines with the same number.

        Raises:
            DataError: one file has more lines than another.
        """
        texts = [self._texts(self.files[name]) for name in columns]
        for number, cells in enumerate(zip_longest(*texts), start=1):
            if None in cells:
                raise self._misaligned()
            yield number, cells

    def _texts(self, file: File) -> Iterator[str]:
        return (line.removesuffix("\r") for line in read_lines(file, self.losses))

    def _misaligned(self) -> DataError:
        lengths = [
            f"{file.where} has {counted(sum(1 for _ in self._texts(file)), 'line')}"
            for file in self.files.values()
        ]
        return DataError(
            ", but ".join(lengths), "line n of one file must translate line n of the other"
        )


class _DelimitedFile(Table):
    """Read rows of cells, in most files under a header."""

    ragged_hint: str

    def __init__(self, file: File, is_header: Callable[[list[str]], bool]) -> None:
        super().__init__(file.where)
        self.file = file
        first = next((cells for _, cells in self.records(Counter())), [])
        self.require_few_columns(len(first))
        self.has_header = is_header(first)
        if self.has_header:
            self.names = tuple(cell.strip() for cell in first)
        else:
            self.names = tuple(str(number) for number in range(1, len(first) + 1))
            self.notices = ("no header: the first line is data too",)

    @abstractmethod
    def records(self, losses: Losses) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of each record's first line, and its cells."""

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the cells of ``columns``.

        Raises:
            DataError: a row has more or fewer cells than the first one.
        """
        places = [self.names.index(name) for name in columns]
        for number, cells in islice(self.records(self.losses), int(self.has_header), None):
            if len(cells) != len(self.names):
                what = f"{counted(len(cells), 'cell')}, but the first line has {len(self.names)}"
                raise self.error(number, what, self.ragged_hint)
            yield number, tuple([cells[place] for place in places])


class TsvFile(_DelimitedFile):
    """Read cells between tabs; quotation marks are text."""

    ragged_hint = "put one tab between two cells and none inside a cell"

    def records(self, losses: Losses) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each line that is not blank."""
        for number, line in enumerate(read_lines(self.file, losses), start=1):
            if cells := line.removesuffix("\r"):
                yield number, cells.split("\t")


# csv.reader ends records at a lone \r, fails on NUL in Python 3.10, and takes a file that ends
# inside a quoted cell for a whole one. So the first two are masked while it reads, and a mark
# follows the last line: it makes a record of its own, unless a cell is still open. Decoded text
# holds no lone surrogates, so they are free to stand for something else.
_RETURN, _NUL, _END = "\udc0d", "\udc00", "\udcff"
_MAX_CELL_LINES = 10_000  # beyond, a quotation mark was forgotten
_MAX_CELL_CHARACTERS = 1 << 25


class CsvFile(_DelimitedFile):
    """Read comma-separated values under a header; quoted cells may hold commas and newlines."""

    ragged_hint = "put a text that holds commas in double quotes"
    header_hint = "; if line 1 is no header, add one"

    def __init__(self, file: File) -> None:
        super().__init__(file, is_header=bool)

    def records(self, losses: Losses) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each record that is not blank.

        Raises:
            DataError: a quotation mark opens a cell and none closes it.
        """
        lines = read_lines(self.file, losses)
        first = next(lines, "")
        # Spreadsheets write ; where the comma is the decimal mark.
        delimiter = next((mark for mark in ",;\t" if mark in first), ",")
        start = 1  # line of the record that is being read

        def fed() -> Iterator[str]:
            record, size = start, 0  # the record that the lines are of, and their characters
            for number, line in enumerate(chain([first], lines), start=1):
                if start != record:
                    record, size = start, 0
                size += len(line)
                if number - start > _MAX_CELL_LINES or size > _MAX_CELL_CHARACTERS:
                    raise self._unclosed(start)
                yield _masked(line) + "\n"
            yield _END

        reader = csv.reader(fed(), delimiter=delimiter)
        for cells in reader:
            if cells == [_END]:
                return
            if cells and cells[-1].endswith(_END):
                raise self._unclosed(start)
            if cells:
                yield start, [cell.replace(_RETURN, "\r").replace(_NUL, "\0") for cell in cells]
            start = reader.line_num + 1

    def _unclosed(self, number: int) -> DataError:
        return self.error(
            number,
            "a quotation mark opens a cell, and none closes it",
            'close it, or write "" for a quotation mark inside a quoted text',
        )


def _masked(line: str) -> str:
    if "\r" not in line and "\0" not in line:
        return line
    body = line.removesuffix("\r")
    return body.replace("\r", _RETURN).replace("\0", _NUL) + line[len(body) :]


class JsonNumber(str):
    """Keep a JSON number as it is spelled: the label 1.0 is not the label 1."""

    __slots__ = ()


class JsonLinesFile(Table):
    """Read a JSON object a line."""

    def __init__(self, file: File) -> None:
        super().__init__(file.where)
        self.file = file
        self.names = next((tuple(record) for _, record in self._records(Counter())), ())
        self.require_few_columns(len(self.names))

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the values of ``columns``.

        Raises:
            DataError: a line is no JSON object, or lacks a column.
        """
        for number, record in self._records(self.losses):
            for name in columns:
                if name not in record:
                    raise self.error(
                        number,
                        f"no {name!r} in this object, unlike in the first",
                        "give every object the same names",
                    )
            yield number, tuple([self._mended(record[name]) for name in columns])

    def _records(self, losses: Losses) -> Iterator[tuple[int, dict[str, object]]]:
        for number, line in enumerate(read_lines(self.file, losses), start=1):
            if line and not line.isspace():
                yield number, self._record(number, line)

    def _record(self, number: int, line: str) -> dict[str, object]:
        hint = 'write one object a line, such as {"text": "Well done.", "label": "good"}'
        if number == 1 and line.lstrip().startswith("["):
            hint = f"make it one object a line: jq -c '.[]' {self.where} > lines.jsonl"
        try:
            record = json.loads(line, parse_int=JsonNumber, parse_float=JsonNumber)
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
        mended = replace_surrogates(value)
        self.losses["halves"] += sum(map(operator.ne, mended, value))
        return mended


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

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
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


def _parts(feature: Any) -> Sequence[str | None]:
    """Return the names inside a nested column, such as the languages of a translation."""
    if isinstance(feature, datasets.Translation):
        return list(feature.languages)
    return list(feature) if isinstance(feature, dict) else [None]


def _cell_reader(feature: Any, part: str | None) -> Callable[[Any], object]:
    if part is not None:
        return lambda cell: cell and cell[part]
    if isinstance(feature, datasets.ClassLabel):
        # A class of -1 means that the label is kept secret.
        known = range(len(feature.names))
        return lambda cell: feature.names[cell] if cell in known else None
    return lambda cell: cell


def read_parquet(file: File) -> ArrowTable:
    """Read a Parquet file, which may be gzipped as a whole.

    Raises:
        DataError: it is none.
    """
    with opened(file) as stream:
        if stream.read(4) != b"PAR1":  # before gigabytes of it are unpacked
            raise _damaged_parquet(file.where, ValueError("it does not begin with PAR1"))
        stream.seek(0)
        plain = spooled(stream)
    try:
        return ArrowTable(Dataset.from_parquet(str(plain), cache_dir=str(scratch())), file.where)
    except DataError:
        raise
    except Exception as error:  # `datasets` documents none, and arrow raises several
        raise _damaged_parquet(file.where, error.__cause__ or error) from error


def _damaged_parquet(where: str, error: BaseException) -> DataError:
    return DataError(
        f"{where} cannot be read as Parquet: {first_line(error)}",
        "is it whole? Fetch it again, or export it as CSV",
    )
