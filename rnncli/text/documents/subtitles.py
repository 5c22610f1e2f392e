"""Subtitles: SubRip (.srt) and WebVTT (.vtt), whose cues have a time and some lines of text.

A cue goes on after a blank line until the next time, as players read it. Its lines are one text,
but for a dialogue, where each speaker's begin with a dash.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from rnncli.text.documents.document import Line, MalformedError, Passage, split_document
from rnncli.text.documents.line_breaks import break_lines, columns_of
from rnncli.text.placeholders import TAG
from rnncli.text.unicode import has_letter

WIDTH = 42  # columns of a line, as broadcasters have it
_CLOCK = r"(?:\d+:)?\d+:\d\d[.,]\d+"
_TIME = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}")
_COMMENT = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)(?!\S)")  # of WebVTT, up to a blank line
# What stands before a text: its place on the screen, the dash of a speaker, or the name.
_BEFORE = re.compile(
    rf"\s*(?:\{{\\[^{{}}]*\}}\s*)*(?P<dash>(?:{TAG})*[-–—]\s*(?=[^\s\W]|[\"'“«¿¡<\[(]))?"
    r"(?:[A-Z][A-Z .'-]+:\s+)?"
)
_SOUND = re.compile(r"\[[^\[\]]*\]|\([^()]*\)")  # described in brackets
_REOPENED = re.compile(r"</(\w+)>\s+<\1>")  # a tag that ends in one line and begins in the next


def parse_subtitles(source: str) -> list[Passage]:
    """Return the texts of cues.

    Raises:
        MalformedError: a cue has no time.
    """
    lines = list(split_document(source))
    kinds = _kinds(lines)
    is_webvtt = source.startswith("WEBVTT")
    passages = list[Passage]()
    for kind, indices in groupby(range(len(lines)), kinds.__getitem__):
        first, *others = indices
        block = lines[first : first + 1 + len(others)]
        is_apart = not first or kinds[first - 1] == "blank"
        is_comment = is_webvtt and is_apart and _COMMENT.match(block[0].text)
        if kind != "text" or is_comment or not any(has_letter(line.text) for line in block):
            continue
        is_numbered = is_apart and len(block) > 1 and block[0].text.strip().isdigit()
        if is_numbered or "header" not in kinds[:first]:
            raise MalformedError(
                first + 1, "a cue without a time such as 00:00:01,000 --> 00:00:02,500"
            )
        passages += [
            passage for speech in _speeches(block) if any((passage := _passage(speech)).texts)
        ]
    return passages


def _kinds(lines: Sequence[Line]) -> list[str]:
    """Return whether each line is blank, a text, or of a header: a time, and what names its cue."""
    kinds = ["text" if line.text.strip() else "blank" for line in lines]
    for i, line in enumerate(lines):
        if _TIME.match(line.text):
            kinds[i] = "header"
            is_apart = i < 2 or kinds[i - 2] == "blank"
            if i and kinds[i - 1] == "text" and (is_apart or lines[i - 1].text.strip().isdigit()):
                kinds[i - 1] = "header"
    return kinds


def _speeches(block: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Yield the lines of each speaker."""
    starts = [i for i, line in enumerate(block) if not i or _before(line)["dash"]]
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        yield block[start:end]


def _before(line: Line) -> re.Match[str]:
    match = _BEFORE.match(line.text)
    assert match is not None  # it matches nothing, too
    return match


def _passage(lines: Sequence[Line]) -> Passage:
    """Return the lines of a speaker as one text."""
    start, last = lines[0].start + _before(lines[0]).end(), lines[-1]
    end = max(start, last.start + len(last.text.rstrip()))
    texts = [lines[0].text[start - lines[0].start :], *(line.text for line in lines[1:])]
    text = _REOPENED.sub(" ", " ".join(text.strip() for text in texts))
    if _SOUND.fullmatch(text):
        start, end, text = start + 1, end - 1, text[1:-1]
    width = max(WIDTH, *(columns_of(line.text) for line in lines))
    write = partial(_write, width=width, ending=lines[0].ending)
    return Passage(start, end, (text,) if text.strip() else (), write)


def _write(translations: Sequence[str], width: int, ending: str) -> str:
    lines = break_lines(translations[0], width, is_balanced=True)
    return (ending or "\n").join(line.strip() for line in lines)
