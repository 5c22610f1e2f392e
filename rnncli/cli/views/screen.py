"""What a terminal can show."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

# Of the signs that stand for white space, and of dots, where a terminal knows ASCII alone.
ASCII_SIGNS = str.maketrans("\u2423\u23ce\u21e5\u240d\u00b7\u2026", "_$><.~")


@dataclass(frozen=True)
class Screen:
    """The size of a terminal and its means, from which pictures choose theirs."""

    width: int = 80
    has_colors: bool = False  # 256 or more: fewer cannot show shades
    ascii_only: bool = False


def printable_on(console: "Console", text: str) -> str:
    """Return a text with visible symbols for control characters, as a console can show them."""
    text = escape_controls(text)
    return text.translate(ASCII_SIGNS) if console.options.ascii_only else text


def screen_of(console: "Console") -> Screen:
    """Return what the terminal, file or pipe of a console can show."""
    has_colors = console.color_system in ("256", "truecolor") and not console.no_color
    return Screen(console.options.max_width, has_colors, console.options.ascii_only)
