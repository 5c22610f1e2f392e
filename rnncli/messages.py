"""Put counts, names and errors into the words of a message."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeAlias

Announce: TypeAlias = Callable[[str], None]  # shows a person a message


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 line, 2 lines."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(names: Sequence[str], limit: int = 20) -> str:
    """Return the first ``limit`` names in a row, and of long ones the beginnings."""
    shown = [name if len(name) <= 60 else f"{name[:60]}..." for name in names[:limit]]
    return ", ".join(shown) + (", ..." if len(names) > limit else "")


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Return a question after the candidates that look like ``word``, if there are any."""
    likely = [each for each in candidates if len(each) <= 3 * len(word)]  # else it takes long
    matches = get_close_matches(word, likely, n=3)
    return f"did you mean {' or '.join(matches)}?" if matches else None


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, or the name of its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
