"""Lines that break between words where a terminal is too narrow for them."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from shutil import get_terminal_size

from rich.cells import cell_len

from rnncli.cli.output import Fragment, Line

TAB = 8  # columns
# Scripts without spaces, such as Chinese, break anywhere: each of their characters is a word.
_WORD = re.compile(r"[^\s\u2e80-\U0003ffff]+|\S|\s")


def wrapped(line: Line) -> Line:
    """Return a line with newlines before the words that are too long for the rest of a row."""
    if isinstance(line, bytes):
        return line
    fragments = [Fragment(line)] if isinstance(line, str) else line
    text = "".join(fragment.text for fragment in fragments)
    breaks = line_breaks(text, get_terminal_size().columns - 1)
    if not breaks:
        return line
    return list(_with_breaks(fragments, breaks))


def line_breaks(text: str, width: int) -> list[int]:
    """Return the indices of the characters with which new rows begin, of that many columns."""
    breaks = []
    column = 0
    for match in _WORD.finditer(text):
        word = match[0]
        if word == "\n":
            column = 0
            continue
        size = TAB - column % TAB if word == "\t" else cell_len(word)
        if column and column + size > width >= size and not word.isspace():
            breaks.append(match.start())
            column = 0
        column += size
    return breaks


def _with_breaks(fragments: Sequence[Fragment], breaks: Sequence[int]) -> Iterator[Fragment]:
    start = 0
    for text, style in fragments:
        end = start + len(text)
        inside = [index - start for index in breaks if start <= index < end]
        edges = [0, *inside, len(text)]
        rows = (text[left:right] for left, right in pairwise(edges))
        yield Fragment("\n".join(rows), style)
        start = end


class GrowingText:
    """Wrap a text at words while it is written to a terminal, piece by piece.

    A word that has begun in one row and is too long for it moves to the next.
    """

    def __init__(self) -> None:
        """Begin in the first column; the last one stays empty, where cursors behave differently."""
        self._width = get_terminal_size().columns - 1
        self._row = ""  # what is written of the current one

    def add(self, piece: str) -> str:
        """Return what to write for a piece of text that holds no control codes."""
        text, written = self._row + piece, len(self._row)
        codes = ""
        begin = 0
        for index in line_breaks(text, self._width):
            if index < written:
                codes += f"\x1b[{cell_len(text[index:written])}D\x1b[K"
                written = index
            codes += f"{text[written:index]}\n"
            written = begin = index
        self._row = text[max(begin, text.rfind("\n") + 1) :]
        return codes + text[written:]
