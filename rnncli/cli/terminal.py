"""The terminal of a person, whatever stdin and stdout are: keys from it, pages on it."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from rnncli.cli.console import Messenger
from rnncli.cli.keyboard import Keyboard, raw_keys
from rnncli.errors import ConfigError

if TYPE_CHECKING:
    from rich.text import Text

DEVICE = "/dev/tty"
# Another screen, without a cursor, and back to the first one.
BEGIN, END = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, END_OF_LINE, REST = "\x1b[H", "\x1b[K", "\x1b[J"


class Terminal:
    """Show pages, and read keys."""

    def __init__(self, device: TextIO, keyboard: Keyboard, messenger: Messenger) -> None:
        self.key = keyboard.key
        self._device = device
        self._messenger = messenger

    @property
    def size(self) -> tuple[int, int]:
        """The numbers of columns and of lines."""
        columns, lines = os.get_terminal_size(self._device.fileno())
        return max(columns, 20), max(lines, 8)  # some tell zeros

    def draw(self, lines: Sequence["Text"]) -> None:
        """Replace the page."""
        from rich.console import Console

        width, height = self.size
        console = Console(
            file=self._device,
            force_terminal=True,
            no_color=True if not self._messenger.allows_color else None,
            width=width,
            height=height,
            highlight=False,
            markup=False,
            emoji=False,
        )
        with console.capture() as captured:
            console.print(*lines, sep="\n", no_wrap=True, overflow="crop")
        page = captured.get().removesuffix("\n")  # else the first line would leave the screen
        self._device.write(HOME + page.replace("\n", f"{END_OF_LINE}\r\n") + REST)
        self._device.flush()


def has_terminal() -> bool:
    """Return whether the command runs in a terminal."""
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open(DEVICE, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def require_terminal() -> None:
    """Check that there is a terminal, before any data is read.

    Raises:
        ConfigError: there is none.

    """
    if not has_terminal():
        raise ConfigError("questions need a terminal, and there is none", "--suggest 20")


@contextmanager
def open_terminal(messenger: Messenger) -> Iterator[Terminal]:
    """Open the terminal that the command runs in, on a screen of its own."""
    descriptor = os.open(DEVICE, os.O_RDWR | os.O_NOCTTY)
    with (
        open(descriptor, "w", encoding="utf-8", errors="replace") as device,  # noqa: PTH123
        raw_keys(descriptor) as read,
    ):
        device.write(BEGIN)
        try:
            yield Terminal(device, Keyboard(descriptor, read), messenger)
        finally:
            with suppress(OSError):  # the terminal has gone
                device.write(END)
                device.flush()
