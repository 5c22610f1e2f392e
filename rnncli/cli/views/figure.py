"""A figure: a picture with its title, what to look for in it, and where its kind comes from.

Every result that is more than a line is a list of figures. Each kind of picture has one drawer for
terminals, one for SVG and one for HTML pages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rnncli.cli.output import Fragment
from rnncli.cli.views import curves, heatmap, highlight
from rnncli.cli.views.curves import Curves
from rnncli.cli.views.heatmap import Heatmap
from rnncli.cli.views.highlight import Highlight
from rnncli.cli.views.screen import Screen, printable_on, screen_of
from rnncli.cli.views.table import Table, draw_table

if TYPE_CHECKING:
    from rich.console import Console

Picture: TypeAlias = Heatmap | Highlight | Table | Curves


@dataclass(frozen=True)
class Figure:
    """A picture with its title."""

    title: str
    picture: Picture
    caption: str = ""  # what to look for, in a sentence
    source: str = ""  # where such pictures come from: author, year and section

    @property
    def note(self) -> str:
        """The caption, and the source in brackets."""
        return " ".join(filter(None, [self.caption, self.source and f"({self.source})"]))


def print_figures(figures: Iterable[Figure], console: "Console") -> None:
    """Print figures on a terminal, one below the other, each caption once."""
    from rich.text import Text

    screen = screen_of(console)
    notes: set[str] = set()  # explained already
    for number, figure in enumerate(figures):
        if number:
            console.print()
        console.print(Text(printable_on(console, figure.title), "bold"))
        if isinstance(figure.picture, Table):
            draw_table(figure.picture, console)
        else:
            for line in _lines(figure.picture, screen):
                parts = [(printable_on(console, text), style) for text, style in line]
                console.print(Text.assemble(*parts))
        if figure.note and figure.note not in notes:
            notes.add(figure.note)
            console.print(Text(printable_on(console, figure.note), "dim"), soft_wrap=False)


def _lines(picture: Heatmap | Highlight | Curves, screen: Screen) -> Iterable[list[Fragment]]:
    """Return the lines of a picture, and a line that explains its colours."""
    match picture:
        case Heatmap():
            return [*heatmap.lines(picture, screen), heatmap.legend(picture, screen)]
        case Highlight():
            return [
                *highlight.lines(picture, screen),
                *highlight.lines(highlight.legend(picture.scale), screen),
            ]
        case Curves():
            drawn = curves.lines(picture, screen.width, ascii_only=screen.ascii_only)
            return [[Fragment(line)] for line in drawn]
