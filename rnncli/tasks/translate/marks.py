"""Take tags, entities and emoji off a text, and put them into its translation by attention.

None is a word of the sentence: it is translated without them, and each is put beside the word that
is aligned with the one beside which it stood (as in Müller 2017, "Treatment of markup in
statistical machine translation", section 3.2).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate

from rnncli.analysis.alignment import Alignment
from rnncli.text.placeholders import TAG
from rnncli.text.sentences import clean
from rnncli.text.unicode import word_spans

PLACE = "\ue000"  # stands for a mark in a text; of private use, which texts hardly have
_EMOJI = "\u2600-\u27bf\u2b50\ufe0f\u200d\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f"
MARKS = rf"{TAG}|<!--.*?-->|&(?:\w+|#\d+);|[{_EMOJI}]+|(?<!\w)[:;]-?[)(DP](?!\w)|{PLACE}"
_MARKS = re.compile(MARKS)
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/<>]*)[^<>]*?(/?)>")


@dataclass(frozen=True)
class Mark:
    """A mark that stands before the first or after the last of some words of a text."""

    text: str  # with the space between it and the word
    is_before: bool
    first_word: int
    last_word: int


def without_marks(text: str) -> str:
    """Return a text without tags, entities and emoji."""
    return _MARKS.sub("", text).strip()


def take_off(text: str, marks: Sequence[str]) -> tuple[str, tuple[Mark, ...]]:
    """Return a text without the marks, whose places in it are ``PLACE``, and where they stood."""
    plain, placed, start = "", list[Mark](), 0
    last_word = len(word_spans(text.replace(PLACE, " "))) - 1
    for mark, place in zip(marks, re.finditer(PLACE, text), strict=True):
        plain += text[start : place.start()]
        start = place.end()
        left = text[: place.start()].rstrip(PLACE)[-1:]
        right = text[start:].lstrip(PLACE)[:1]
        word = len(word_spans(plain))
        if not word or (left.isspace() and right.isalnum()):
            placed.append(Mark(mark + " " * right.isspace(), True, word, word or last_word))
        else:
            first_word = 0 if word > last_word else word - 1
            placed.append(Mark(" " * left.isspace() + mark, False, first_word, word - 1))
        if right and not right.isalnum() and not right.isspace():
            plain = plain.rstrip()  # none before a punctuation mark
        elif right.isalnum() and not _TAG.fullmatch(mark):
            plain += " "  # it stands between two words
    return clean(plain + text[start:]), tuple(_with_ranges(placed))


def _with_ranges(marks: Sequence[Mark]) -> list[Mark]:
    """Return marks, tags and those that close them with the words between them."""
    ranged, opened = list(marks), list[tuple[str, int]]()
    for i, mark in enumerate(marks):
        tag = _TAG.fullmatch(mark.text.strip())
        if tag is None or tag[3]:
            continue
        if not tag[1]:
            opened.append((tag[2], i))
        elif any(name == tag[2] for name, _ in opened):
            while (last := opened.pop())[0] != tag[2]:
                pass
            first_word, last_word = marks[last[1]].first_word, mark.last_word
            if first_word <= last_word:
                for j in (i, last[1]):
                    ranged[j] = replace(marks[j], first_word=first_word, last_word=last_word)
    return ranged


def put_back(
    marks: Sequence[Mark], source: str, translation: str, align: Callable[[str, str], Alignment]
) -> str:
    """Return a translation of a source with its marks, in their order."""
    spans = word_spans(source)
    offsets, offset = [], 0
    align = cache(align)
    for mark in marks:
        offset = max(offset, _offset(mark, source, translation, spans, align))
        offsets.append(offset)
    pieces, start = [], 0
    for mark, offset in zip(marks, offsets, strict=True):
        pieces += [translation[start:offset], mark.text]
        start = offset
    return "".join([*pieces, translation[start:]])


def _offset(
    mark: Mark,
    source: str,
    translation: str,
    words: Sequence[tuple[int, int]],
    align: Callable[[str, str], Alignment],
) -> int:
    """Return the place of a mark in a translation of a source with these words."""
    is_around_all = mark.first_word == 0 and mark.last_word >= len(words) - 1
    alignment = None if is_around_all else align(source, translation)
    if not alignment:
        return 0 if mark.is_before and mark.first_word == 0 else len(translation)
    # Its words may be tokens: they are counted by their characters.
    ends = list(accumulate(map(len, alignment.source)))
    columns = [
        bisect_right(ends, len("".join(source[:start].split())))
        for start, _ in words[mark.first_word : mark.last_word + 1]
    ]
    targets: list[int] = alignment.weights[:, columns].argmax(0).tolist()
    end, spans = 0, []
    for word in alignment.target:
        start = translation.index(word, end)
        end = start + len(word)
        spans.append((start, end))
    return spans[min(targets)][0] if mark.is_before else spans[max(targets)][1]
