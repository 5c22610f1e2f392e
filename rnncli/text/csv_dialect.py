r"""The dialect of CSV: its delimiter, and how its quotation marks are written.

Spreadsheets write semicolons where the comma is the decimal mark, and ``sep=;`` above the header.
Some programs put a space before a quotation mark, or ``\"`` inside a quoted cell.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

DELIMITERS = ";\t|,"  # the comma last, which is also in texts and a decimal mark
_SAMPLED_ROWS = 100  # that tell the dialect

_SEP_LINE = re.compile(r"\ufeff?\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)
_SPACED_QUOTE = re.compile(r'[,;\t|] +"')
# Not at the end of a cell, where a backslash may be the last character of a text.
_ESCAPED_QUOTE = re.compile(r'\\"(?!"|\s*(?:[,;\t|]|$))', re.MULTILINE)
_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class CsvDialect:
    """How the cells of a file are delimited and quoted."""

    delimiter: str = ","
    skips_spaces: bool = False  # those before a quotation mark
    escapes_quotes: bool = False  # by a backslash

    def unescape(self, line: str) -> str:
        r"""Return a line with ``""`` for ``\"``, as the csv module reads it."""
        if not self.escapes_quotes:
            return line
        return _ESCAPE.sub(lambda match: '""' if match[1] == '"' else "\\", line)

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what is unusual about the dialect."""
        unusual = {
            "quotation marks behind a space": self.skips_spaces,
            r"quotation marks written as \"": self.escapes_quotes,
        }
        return tuple(f"format: {what}" for what, is_there in unusual.items() if is_there)


def sep_line_delimiter(line: str) -> str | None:
    """Return the delimiter that the first line of a spreadsheet names, if it does."""
    match = _SEP_LINE.fullmatch(line)
    return match[1] if match else None


def sniff_delimiter(header: str, column: str | None = None) -> str:
    """Return the delimiter in a header: the one that cuts out ``column``, else the most frequent.

    The order of `DELIMITERS` decides between equally frequent ones.
    """
    if column is not None:
        for mark in DELIMITERS:
            if column in (cell.strip(' "') for cell in header.split(mark)) and mark in header:
                return mark
    return max(DELIMITERS, key=header.count) if any(mark in header for mark in DELIMITERS) else ","


def sniff_dialect(lines: Sequence[str]) -> CsvDialect:
    """Return the dialect of a file by its first lines.

    The delimiter is the one that cuts all rows into equally many cells, where there is one.
    """
    text = "\n".join(lines)
    dialect = CsvDialect(
        skips_spaces=len(_SPACED_QUOTE.findall(text)) * 2 >= len(lines) > 0,
        escapes_quotes=_ESCAPED_QUOTE.search(text) is not None,
    )
    if lines and (delimiter := sep_line_delimiter(lines[0])):
        return replace(dialect, delimiter=delimiter)
    filled = [dialect.unescape(line) for line in lines if line.strip()]
    widths = {mark: _width(filled, mark, dialect.skips_spaces) for mark in DELIMITERS}
    best = max(DELIMITERS, key=lambda mark: widths[mark])
    if widths[best] < 2:
        best = sniff_delimiter(filled[0]) if filled else ","
    return replace(dialect, delimiter=best)


def _width(lines: Sequence[str], delimiter: str, skips_spaces: bool) -> int:
    """Return how many cells all rows have; 0 where they differ."""
    reader = csv.reader(
        (line + "\n" for line in lines), delimiter=delimiter, skipinitialspace=skips_spaces
    )
    try:
        rows = list(islice(reader, _SAMPLED_ROWS))
    except csv.Error:
        return 0
    # The last row may be cut where the sample ends.
    widths = {len(row) for row in (rows[:-1] if len(rows) > 2 else rows)}
    return widths.pop() if len(widths) == 1 else 0
