"""Break the lines of a translation as those of its source are broken."""

import re
from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

from rnncli.text.placeholders import TAG

_TAG = re.compile(TAG)
# A line may begin with a word outside tags, but with no sign that could be the mark of a list. In
# Japanese it begins with a phrase: with kanji or katakana after hiragana, or after a comma.
_PIECE = re.compile(
    r"(?<=\s)(?![^<>]*>)(?=[<*_\[`\"'(«“¿¡]*[^\W\d_])"
    r"|(?<=[\u3041-\u3096、。！？」』…])(?=[\u4e00-\u9fff\u30a1-\u30fa「『（])"
)
_WIDE = re.compile(r"(?=[\u3041-\u30fa\u4e00-\u9fff])(?![ぁぃぅぇぉっゃゅょァィゥェォッャュョ])")


def break_lines(text: str, width: int, *, is_balanced: bool = False) -> list[str]:
    """Return a text in lines of at most ``width`` columns, which join to it.

    With ``is_balanced``, the lines have similar lengths.
    """
    pieces = [(piece, columns_of(piece)) for piece in _pieces(text, width)]
    lines = _fill(pieces, width)
    if not is_balanced or len(lines) < 2:
        return lines
    narrower = (_fill(pieces, columns) for columns in range(width // 2, width))
    return next((other for other in narrower if len(other) == len(lines)), lines)


def columns_of(text: str) -> int:
    """Return the columns of a text without its tags; a wide character has two."""
    return sum(1 + (east_asian_width(c) in "WF") for c in _TAG.sub("", text))


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield what stands on one line; of what is too long for it, wide characters."""
    for piece in _PIECE.split(text):
        yield from _WIDE.split(piece) if columns_of(piece) > width else [piece]


def _fill(pieces: Sequence[tuple[str, int]], width: int) -> list[str]:
    """Put pieces, each with its columns, on as few lines as possible."""
    lines, line, used = list[str](), "", 0
    for piece, columns in pieces:
        space = len(piece) - len(piece.rstrip())
        if line.strip() and used + columns - space > width:
            lines.append(line)
            line, used = "", 0
        line += piece
        used += columns
    return [*lines, line]
