"""What a person sees on stderr: notices, errors and progress. stdout is for results alone."""

import sys
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

from rnncli.errors import RnncliError
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

Color = Literal["auto", "always", "never"]


class Messenger:
    """Announce on stderr, and colour results on stdout, as ``--quiet`` and ``--color`` ask."""

    def __init__(self, quiet: bool = False, color: Color = "auto") -> None:
        self.quiet = quiet
        self._color = color

    def console(self, *, stderr: bool = True) -> "Console":
        """Return a rich console on stderr or stdout that keeps to the choice of colour."""
        from rich.console import Console

        return Console(
            stderr=stderr,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            force_terminal=self._color == "always" or is_terminal(stderr),
            no_color=True if self._color == "never" else None,
        )

    @cached_property
    def has_colors(self) -> bool:
        """Return whether stdout shows colours."""
        console = self.console(stderr=False)
        return console.color_system is not None and not console.no_color

    def paint(self, text: str, style: str) -> str:
        """Return a text between the codes with which stdout shows it in a style."""
        if not text or not style:
            return text
        before, behind = self._codes(style)
        return before + text + behind

    @cache  # noqa: B019 - a command has one, as long as it runs
    def _codes(self, style: str) -> tuple[str, str]:
        from rich.segment import Segment, Segments
        from rich.style import Style

        console = self.console(stderr=False)
        with console.capture() as captured:
            console.print(Segments([Segment("|", Style.parse(style))]), end="")
        before, _, behind = captured.get().partition("|")
        return before, behind

    def announce(self, message: str) -> None:
        """Tell what was chosen or done."""
        if not self.quiet:
            print(_for_stderr(message), file=sys.stderr, flush=True)


def is_terminal(stderr: bool = True) -> bool:
    """Return whether a person looks at stderr, or at stdout."""
    stream = sys.stderr if stderr else sys.stdout
    return stream is not None and stream.isatty()


def print_error(error: RnncliError) -> None:
    """Write what is wrong, and under it what to type next."""
    print(_for_stderr(f"error: {error.message}"), file=sys.stderr)
    if error.hint:
        print(_for_stderr(f"hint: {error.hint}"), file=sys.stderr)


def _for_stderr(message: str) -> str:
    return escape_controls(message) if is_terminal() else message
