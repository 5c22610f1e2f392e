"""Keys of a terminal, without waiting for Enter, and without showing them."""

import os
import re
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# Names of keys that are no characters, by what terminals send.
NAMES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[C": "right",
    b"\x1bOC": "right",
    b"\x1b[D": "left",
    b"\x1bOD": "left",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b"\x1b": "escape",
    b"\x04": "end",  # Ctrl-D
}
END = "end"
_KEY = re.compile(rb"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])?|[\xc2-\xf4][\x80-\xbf]+|.", re.DOTALL)


@contextmanager
def raw_keys(descriptor: int) -> Iterator[Callable[[], bytes]]:
    """Yield a function that reads what keys send, at once; afterwards lines are read again."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield lambda: os.read(descriptor, 64)
    finally:
        with suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class Keyboard:
    """Return one key at a time, also where several were sent at once."""

    def __init__(self, descriptor: int, read: Callable[[], bytes]) -> None:
        self._descriptor = descriptor
        self._read = read
        self._keys: list[str] = []

    def key(self, timeout: float | None = None) -> str | None:
        """Return the next key, a character or a name of `NAMES`.

        None if ``timeout`` is given and no key was pressed for so many seconds.
        """
        if not self._keys:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                return None
            sent = self._read()
            self._keys = [_name(key) for key in _KEY.findall(sent)] or [END]
        return self._keys.pop(0)


def _name(key: bytes) -> str:
    return NAMES.get(key) or key.decode("utf-8", "replace")
