"""Hints that name an option, completed to the command that was typed with that option changed."""

import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from rnncli.text.pipes import without_pipes

_LEAVE_OUT = re.compile(r"leave (-[\w-]+) out")
_OPTIONS = re.compile(r"(.*: )?(--?[a-z].*)")
STDIN_OPTIONS = ("-i", "--input")  # of which the value - is stdin
# Options with which a command needs less memory, and the values that are proposed.
LESS_MEMORY = {"--batch-size": 1, "--max-rows": 10_000}


def as_typed(hint: str) -> str:
    """Return a hint whose lines end in commands: ``--beam 3`` becomes ``rnncli ... --beam 3``.

    ``leave --beam out`` is followed by the command without it, and a pipe that ends in ``|`` by the
    command as it was. Other lines stay as they are, but for pipes without a name.
    """
    parameters = _parameters()
    if parameters is not None:
        typed = typed_words()
        hint = "\n".join(_completed(line, typed, parameters) for line in hint.split("\n"))
    return without_pipes(hint)


def typed_words() -> list[str]:
    """Return the words of the command that was typed.

    What came through a pipe without a name is read from stdin, or is a file of the same content
    where an option does not read stdin.
    """
    options = [each for each in _parameters() or () if each.param_type_name == "option"]
    with_value = {name for each in options if not each.is_flag for name in each.opts}
    words: list[str] = []
    for before, word in pairwise(["", *sys.argv[1:]]):
        option = before if before in with_value else word.partition("=")[0]
        reads_stdin = option == word or option in STDIN_OPTIONS
        words.append(without_pipes(word, "-" if reads_stdin else "FILE"))
    return words


def retyped(*words: str) -> str:
    """Return the command that was typed, followed by some words."""
    return shlex.join(["rnncli", *typed_words(), *words])


def retyped_without(omitted: str) -> str:
    """Return the command that was typed, without a word of it."""
    return shlex.join(["rnncli", *(word for word in typed_words() if word != omitted)])


def with_less_memory() -> str:
    """Return a hint for a command that ran out of memory: an option with which it needs less."""
    options = [option for parameter in _parameters() or () for option in parameter.opts]
    for option, number in LESS_MEMORY.items():
        value = _typed_value(option)
        if option in options and not (value.isdecimal() and int(value) <= number):
            return f"{option} {number}"
    return "close other programs; how much memory there is: free -m"


def _typed_value(option: str) -> str:
    """Return the value of an option that was typed; nothing where it was not."""
    words = [part for word in sys.argv for part in word.split("=", 1)]
    return words[words.index(option) + 1] if option in words[:-1] else ""


def _parameters() -> list[Any] | None:
    """Return the parameters of the command that was typed; None where it was none."""
    from rnncli.cli import COMMANDS, SUBCOMMANDS, load_command  # which imports this room

    name = SUBCOMMANDS.get(tuple(sys.argv[1:3]), "".join(sys.argv[1:2]))
    is_command = name in COMMANDS or name in SUBCOMMANDS.values()
    return load_command(name).params if is_command else None


def _completed(line: str, typed: Sequence[str], parameters: Iterable[Any]) -> str:
    if match := _LEAVE_OUT.fullmatch(line):
        return f"{line}: {shlex.join(['rnncli', *_without(match[1], typed, parameters)])}"
    if line.endswith(" |"):
        return f"{line} {shlex.join(['rnncli', *typed])}"
    match = _OPTIONS.fullmatch(line)
    if match is None:
        return line
    words = shlex.split(match[2])
    for word in words:
        if word.startswith("-"):
            typed = _without(word, typed, parameters)
    return f"{match[1] or ''}{shlex.join(['rnncli', *typed, *words])}"


def _without(option: str, typed: Sequence[str], parameters: Iterable[Any]) -> list[str]:
    """Return the words of a command without an option, whatever its form, and its value."""
    parameter = next((p for p in parameters if option in (*p.opts, *p.secondary_opts)), None)
    forms = [option] if parameter is None else [*parameter.opts, *parameter.secondary_opts]
    has_value = parameter is not None and not parameter.is_flag
    words: list[str] = []
    rest = iter(typed)
    for word in rest:
        name, is_joined, _ = word.partition("=")
        if name not in forms:
            words.append(word)
        elif has_value and not is_joined:
            next(rest, None)
    return words
