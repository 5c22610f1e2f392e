"""What a person is told while a command runs: notices, stages, and the words of both."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, TypeAlias

from rnncli.errors import ConfigError

Announce: TypeAlias = Callable[[str], None]  # shows a person a message
Rename: TypeAlias = Callable[[str], None]  # gives the running stage another name
# Shows the name of a stage as long as it runs.
StageView: TypeAlias = Callable[[str], AbstractContextManager[Rename]]


def _unseen(name: str) -> AbstractContextManager[Rename]:
    del name
    return nullcontext(lambda _: None)


_stage_view: ContextVar[StageView] = ContextVar("stage view", default=_unseen)


@contextmanager
def stage(name: str) -> Iterator[Rename]:
    """Run a stage of the work that may take seconds, such that whoever watches sees its name.

    It is used in a ``with``, whose value renames it as it goes on, or as a decorator of the
    function that is the stage.
    """
    with _stage_view.get()(name) as rename:
        yield rename


@contextmanager
def show_stages(view: StageView) -> Iterator[None]:
    """Show the stages that begin within a ``with``."""
    token = _stage_view.set(view)
    try:
        yield
    finally:
        _stage_view.reset(token)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: 1 line, 2 lines."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def name_list(names: Sequence[str], limit: int = 20) -> str:
    """Return the first ``limit`` names in a row, and of long ones the beginnings."""
    return ", ".join(map(short_name, names[:limit])) + (", ..." if len(names) > limit else "")


def short_name(name: str) -> str:
    """Return a name on one line, and of a long one the beginning."""
    name = " ".join(name.split())
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..."


MAX_NAME = 60  # characters of the name of a column or a label in a message
_NUMBER = r"(\d+(?:\.\d+)?)\s*"
_DURATION = re.compile(
    rf"(?:{_NUMBER}h(?:ours?)?\s*)?(?:{_NUMBER}m(?:in(?:utes?)?)?\s*)?"
    rf"(?:{_NUMBER}(?:s(?:ec(?:onds?)?)?)?)?"
)


def parse_duration(duration: str | float, option: str = "--max-time") -> float:
    """Return the seconds in ``90``, ``90s``, ``2m``, ``5 min``, ``1h30m``, or in a number of them.

    ``option`` is where it was typed, for the hint.

    Raises:
        ConfigError: it is no duration above zero.

    """
    text = duration if isinstance(duration, str) else f"{duration:f}"
    match = _DURATION.fullmatch(text.strip().lower())
    hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total < math.inf:
        raise ConfigError(
            f"{text!r} is not a duration", f"write it like 90s, 2m or 1h30m: {option} 2m"
        )
    return total


def format_duration(seconds: float) -> str:
    """Return ``48s``, ``2m 05s`` or ``1h 30m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def format_gain(gain: float) -> str:
    """Return ``about +1.2 points of accuracy`` for 0.012."""
    return f"about {100 * gain:+.1f} points of accuracy"


def did_you_mean(word: str, candidates: Iterable[str], prefix: str = "") -> str | None:
    """Return a question after the candidates that look like ``word``, if there are any.

    A ``prefix`` that all have, such as a folder, makes none look like another.
    """
    matches = _close_matches(
        word.removeprefix(prefix), [name.removeprefix(prefix) for name in candidates]
    )
    names = [prefix + match for match in matches]
    return f"did you mean {' or '.join(names)}?" if names else None


def nearest(word: str, names: Sequence[str]) -> str | None:
    """Return the name that looks most like ``word``, else the first; None where there is none."""
    return next(iter(_close_matches(word, names) or names), None)


def _close_matches(word: str, names: Iterable[str]) -> list[str]:
    likely = [name for name in names if len(name) <= 3 * len(word)]  # else it takes long
    return get_close_matches(word, likely, n=3)


def require_names(names: Iterable[str], config: type[Any]) -> None:
    """Check that names are fields of a dataclass of settings.

    Raises:
        ConfigError: there is no such setting.

    """
    known_names = [field.name for field in fields(config)]
    for name in names:
        if name not in known_names:
            raise ConfigError(
                f"there is no setting {name!r}",
                did_you_mean(name, known_names) or f"choose from {', '.join(known_names)}",
            )


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, or the name of its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
