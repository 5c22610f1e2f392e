"""Rows under named columns, whatever the format; what they mean comes later."""

import math
import random
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeAlias, TypeVar

from rnncli.errors import DataError
from rnncli.messages import plural
from rnncli.text.conversion import command_argument
from rnncli.text.files import File, Losses, decode, line_lists, read_file
from rnncli.text.tables import LineSource

MAX_COLUMNS = 10_000  # of a table; their names are compared with those of many others
SAMPLE_ROWS = 1_000  # from the beginning, and one in SAMPLE_STEP of the rows behind them
SAMPLE_STEP = 50
SAMPLE_CHARACTERS = 2_000  # of a cell
SAMPLE_END = 20_000  # rows: sorted labels may be equal for long

SPLIT_NAMES = {  # canonical name -> usual names
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing"),
}

_RowT = TypeVar("_RowT")
TableRow: TypeAlias = tuple[int, tuple[object, ...]]  # number of its first line; cells


class Table(ABC):
    """Give the rows of one source: the names of its columns at once, the cells when asked."""

    unit = "line"  # what the number of a row counts
    is_plain_text = False  # without columns, and with every newline in its rows
    has_header = True  # whether the names are those of the source, not numbers

    def __init__(self, where: str) -> None:
        self.where = where
        self.names: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.losses: Losses = Counter()
        self.share = 1.0  # of the rows behind, to be read
        self._rng = random.Random(0)

    @property
    def command_argument(self) -> str:
        """What names this data in a command."""
        return command_argument(self.where)

    @abstractmethod
    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the cells of ``columns``, row by row; after the last, ``losses`` is complete."""

    @property
    def readable_names(self) -> tuple[str, ...]:
        """The columns that may hold texts or labels."""
        return self.names

    def sample(self) -> dict[str, list[str]]:
        """Return the beginnings of cells of each readable column, of missing ones empty strings.

        Raises:
            DataError: the rows cannot be read.
        """
        names = self.readable_names
        rows = self.rows(names)
        cells = [_beginnings(row) for _, row in islice(rows, SAMPLE_ROWS)]
        cells += [_beginnings(row) for _, row in islice(rows, 0, SAMPLE_END, SAMPLE_STEP)]
        self.losses.clear()  # they count when the rows are read
        columns = zip(*cells, strict=True) if cells else ([] for _ in names)
        return {name: list(column) for name, column in zip(names, columns, strict=True)}

    def estimate_rows(self, rows: int, end: int) -> int:
        """Return about how many rows there are, of which so many ``end`` at a line."""
        del end
        return rows

    def gap(self) -> int:
        """Return how many rows are left out before the next of the ``share``, drawn at random.

        Such gaps have a geometric distribution; to draw for each row takes longer.
        """
        if self.share >= 1:
            return 0
        if self.share <= 0:
            return sys.maxsize
        return int(math.log(1 - self._rng.random()) / math.log1p(-self.share))

    def drawn(self, rows: Iterable[_RowT]) -> Iterator[_RowT]:
        """Yield the rows that are not left out."""
        rows = iter(rows)
        while (row := next(islice(rows, self.gap(), None), None)) is not None:
            yield row

    def require_few_columns(self, number: int) -> None:
        """Check that this can be a table.

        Raises:
            DataError: a row has too many cells.
        """
        if number > MAX_COLUMNS:
            raise self.error(
                1,
                f"{plural(number, 'column')}, but at most {MAX_COLUMNS:,} can be read",
                "is it such a table? Keep the columns that are needed, or name the file .txt",
            )

    def error(self, number: int, what: str, hint: str) -> DataError:
        """Return an error that points to a row."""
        return DataError(f"{self.where}, {self.unit} {number:,}: {what}", hint)


def _beginnings(row: tuple[object, ...]) -> list[str]:
    """Return cells as strings, and of long ones as much as tells what they are."""
    texts = (c.decode(errors="replace") if isinstance(c, bytes) else c for c in row)
    return ["" if text is None else str(text)[:SAMPLE_CHARACTERS] for text in texts]


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


class LineTable(Table):
    """Rows that are lines of a file, as most are."""

    def __init__(self, file: File) -> None:
        super().__init__(file.name)
        self.file = file

    def estimate_rows(self, rows: int, end: int) -> int:
        """Return about how many rows the file has, as many a line as up to the line ``end``."""
        lines = sum(chunk.count(b"\n") for chunk in read_file(self.file))
        return max(rows, round(rows * lines / end))

    def lines(self, losses: Losses) -> LineSource:
        """Return the lines, decoded as UTF-8; what that changes is counted in ``losses``."""
        decoder = partial(decode, losses=losses)
        lines = _Lines(self.file)
        return LineSource(lines, self.file.name, decoder, self.gap, lines.skip)


class _Lines(Iterable[bytes]):
    """The lines of a file, of which many can be skipped at a time."""

    def __init__(self, file: File) -> None:
        self._lists = line_lists(read_file(file), file.name)
        self._lines: list[bytes] = []  # in memory
        self._place = 0  # among them, of the next
        self._has_marks: bool | None = None  # in some of them, if that is known

    def __iter__(self) -> Iterator[bytes]:
        for lines in self._lists:
            self._lines, self._place, self._has_marks = lines, 0, None
            while self._place < len(self._lines):
                self._place += 1
                yield self._lines[self._place - 1]

    def skip(self, number: int) -> int:
        """Skip some of so many lines, none that may hold a quotation mark; return how many."""
        if self._has_marks is None:
            self._has_marks = b'"' in b"\n".join(self._lines)
        skipped = 0 if self._has_marks else min(number, len(self._lines) - self._place)
        self._place += skipped
        return skipped
