"""Pipes without a name, which a shell makes of ``<(command)``: only this process can read them."""

import re
from pathlib import Path

from rnncli.text.files import STDIN

_ANONYMOUS = re.compile(r"(?<![\w.])/(?:dev/fd/\d+|dev/stdin|proc/self/fd/\d+)(?![\w./])")


def is_anonymous(name: str) -> bool:
    """Return whether a name stands for something only while this process runs."""
    return _ANONYMOUS.fullmatch(name) is not None


def name_in_messages(path: Path | None) -> str:
    """Return the name of a file; of a pipe without a name, and where there is no file, stdin's."""
    return STDIN if path is None or is_anonymous(str(path)) else str(path)


def without_pipes(command: str, name: str = "FILE") -> str:
    """Return a command, or a word of one, with another name in place of pipes without one."""
    return _ANONYMOUS.sub(name, command)
