"""Notices and errors on stderr, and the colours of results on stdout."""

import os
import re
import sys
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal, TextIO

from rnncli.errors import RnncliError
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.console import Console

COMMANDS = ("hint: ", "next: ", "rnncli ", "or")  # beginnings of lines with a command to copy
_QUOTED = re.compile(r"""(?<!\S)('[^']*'|"[^"]*")(?!\S)""")
_PERCENTAGE = re.compile(r"\d %")
Color = Literal["auto", "always", "never"]


class Messenger:
    """Announce on stderr, and colour results on stdout, as ``--quiet`` and ``--color`` ask."""

    def __init__(self, quiet: bool = False, color: Color = "auto") -> None:
        self.quiet = quiet
        self._color = color
        if quiet or not is_terminal():
            hide_progress_bars()

    def console(self, *, stderr: bool = True) -> "Console":
        """Return a rich console on stderr or stdout that follows ``--color``."""
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

    @property
    def allows_color(self) -> bool:
        """Whether a terminal may be coloured, as far as ``--color`` says."""
        return self._color != "never"

    @cached_property
    def has_colors(self) -> bool:
        """Return whether stdout shows colours."""
        console = self.console(stderr=False)
        return console.color_system is not None and not console.no_color

    def paint(self, text: str, style: str) -> str:
        """Return a text between the terminal codes of a style."""
        if not text or not style:
            return text
        start, end = self._codes(style)
        return start + text + end

    @cache  # noqa: B019 - a command has one, as long as it runs
    def _codes(self, style: str) -> tuple[str, str]:
        from rich.segment import Segment, Segments
        from rich.style import Style

        console = self.console(stderr=False)
        with console.capture() as captured:
            console.print(Segments([Segment("|", Style.parse(style))]), end="")
        start, _, end = captured.get().partition("|")
        return start, end

    def announce(self, message: str) -> None:
        """Print a message on stderr, unless ``--quiet``."""
        if not self.quiet:
            _print(message)


def is_terminal(stderr: bool = True) -> bool:
    """Return whether a person looks at stderr, or at stdout."""
    stream = sys.stderr if stderr else sys.stdout
    return stream is not None and stream.isatty()


def printable(text: str) -> str:
    """Return a text such that it steers no terminal, where stdout is one."""
    return escape_controls(text) if is_terminal(stderr=False) else text


def hide_progress_bars() -> None:
    """Keep the libraries of the hub from drawing; to be called before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


def print_error(error: RnncliError) -> None:
    """Print an error, and its hint in the next line."""
    _print(f"error: {error.message}")
    if error.hint:
        from rnncli.cli.hints import as_typed

        _print(f"hint: {as_typed(error.hint)}")


def _print(message: str) -> None:
    if is_terminal():
        width = _terminal_width()
        lines = escape_controls(message).split("\n")
        message = "\n".join(_wrapped(line, width) for line in lines)
    try:
        print(f"{message}\n", end="", file=sys.stderr, flush=True)  # an interrupt would cut it
    except OSError:  # nobody hears of it, and results go on
        discard(sys.stderr)


def _terminal_width() -> int:
    """Return the columns of the terminal of stderr; stdout may lead into a pipe."""
    from shutil import get_terminal_size

    columns = os.get_terminal_size(sys.stderr.fileno()).columns
    return get_terminal_size((columns or 80, 24)).columns


def discard(stream: TextIO) -> None:
    """Redirect a stream to nowhere, so that writing to it and closing it raise nothing."""
    with suppress(ValueError):  # no descriptor at all, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _wrapped(line: str, width: int) -> str:
    """Break a line between words, and one with a command such that it can be copied as one line."""
    if len(line) <= width:
        return line
    from textwrap import wrap

    indent = line[: len(line) - len(line.lstrip())] + "  "
    is_command = line.lstrip().startswith(COMMANDS)
    # What is quoted in a command stays together, as if its spaces were none, and so does 5 %.
    pattern = _QUOTED if is_command else _PERCENTAGE
    parts = wrap(
        pattern.sub(lambda match: match[0].replace(" ", "\0"), line),
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    parts = [part.replace("\0", " ") for part in parts]
    if not is_command:
        return "\n".join(parts)
    # A terminal goes on in the next line where one is full, and copies both as one.
    return "".join(part.ljust(-(-len(part) // width) * width) for part in parts).rstrip()
