"""What a terminal can show."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Screen:
    """The size of a terminal and its means, from which pictures choose theirs."""

    width: int = 80
    has_colors: bool = False  # 256 or more: fewer cannot show shades
    ascii_only: bool = False


def screen_of(console: "Console") -> Screen:
    """Return what the terminal, file or pipe of a console can show."""
    has_colors = console.color_system in ("256", "truecolor") and not console.no_color
    return Screen(console.options.max_width, has_colors, console.options.ascii_only)
