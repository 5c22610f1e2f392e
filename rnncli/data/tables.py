"""Read rows under named columns, one class for each format; what they mean comes later."""

import operator
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, zip_longest
from typing import TypeAlias

from rnncli.errors import DataError
from rnncli.messages import counted
from rnncli.text.files import (
    File,
    Losses,
    decode,
    read_lines,
    read_text_lines,
    read_text_pieces,
)
from rnncli.text.tables import LineSource, Row, csv_rows, json_rows, tsv_rows
from rnncli.text.unicode import replace_surrogates

MAX_COLUMNS = 10_000  # of a table; their names are compared with those of many others

TableRow: TypeAlias = tuple[int, tuple[object, ...]]  # number of its first line; cells


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
    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
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

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        r"""Yield each line with its ``\n``."""
        for number, line in enumerate(read_text_pieces(self.file, self.losses), start=1):
            yield number, (line,) * len(columns)


class AlignedFiles(Table):
    """Read text files that translate each other line by line, a column each."""

    def __init__(self, files: dict[str, File]) -> None:
        super().__init__(" and ".join(file.where for file in files.values()))
        self.files = files
        self.names = tuple(files)

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
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
        return read_text_lines(file, self.losses)

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

    def __init__(self, file: File, is_header: Callable[[list[str]], bool]) -> None:
        super().__init__(file.where)
        self.file = file
        first = next((row.cells for row in self._records(Counter())), [])
        self.require_few_columns(len(first))
        self.has_header = is_header(first)
        if self.has_header:
            self.names = tuple(cell.strip() for cell in first)
        else:
            self.names = tuple(str(number) for number in range(1, len(first) + 1))
            self.notices = ("no header: the first line is data too",)

    @abstractmethod
    def read(self, source: LineSource) -> Iterator[Row]:
        """Yield the rows of a file."""

    def _records(self, losses: Losses) -> Iterator[Row]:
        return (row for row in self.read(_line_source(self.file, losses)) if row.cells)

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the cells of ``columns``.

        Raises:
            DataError: see `csv_rows` and `tsv_rows`.
        """
        places = [self.names.index(name) for name in columns]
        for row in islice(self._records(self.losses), int(self.has_header), None):
            yield row.line, tuple([row.cells[place] for place in places])


def _line_source(file: File, losses: Losses) -> LineSource:
    return LineSource(read_lines(file), file.where, partial(decode, losses=losses))


class TsvFile(_DelimitedFile):
    """Read cells between tabs; quotation marks are text."""

    def read(self, source: LineSource) -> Iterator[Row]:
        """Yield the rows of a file."""
        return tsv_rows(source)


class CsvFile(_DelimitedFile):
    """Read comma-separated values under a header; quoted cells may hold commas and newlines."""

    header_hint = "; if line 1 is no header, add one"

    def __init__(self, file: File) -> None:
        super().__init__(file, is_header=bool)

    def read(self, source: LineSource) -> Iterator[Row]:
        """Yield the rows of a file."""
        return csv_rows(source)


class JsonLinesFile(Table):
    """Read a JSON object a line."""

    def __init__(self, file: File) -> None:
        super().__init__(file.where)
        self.file = file
        self.names = next((tuple(record) for _, record in self._records(Counter())), ())
        self.require_few_columns(len(self.names))

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
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
        for row in json_rows(_line_source(self.file, losses)):
            pair = row.values.get("translation")  # the usual form of pairs: {"en": ..., "fr": ...}
            if isinstance(pair, dict):
                yield row.line, {**row.values, **pair}
            elif not row.is_blank:
                yield row.line, row.values

    def _mended(self, value: object) -> object:
        r"""Replace the halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
        if not isinstance(value, str) or value.isascii():
            return value
        mended = replace_surrogates(value)
        self.losses["halves"] += sum(map(operator.ne, mended, value))
        return mended
