"""Alignments as a drawing in SVG: a picture of each translation, one below the other.

As in the literature (Bahdanau, Cho and Bengio 2015, figure 3), the source is written across and the
translation down; the darker a cell, the more the word at its left attended to the word above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from rnncli.analysis.alignment import Alignment
from rnncli.cli.console import Messenger
from rnncli.cli.output import Write, open_output, require_folder
from rnncli.errors import ConfigError
from rnncli.text.unicode import escape_controls

CELL = 22  # pixels, as are all sizes here
COLUMN = 9  # of text: what a Latin letter takes, a Chinese one twice as much
GAP = 8  # between words and cells
MARGIN = 20  # around each picture
SLOPE = 0.71  # of words across, which are written upwards at 45 degrees: its sine and its cosine
LONGEST_WORD = 30  # columns that are written of it; a pointer on a cell shows all
FAINTEST = 0.01  # weight that is drawn: less could not be seen
MOST = 500  # pictures in a file: they are in memory until it is written, and a viewer would halt

# Colours for those who read black on white, and for those whose screen is dark.
STYLE = """<style>
text { font: 14px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.paper { fill: #ffffff }
.grid { fill: none; stroke: #d8dee4 }
.cells { fill: #0550ae }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.paper { fill: #0d1117 }
.grid { stroke: #30363d }
.cells { fill: #6cb6ff }
}
</style>
<rect class="paper" width="100%" height="100%"/>"""

_NO_XML = dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")


def require_place(path: Path, output: Path | None) -> None:
    """Check the name of a drawing before there is one; ``output`` is that of the translations.

    Raises:
        ConfigError: it is not that of an SVG file, or that of both.
        DataError: there is no folder for it.

    """
    if path.suffix.lower() != ".svg":
        raise ConfigError(
            f"{path} is no name of an SVG drawing", f"--attention-out {path.stem or 'FILE'}.svg"
        )
    if output is not None and output.resolve() == path.resolve():
        raise ConfigError(
            f"--output and --attention-out are both {path}", "name a file for each of them"
        )
    require_folder(path, "--attention-out")


@dataclass(frozen=True)
class Picture:
    """The elements that draw one alignment, from the origin on, and the room that they take."""

    elements: str
    width: int
    height: int


class Drawing:
    """Collect pictures, and write them to a file."""

    def __init__(self, path: Path, messenger: Messenger) -> None:
        self._path = path
        self._messenger = messenger
        self._pictures: list[Picture] = []
        self._aligned = 0

    def add(self, alignment: Alignment) -> None:
        """Draw an alignment below those before it."""
        if alignment:
            self._aligned += 1
            if len(self._pictures) < MOST:
                self._pictures.append(_picture(alignment))

    def write(self) -> None:
        """Write the file, which appears when it is complete."""
        with open_output(self._path, self._messenger) as write:
            _write(self._pictures, write)
        number = f"{len(self._pictures):,}"
        if self._aligned > MOST:
            number = f"the first {number} of {self._aligned:,}"
        self._messenger.announce(f"alignments drawn in {self._path}: {number}")


def _write(pictures: Sequence[Picture], write: Write) -> None:
    width = max((picture.width for picture in pictures), default=0)
    height = sum(picture.height for picture in pictures)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    write(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>')
    write(STYLE)
    top = 0
    for picture in pictures:
        write(f'<g transform="translate(0 {top})">\n{picture.elements}\n</g>')
        top += picture.height
    write("</svg>")
    write(None)


def _picture(alignment: Alignment) -> Picture:
    across, down = (list(map(_cut, side)) for side in (alignment.source, alignment.target))
    left = MARGIN + COLUMN * max(map(cell_len, down)) + GAP
    top = MARGIN + round(SLOPE * COLUMN * max(map(cell_len, across))) + GAP
    width, height = CELL * len(across), CELL * len(down)
    middles = [left + CELL * i + CELL // 2 for i in range(len(across))]
    ends = [x + SLOPE * COLUMN * cell_len(word) for x, word in zip(middles, across, strict=True)]
    elements = [
        *(
            f'<text transform="translate({x + 4} {top - GAP}) rotate(-45)">{_escaped(word)}</text>'
            for x, word in zip(middles, across, strict=True)
        ),
        *(
            f'<text x="{left - GAP}" y="{top + CELL * i + 16}" text-anchor="end">'
            f"{_escaped(word)}</text>"
            for i, word in enumerate(down)
        ),
        '<g class="cells">',
        *_cells(alignment, left, top),
        "</g>",
        f'<path class="grid" d="{_grid(left, top, width, height)}"/>',
    ]
    right = max(left + width, round(max(ends)))
    return Picture("\n".join(elements), right + MARGIN, top + height + MARGIN)


def _cells(alignment: Alignment, left: int, top: int) -> list[str]:
    cells = []
    for i, (target, row) in enumerate(
        zip(alignment.target, alignment.weights.tolist(), strict=True)
    ):
        for j, (source, weight) in enumerate(zip(alignment.source, row, strict=True)):
            if weight >= FAINTEST:
                cells.append(
                    f'<rect x="{left + CELL * j}" y="{top + CELL * i}" width="{CELL}" '
                    f'height="{CELL}" fill-opacity="{min(weight, 1):.2f}">'
                    f"<title>{_escaped(f'{target} ← {source} {100 * weight:.0f} %')}</title></rect>"
                )
    return cells


def _grid(left: int, top: int, width: int, height: int) -> str:
    """Return the path of the lines around all cells."""
    down = [f"M{x} {top}v{height}" for x in range(left, left + width + 1, CELL)]
    across = [f"M{left} {y}h{width}" for y in range(top, top + height + 1, CELL)]
    return "".join([*down, *across])


def _cut(word: str) -> str:
    """Return a word, or the beginning of a long one."""
    word = escape_controls(word)
    if cell_len(word) <= LONGEST_WORD:
        return word
    return set_cell_size(word, LONGEST_WORD - 1).rstrip() + "…"


def _escaped(text: str) -> str:
    return escape(escape_controls(text).translate(_NO_XML))
