"""CSV and TSV: rows of cells, in most files under a header."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from itertools import islice
from typing import ClassVar

from rnncli.data.headers import is_header
from rnncli.data.tables import LineTable, TableRow
from rnncli.text.csv_dialect import sniff_dialect
from rnncli.text.files import File, Losses, decode, read_lines
from rnncli.text.tables import LineSource, Row, csv_rows, tsv_rows

SNIFFED_LINES, SNIFFED_BYTES = 200, 1 << 18  # of a file, which tell dialect and header


class _DelimitedFile(LineTable):
    """Read rows of cells; without a header the columns are called 1, 2, 3."""

    usually_has_header: ClassVar[bool]  # where the first rows do not tell

    def __init__(self, file: File, requested: Set[str]) -> None:
        """Read the header, which has the ``requested`` names in it."""
        super().__init__(file)
        rows = (row.cells for row in self._records(Counter()))
        first = next(rows, [])
        self.require_few_columns(len(first))
        self.has_header = is_header(first, rows, requested, otherwise=self.usually_has_header)
        if self.has_header:
            self.names = tuple(cell.strip() for cell in first)
        else:
            self.names = tuple(str(number) for number in range(1, len(first) + 1))
            self.notices += ("no header: the first line is data too",)

    @abstractmethod
    def read(self, source: LineSource) -> Iterator[Row]:
        """Yield the rows of a file."""

    def _records(self, losses: Losses) -> Iterator[Row]:
        return (row for row in self.read(self.lines(losses)) if row.cells)

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the cells of ``columns``.

        Raises:
            DataError: see `csv_rows` and `tsv_rows`.
        """
        places = [self.names.index(name) for name in columns]
        for row in islice(self._records(self.losses), int(self.has_header), None):
            yield row.line, tuple([row.cells[place] for place in places])


class TsvFile(_DelimitedFile):
    """Read cells between tabs; quotation marks are text."""

    usually_has_header = False  # most are pairs

    def read(self, source: LineSource) -> Iterator[Row]:
        """Yield the rows of a file."""
        return tsv_rows(source)


class CsvFile(_DelimitedFile):
    """Read comma-separated values; quoted cells may hold commas and newlines."""

    usually_has_header = True

    def __init__(self, file: File, requested: Set[str]) -> None:
        """Find out the dialect, and read the header."""
        self._dialect = sniff_dialect(first_lines(file))
        super().__init__(file, requested)
        self.notices = (*self._dialect.notices, *self.notices)

    def read(self, source: LineSource) -> Iterator[Row]:
        """Yield the rows of a file."""
        return csv_rows(source, self._dialect)


def first_lines(file: File) -> list[str]:
    """Return the beginning of a table, at least one line of it."""
    lines: list[str] = []
    size = 0
    for line in islice(read_lines(file), SNIFFED_LINES):
        lines.append(decode(line).removesuffix("\r"))
        size += len(line)
        if size > SNIFFED_BYTES:
            break
    return lines
