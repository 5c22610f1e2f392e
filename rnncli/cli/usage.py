"""Wrong usage, explained as other errors are: what is wrong, and the command to type instead."""

import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import typer

from rnncli.cli.hints import typed_words
from rnncli.errors import ConfigError
from rnncli.messages import name_list, nearest

_SURPLUS = re.compile(r"unexpected extra argument\S* \((.*)\)")
# The class of all errors of usage: of click or, since it is part of typer, of typer.
USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__base__)


def usage_error(error: Any) -> ConfigError:
    """Return the explanation of an error of usage."""
    from rnncli.cli import SUBCOMMANDS  # which imports this room

    command = sys.argv[1 : 3 if tuple(sys.argv[1:3]) in SUBCOMMANDS else 2]
    command = [word for word in command if not word.startswith("-")]
    help_page = shlex.join(["rnncli", *command, "--help"])
    parameters = [] if error.ctx is None else error.ctx.command.params
    arguments = [str(each.metavar) for each in parameters if each.param_type_name == "argument"]
    usage = " ".join(["rnncli", *command, *arguments])
    if hasattr(error, "param_type"):  # a parameter without a value
        return ConfigError(f"{error.param.metavar} is missing in {usage}", help_page)
    if isinstance(error, typer.BadParameter) and error.param is not None:
        return _wrong_value(error.message, error.param, help_page)
    if not hasattr(error, "option_name"):
        message = error.format_message()
        if match := _SURPLUS.search(message):
            return ConfigError(f"too many arguments for {usage}: {match[1]}", help_page)
        return ConfigError(f"{message[:1].lower()}{message[1:].rstrip('.')}", help_page)
    name = str(error.option_name)
    if hasattr(error, "possibilities"):
        instead = _instead(name, error.possibilities or [], arguments)
        return ConfigError(f"there is no option {name}", instead or help_page)
    if "not take a value" in error.message:
        return ConfigError(f"{name} takes no value", name)
    return ConfigError(f"{name} needs a value", help_page)


def unknown_command(
    name: str, commands: list[str], subcommands: Iterable[tuple[str, ...]]
) -> ConfigError:
    """Return the error of a first word that is no command."""
    if Path(name).exists():
        hint = shlex.join(["rnncli", "train", *typed_words()])
        return ConfigError(f"{name} is a file, not a command", hint)
    below = {words[-1]: words for words in subcommands}
    similar = next(iter(get_close_matches(name, [*commands, *below])), None)
    hint = _retyped(name, *below.get(similar, (similar,))) if similar else "rnncli --help"
    return ConfigError(f"there is no command {name!r}", hint)


def _instead(name: str, possible: Iterable[str], arguments: Sequence[str]) -> str | None:
    """Return the command that was typed with another option, or none, in place of an unknown one.

    What is an option of other commands may be an argument of this one.
    """
    as_argument = {"-i": "", "--input": "", "-m": "MODEL", "--model": "MODEL"}.get(name)
    if arguments and as_argument is not None and as_argument in arguments[0]:
        return _retyped(name)
    # Without their dashes, which make any two look alike.
    options = [option.lstrip("-") for option in possible]
    similar = next(iter(get_close_matches(name.lstrip("-"), options)), None)
    return _retyped(name, f"--{similar}") if similar else None


def _wrong_value(message: str, parameter: Any, help_page: str) -> ConfigError:
    """Return the error of a value that an option cannot have, with one that it can."""
    name = parameter.opts[0]
    value, _, _ = message.partition(" is not ")
    kind = parameter.type
    choices = [str(getattr(each, "value", each)) for each in getattr(kind, "choices", ())]
    example = parameter.default
    if choices:
        expected = f"one of {name_list(choices)}"
        example = nearest(value.strip("'"), choices)
    else:
        expected = "a whole number" if "int" in kind.name else "a number"
        low, high = getattr(kind, "min", None), getattr(kind, "max", None)
        if low is not None:
            expected += f" from {low:,} {'on' if high is None else f'to {high:,}'}"
            example = low if example is None else example
    hint = help_page if example is None else f"{name} {example}"
    return ConfigError(f"{name} is {value}, and not {expected}", hint)


def _retyped(wrong: str, *right: str) -> str:
    """Return the command that was typed with one word of it replaced, or left out."""
    words: list[str] = []
    for word in typed_words():
        if word == wrong:
            words += right
        elif word.startswith(f"{wrong}="):
            words.append("=".join([*right, word[len(wrong) + 1 :]]))
        else:
            words.append(word)
    return shlex.join(["rnncli", *words])
