"""Properties of a text at each of its characters, which a hidden unit may know.

Quotations, line length and indentation are those for which Karpathy, Johnson and Li 2015 (figure 2)
found a unit of an LSTM each.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.text.unicode import word_spans

Values: TypeAlias = NDArray[np.float64]
TextProperty: TypeAlias = Callable[[str], Values]  # of a text, to its characters (T,)

TAB_WIDTH = 4  # columns of a tab in an indentation
QUOTATION_MARKS = {
    "“": "”",
    "„": "“”",
    "«": "»",
    "‹": "›",
    '"': '"',
}  # by opening ones
_MARKS_BEFORE, _MARKS_AFTER = re.compile(r"^[\W_]+"), re.compile(r"[\W_]+$")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def quote(text: str) -> Values:
    """Return 1 within a quotation, its opening mark included, else 0.

    A quotation that is not closed ends with its paragraph.
    """
    values = np.zeros(len(text))
    paragraph_ends = {match.end() - 1 for match in _BLANK_LINE.finditer(text)}
    closing = ""
    for i, character in enumerate(text):
        if i in paragraph_ends or (closing and character in closing):
            closing = ""
        elif not closing:
            closing = QUOTATION_MARKS.get(character, "")
        values[i] = bool(closing)
    return values


def line(text: str) -> Values:
    """Return how many characters of the present line are read."""
    return _since(text, "\n")


def indent(text: str) -> Values:
    """Return the width of the white space with which the present line begins, as far as read."""
    values = np.zeros(len(text))
    width, is_indented = 0, True
    for i, character in enumerate(text):
        if character == "\n":
            width, is_indented = 0, True
        elif is_indented and character.isspace():
            width += TAB_WIDTH if character == "\t" else 1
        else:
            is_indented = False
        values[i] = width
    return values


def digit(text: str) -> Values:
    """Return 1 at digits, else 0."""
    return np.array([character.isdigit() for character in text], np.float64)


def upper(text: str) -> Values:
    """Return 1 at capital letters, else 0."""
    return np.array([character.isupper() for character in text], np.float64)


def position(text: str) -> Values:
    """Return how many characters of the text are read."""
    return np.arange(1.0, len(text) + 1)


PROPERTIES: Mapping[str, TextProperty] = {
    function.__name__: function for function in (quote, line, indent, digit, upper, position)
}


def last_word_in(words: Iterable[str]) -> TextProperty:
    """Return the property that the last word that was read is one of these, whatever its case."""
    listed = {word.casefold() for word in words}

    def values_of(text: str) -> Values:
        spans = [_without_punctuation(text, *span) for span in word_spans(text)]
        spans = [(start, end) for start, end in spans if start < end]
        is_listed = [text[start:end].casefold() in listed for start, end in spans]
        ends = np.array([end - 1 for _, end in spans], np.int64)
        last = np.searchsorted(ends, np.arange(len(text)), side="right")  # words read
        values: Values = np.array([False, *is_listed])[last].astype(np.float64)
        return values

    return values_of


def at_ends(values: NDArray[Any], ends: Sequence[int]) -> Values:
    """Return the values at the last character of each token, given the tokens' ends in a text."""
    places = np.maximum(np.array(ends, np.int64) - 1, 0)
    selected: Values = values[places] if len(places) else np.zeros(0)
    return selected


def _without_punctuation(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span of a word without the marks around it."""
    word = text[start:end]
    start += len(word) - len(_MARKS_BEFORE.sub("", word))
    end -= len(word) - len(_MARKS_AFTER.sub("", word))
    return start, max(start, end)


def _since(text: str, mark: str) -> Values:
    """Return how many characters were read since a mark."""
    places = np.arange(len(text))
    is_mark = np.array([character == mark for character in text], np.bool_)
    last = np.maximum.accumulate(np.where(is_mark, places, -1)) if len(text) else places
    return (places - last).astype(np.float64)
