"""Wrong usage, explained as other errors are: what is wrong, and the command to type instead."""

import shlex
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import typer

from rnncli.cli.hints import typed_words
from rnncli.errors import ConfigError
from rnncli.messages import name_list, nearest

# The class of all errors of usage: of click or, since it is part of typer, of typer.
USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__base__)


def usage_error(error: Any) -> ConfigError:
    """Return the explanation of an error of usage."""
    command = [word for word in sys.argv[1:2] if not word.startswith("-")]
    help_page = shlex.join(["rnncli", *command, "--help"])
    if isinstance(error, typer.BadParameter) and error.param is not None:
        return _wrong_value(error.message, error.param, help_page)
    if not hasattr(error, "option_name"):
        message = error.format_message()
        return ConfigError(f"{message[:1].lower()}{message[1:].rstrip('.')}", help_page)
    name = str(error.option_name)
    if hasattr(error, "possibilities"):
        # Without their dashes, which make any two look alike.
        names = [option.lstrip("-") for option in error.possibilities or []]
        match = next(iter(get_close_matches(name.lstrip("-"), names)), None)
        similar = match and f"--{match}"
        return ConfigError(f"there is no option {name}", _retyped(name, similar) or help_page)
    if "not take a value" in error.message:
        return ConfigError(f"{name} takes no value", name)
    return ConfigError(f"{name} needs a value", help_page)


def unknown_command(name: str, commands: list[str]) -> ConfigError:
    """Return the error of a first word that is no command."""
    if Path(name).exists():
        hint = shlex.join(["rnncli", "train", *typed_words()])
        return ConfigError(f"{name} is a file, not a command", hint)
    similar = next(iter(get_close_matches(name, commands)), None)
    return ConfigError(f"there is no command {name!r}", _retyped(name, similar) or "rnncli --help")


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


def _retyped(wrong: str, right: str | None) -> str | None:
    """Return the command that was typed with one word of it replaced."""
    if right is None:
        return None
    words = [
        right + word[len(wrong) :] if word == wrong or word.startswith(f"{wrong}=") else word
        for word in typed_words()
    ]
    return shlex.join(["rnncli", *words])
