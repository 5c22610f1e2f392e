"""Texts of the held-out part, to try a model with."""

from collections.abc import Iterable
from itertools import chain, islice

SAMPLED_TEXTS = 100
MAX_EXAMPLE = 50  # characters: with the rest of a command it fits on a line
MIN_WORDS = 3  # of an example, where there is one
MAX_LINE = 80  # characters of a short line
MIN_SHORT_LINES = 0.9  # of the lines of a list, such as names or titles


def input_column(columns: Iterable[str]) -> str | None:
    """Return the column of the texts that a model reads; None where it reads numbers."""
    return next((name for name in columns if name in ("source", "text")), None)


def example(texts: Iterable[str]) -> str | None:
    """Return the first text of some words that is easily typed, else a line or the start of one."""
    sample = [text.strip() for text in islice(texts, SAMPLED_TEXTS)]
    lines = [line.strip() for text in sample for line in text.split("\n")]
    lines = lines[1:] or lines  # the first may be the rest of a cut one
    candidates = [*filter(_is_typed, sample), *filter(_is_typed, lines)]
    short = [text for text in candidates if len(text) <= MAX_EXAMPLE]
    sentences = (text for text in short if len(text.split()) >= MIN_WORDS)
    whole = next(sentences, next(iter(short), None))
    if whole is not None or not candidates:
        return whole
    return candidates[0][:MAX_EXAMPLE].rpartition(" ")[0] or candidates[0][:MAX_EXAMPLE]


def is_list(texts: Iterable[str]) -> bool:
    """Return whether the lines of texts are items of a list: short, and none of them blank."""
    lines = list(chain.from_iterable(t.strip("\n").split("\n") for t in _sample(texts)))
    short = sum(0 < len(line.strip()) <= MAX_LINE for line in lines)
    return short >= MIN_SHORT_LINES * len(lines) and all(map(str.strip, lines))


def _sample(texts: Iterable[str]) -> Iterable[str]:
    return (text[: MAX_LINE * SAMPLED_TEXTS] for text in islice(texts, SAMPLED_TEXTS))


def _is_typed(line: str) -> bool:
    """Return whether a line can stand in a command: printable, and no option."""
    return line.isprintable() and any(map(str.isalpha, line)) and not line.startswith("-")
