"""Commands for hints that convert a file, or what comes through a pipe."""

import shlex
from pathlib import PurePath

from rnncli.text.files import STDIN

_PIPED = "from-pipe"  # a file for what came through a pipe


def command_argument(where: str) -> str:
    """Return what names a file, or stdin, in a command."""
    return "-" if where == STDIN else shlex.quote(where)


def prefixed(prefix: str, where: str) -> str:
    """Return the name of a converted copy of a file."""
    return prefix + PurePath(where).name.removesuffix(".gz")


def filter_hint(what: str, command: str, where: str, copy: str) -> str:
    """Return a hint with a command that reads stdin: for a copy of a file, or in a pipe.

    After the second the command line completes what was typed.
    """
    if where == STDIN:
        return f"{what}, in the pipe: {command} |"
    name, copy = shlex.quote(where), shlex.quote(copy)
    if where.endswith(".gz"):
        return f"{what}: gzip -dc {name} | {command} > {copy}"
    return f"{what}: {command} < {name} > {copy}"


def file_hint(what: str, command: str, where: str) -> str:
    """Return a hint with a command in which FILE stands for a file, as for what was piped."""
    if where == STDIN:
        what, where = f"{what}, in place of rnncli", _PIPED
        command = f"cat > {_PIPED} && {command}"
    return f"{what}: {command.replace('FILE', shlex.quote(where))}"
