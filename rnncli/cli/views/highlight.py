"""A highlighted text: its parts in colours by their scores, or its strongest parts alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len

from rnncli.cli.console import Messenger
from rnncli.cli.output import Fragment
from rnncli.cli.views.screen import Screen
from rnncli.text.unicode import escape_controls

MAX_STRONGEST = 5  # parts: what can be read at a glance
MARKS, NEGATIVE_MARKS = " .+#@", " ,-=%"  # of scores, where there are no colours
NEWLINE = "\u23ce"


@dataclass(frozen=True)
class Scale:
    """Styles of scores, from the weakest to the strongest.

    They set the colour of letters, too, to be readable on light and on dark terminals.
    """

    limits: Sequence[float]  # absolute values from which each style is used
    positive: Sequence[str]
    negative: Sequence[str] = ()

    def strength(self, score: float) -> int:
        """Return how many of the limits a score reaches."""
        return sum(abs(score) >= limit for limit in self.limits)

    def style(self, score: float) -> str:
        """Return the style of a score: none below all limits."""
        strength = self.strength(score)
        styles = self.negative if score < 0 else self.positive
        return styles[strength - 1] if strength else ""

    def mark(self, score: float) -> str:
        """Return the sign of a score, where there are no colours: a space below all limits."""
        marks = NEGATIVE_MARKS if score < 0 and self.negative else MARKS
        return marks[self.strength(score)]


@dataclass(frozen=True)
class Highlight:
    """A text, and scores of some of its parts, in their order."""

    text: str
    parts: Sequence[tuple[int, int, float]]  # start, end and score
    scale: Scale

    def fragments(self) -> Iterator[Fragment]:
        """Yield the whole text with the styles of its parts; neighbours of one style are joined."""
        filled = (fragment for fragment in self._fragments() if fragment.text)
        for style, fragments in groupby(filled, lambda fragment: fragment.style):
            yield Fragment("".join(fragment.text for fragment in fragments), style)

    def _fragments(self) -> Iterator[Fragment]:
        position = 0
        for start, end, score in self.parts:
            yield Fragment(self.text[position:start])
            yield Fragment(self.text[start:end], self.scale.style(score))
            position = end
        yield Fragment(self.text[position:])

    def rows(self, width: int) -> Iterator[tuple[str, list[float]]]:
        """Yield the lines of the text, broken at ``width`` cells, each with a score a character.

        A newline is shown as a sign, at the end of its line.
        """
        scores = [0.0] * len(self.text)
        for start, end, score in self.parts:
            scores[start:end] = [score] * (end - start)
        begin = size = 0
        for position, character in enumerate(self.text):
            if size + cell_len(character) > width:
                yield self.text[begin:position], scores[begin:position]
                begin, size = position, 0
            size += max(cell_len(character), 1)
            if character == "\n":
                yield self.text[begin:position] + NEWLINE, scores[begin : position + 1]
                begin, size = position + 1, 0
        if begin < len(self.text):
            yield self.text[begin:], scores[begin:]

    def strongest(self) -> str:
        """Return the parts that would have a style, the strongest first: ``+great -not``."""
        styled = [part for part in self.parts if self.scale.style(part[2])]
        return " ".join(
            ("-" if score < 0 else "+") + _quoted(self.text[start:end])
            for start, end, score in sorted(styled, key=lambda part: -abs(part[2]))[:MAX_STRONGEST]
        )


def lines(highlight: Highlight, screen: Screen) -> Iterator[list[Fragment]]:
    """Yield the lines of a text in colours; without colours, marks stand under each line."""
    for text, scores in highlight.rows(screen.width):
        text = escape_controls(text).replace("\t", " ")
        if screen.has_colors:
            styles = map(highlight.scale.style, scores)
            pairs = groupby(zip(text, styles, strict=True), lambda pair: pair[1])
            yield [Fragment("".join(sign for sign, _ in group), style) for style, group in pairs]
        else:
            yield [Fragment(text)]
            marks = [
                highlight.scale.mark(x) * cell_len(c) for c, x in zip(text, scores, strict=True)
            ]
            yield [Fragment("".join(marks).rstrip())]


def legend(scale: Scale) -> Highlight:
    """Return a text that shows what the colours or marks of a scale mean."""
    scores = [*(-limit for limit in reversed(scale.limits) if scale.negative), *scale.limits]
    text, parts = "", []
    for score in scores:
        start = len(text)
        text += f" {score:+.2g} " if scale.negative else f" from {score:g} "
        parts.append((start, len(text), score))
        text += "  "
    return Highlight(text[:-2], parts, scale)


def announce_legend(messenger: Messenger, fragments: Sequence[Fragment]) -> None:
    """Print the legend of the colours on stderr, if it shows colours."""
    from rich.text import Text

    console = messenger.console()
    if not messenger.quiet and console.color_system is not None:
        console.print(Text.assemble(*fragments))


def _quoted(words: str) -> str:
    """Return a word as it is; several, or one that begins with a quotation mark, as JSON."""
    is_plain = not any(map(str.isspace, words)) and not words.startswith('"')
    return words if is_plain else json.dumps(words, ensure_ascii=False)
