"""A heatmap: the value of each row and column, as shades or colours in a terminal.

::

               Where
               │ is
               │ │ the
               │ │ │ station?
            Où ██
           est   ██
            la     ▓▓
          gare       ██
             ?       ▓▓
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rich.cells import cell_len

from rnncli.cli.output import Fragment
from rnncli.cli.views.screen import Screen
from rnncli.text.unicode import escape_controls

SHADES, ASCII_SHADES = " ░▒▓█", " .:+#"
LIMITS = (0.1, 0.3, 0.5, 0.7)  # smallest values of the shades but the first
# Of signed values, for screens without colours; in ASCII, so that the signs can be told apart.
POSITIVE_SHADES, NEGATIVE_SHADES = " .+#", " ,-="
SIGNED_LIMITS = (0.1, 0.4, 0.7)
# A colour map of dark screens, whose zero is dark on light ones, too: so a brighter cell is always
# a larger value. Readers with colour blindness tell blue from orange. They are numbers in the
# palette of 256: the nearest ones to a gradient of more colours are of several hues.
ZERO = 234
POSITIVE = (17, 18, 24, 25, 32, 39, 75, 117)
NEGATIVE = (52, 94, 130, 166, 172, 208, 214, 222)
LIST_ITEMS = 3  # columns in a line of a list: others have small shares
LIST_MARGIN = 20  # cells before the arrow of a list, unless a label is wider
SHORT_LABEL = 4  # cells of a column's label that stands above it in one line
LEGEND = (
    " ".join(
        f"{shade} {100 * limit:.0f} %" for shade, limit in zip(SHADES[1:], LIMITS, strict=True)
    )
    + " or more"
)


@dataclass(frozen=True)
class Heatmap:
    """Shares from 0 to 1, or signed values, with a label for each row and column."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]  # of each row, a value a column
    is_signed: bool = False
    maximum: float = 1.0  # absolute value of the strongest colour

    def format(self, value: float) -> str:
        """Return a value as a reader sees it."""
        return f"{value:+.2f}" if self.is_signed else f"{100 * value:.0f} %"

    def select(self, columns: slice) -> "Heatmap":
        """Return the heatmap of some columns."""
        values = [row[columns] for row in self.values]
        return replace(self, columns=self.columns[columns], values=values)


def table(heatmap: Heatmap) -> list[str]:
    """Return the lines of a table: each label of a column above a column of two cells."""
    return _texts(_block(heatmap, _margin(heatmap), 2, Screen()))


def lines(heatmap: Heatmap, screen: Screen) -> Iterator[list[Fragment]]:
    """Yield the lines of a heatmap; columns that do not fit beside the others stand below them."""
    margin = _margin(heatmap)
    widest = max(map(cell_len, map(escape_controls, heatmap.columns)), default=1)
    cell = 1 if widest == 1 else widest + 1 if widest < SHORT_LABEL else 2
    overhang = widest if widest >= SHORT_LABEL else 0
    size = max((screen.width - margin - 1 - overhang) // cell, 1)
    for start in range(0, len(heatmap.columns), size):
        if start:
            yield [Fragment("")]
        yield from _block(heatmap.select(slice(start, start + size)), margin, cell, screen)


def legend(heatmap: Heatmap, screen: Screen) -> list[Fragment]:
    """Return what the colours or shades mean."""
    signed = [-1.0, *(-limit for limit in reversed(SIGNED_LIMITS)), 0.0, *SIGNED_LIMITS, 1.0]
    parts: list[Fragment] = []
    for share in signed if heatmap.is_signed else [0.0, *LIMITS, 1.0]:
        value = share * heatmap.maximum
        label = f"{value:+.2g}" if heatmap.is_signed else heatmap.format(value)
        parts += [_cell(heatmap, value, 1, screen), Fragment(f" {label} ")]
    return parts


def ranked_list(heatmap: Heatmap) -> list[str]:
    """Return a line for each row, with the columns of its largest values: ``est ← is 62 %``."""
    labels = list(map(escape_controls, heatmap.rows))
    margin = min(max(map(cell_len, labels)), LIST_MARGIN)
    ranked_lines = []
    for label, row in zip(labels, heatmap.values, strict=True):
        ranked = sorted(zip(row, heatmap.columns, strict=True), key=lambda item: -item[0])
        items = [
            f"{escape_controls(column)} {100 * value:.0f} %"
            for value, column in ranked[:LIST_ITEMS]
            if value >= LIMITS[0]
        ]
        ranked_lines.append(f"{_right_aligned(label, margin)} ← {'  '.join(items) or '–'}")
    return ranked_lines


def color(value: float) -> str:
    """Return the colour of a value from -1 to 1."""
    colors = (ZERO, *(NEGATIVE if value < 0 else POSITIVE))
    return f"color({colors[round(min(abs(value), 1.0) * (len(colors) - 1))]})"


def _margin(heatmap: Heatmap) -> int:
    return max((cell_len(escape_controls(label)) for label in heatmap.rows), default=0)


def _block(heatmap: Heatmap, margin: int, cell: int, screen: Screen) -> Iterator[list[Fragment]]:
    """Yield the labels of the columns, and then the rows."""
    labels = list(map(escape_controls, heatmap.columns))
    if all(cell_len(label) <= max(cell - 1, 1) for label in labels) and cell != 2:
        yield [Fragment(" " * (margin + 1) + "".join(_right_aligned(x, cell) for x in labels))]
    else:
        for i, label in enumerate(labels):
            yield [Fragment(" " * (margin + 1) + "│ " * i + label)]
    for label, row in zip(heatmap.rows, heatmap.values, strict=True):
        cells = [_cell(heatmap, value, cell, screen) for value in row]
        yield [Fragment(f"{_right_aligned(escape_controls(label), margin)} "), *_joined(cells)]


def _cell(heatmap: Heatmap, value: float, width: int, screen: Screen) -> Fragment:
    """Return a cell: in colour, or in the shade of its value."""
    value /= heatmap.maximum
    if screen.has_colors:
        return Fragment(" " * width, f"on {color(value)}")
    if not heatmap.is_signed:
        shades = ASCII_SHADES if screen.ascii_only else SHADES
        return Fragment(width * shades[sum(value >= limit for limit in LIMITS)])
    shades = NEGATIVE_SHADES if value < 0 else POSITIVE_SHADES
    return Fragment(width * shades[sum(abs(value) >= limit for limit in SIGNED_LIMITS)])


def _joined(fragments: Sequence[Fragment]) -> Iterator[Fragment]:
    """Yield fragments, neighbours of one style as one."""
    for style, group in groupby(fragments, lambda fragment: fragment.style):
        yield Fragment("".join(fragment.text for fragment in group), style)


def _texts(drawn: Iterator[list[Fragment]]) -> list[str]:
    return ["".join(fragment.text for fragment in line).rstrip() for line in drawn]


def _right_aligned(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
