"""Put counts, names and errors into the words of a message."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 line, 2 lines."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(names: Sequence[str]) -> str:
    """Return names in a row, the first twenty if there are more."""
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Return a question after the candidates that look like ``word``, if there are any."""
    matches = get_close_matches(word, list(candidates), n=3)
    return f"did you mean {' or '.join(matches)}?" if matches else None


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, or the name of its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
