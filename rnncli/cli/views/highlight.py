"""A highlighted text: its parts in colours by their scores, or its strongest parts alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rnncli.cli.console import Messenger
from rnncli.cli.output import Fragment

MAX_STRONGEST = 5  # parts: what can be read at a glance


@dataclass(frozen=True)
class Scale:
    """Styles of scores, from the weakest to the strongest.

    They set the colour of letters, too, to be readable on light and on dark terminals.
    """

    limits: Sequence[float]  # absolute values from which each style is used
    positive: Sequence[str]
    negative: Sequence[str] = ()

    def style(self, score: float) -> str:
        """Return the style of a score: none below all limits."""
        strength = sum(abs(score) >= limit for limit in self.limits)
        styles = self.negative if score < 0 else self.positive
        return styles[strength - 1] if strength else ""


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

    def strongest(self) -> str:
        """Return the parts that would have a style, the strongest first: ``+great -not``."""
        styled = [part for part in self.parts if self.scale.style(part[2])]
        return " ".join(
            ("-" if score < 0 else "+") + _quoted(self.text[start:end])
            for start, end, score in sorted(styled, key=lambda part: -abs(part[2]))[:MAX_STRONGEST]
        )


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
