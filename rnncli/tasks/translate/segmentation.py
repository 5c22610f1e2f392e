"""Cut texts into segments that are translated one by one, and join their translations.

Most translators learn from single sentences of some words. What is longer, or several sentences,
is cut to the like.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnncli.messages import Announce
from rnncli.text.batching import split_long_text
from rnncli.text.sentences import split_sentences
from rnncli.text.unicode import has_unspaced, word_spans

MAX_CHARACTERS = 1_000  # of a text translated as a whole; training sentences are far shorter
MIN_SINGLE = 0.9  # of sources that are one sentence: texts of several are then unlike them
MAX_LISTED = 0.01  # of sources that begin with a list mark: with more, it is to be translated
LENGTH_QUANTILE = 0.999  # of the lengths of sources: hardly any is longer
MIN_CLAUSE = 4  # words of a clause: shorter ones say little alone
# A clause ends after a comma or the like, before a dash, and before a conjunction.
_CLAUSE_END = re.compile(
    r"\s*[,;:]+\s+|\s*[、，；：]\s*|\s+[-–—]\s+|\s+(?=(?:and|but|or|because|while|although)\s)"
)
_WORD_END = re.compile(r"\s+|(?<=[^\x00-\u2fff])(?=[^\x00-\u2fff])")  # no space: between kanji
_PRONOUN = re.compile(r"I(?!\w)")  # which English writes with a capital wherever it stands
_LAYOUT = re.compile(r" *(?:(?:[-*+•–—]|\d{1,3}[.)]) +)?")  # indentation, and a list mark


@dataclass(frozen=True)
class Sentences:
    """The sentences of training sources."""

    single: float  # share of the sources that are one sentence
    listed: float  # share of the sources that begin with a list mark
    max_words: int  # of nearly all sources

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Sentences":
        """Count the sentences and the words of texts."""
        number = max(len(texts), 1)
        lengths = sorted(count_words(text) for text in texts) or [1]
        return cls(
            sum(len(split_sentences(text)) < 2 for text in texts) / number,
            sum(bool(_LAYOUT.match(text)[0]) for text in texts) / number,  # type: ignore[index]  # it matches nothing, too
            max(lengths[int(LENGTH_QUANTILE * (len(lengths) - 1))], 2 * MIN_CLAUSE),
        )


@dataclass(frozen=True)
class Segment:
    """A sentence or a part of one, and what stands before it."""

    text: str
    before: str = ""
    continues: str = ""  # the sentence that it goes on with

    def write(self, translation: str) -> str:
        """Return its translation as a part of that of the whole text."""
        is_name = translation.split(" ", 1)[0] in self.continues.split()
        if self.continues and not is_name and not _PRONOUN.match(translation):
            translation = translation[:1].lower() + translation[1:]
        is_unspaced = has_unspaced(translation)
        return (self.before.replace(", ", "、") if is_unspaced else self.before) + translation


@dataclass(frozen=True)
class Segmenter:
    """Cut texts into segments like the training sources."""

    sentences: Sentences | None  # of the sources; None: of an older model
    announce: Announce

    def layout(self, text: str) -> str:
        """Return the indentation and the list mark of a text, which no model translates."""
        if self.sentences is None or self.sentences.listed > MAX_LISTED:
            return ""
        match = _LAYOUT.match(text)
        return match[0] if match and match.end() < len(text.rstrip()) else ""

    def segments(self, text: str, split: bool | None = None) -> list[Segment]:
        """Return the segments of a text: its sentences with ``split``, else one; at least one.

        With None, texts are split where the training sources are single sentences. Longer sentences
        than these, and segments of more than ``MAX_CHARACTERS``, are cut.
        """
        single = self.sentences is not None and self.sentences.single >= MIN_SINGLE
        parts = split_sentences(text) if split or (split is None and single) else [text]
        if split is None and len(parts) > 1:
            self.announce("texts of several sentences are translated sentence by sentence")
        segments = [
            segment
            for i, part in enumerate(parts)
            for segment in self._bounded(Segment(part, " " if i else ""))
        ]
        if self.sentences is not None and single and split is not False:
            segments = [
                clause
                for segment in segments
                for clause in self._clauses(segment, self.sentences.max_words)
            ]
        return segments or [Segment(text)]

    def _clauses(self, segment: Segment, max_words: int) -> list[Segment]:
        """Cut a sentence of more than ``max_words`` near its middle, and its halves likewise."""
        text = segment.text
        if len(text) <= max_words or count_words(text) <= max_words:
            return [segment]
        self.announce(
            f"sentences of more than {max_words} words, which the training texts hardly have, are "
            "translated in parts"
        )
        cut = _middle(text)
        if cut is None:
            return [segment]
        start, end = cut
        first = replace(segment, text=text[:start])
        second = Segment(text[end:], text[start:end] or " ", segment.continues or text)
        return self._clauses(first, max_words) + self._clauses(second, max_words)

    def _bounded(self, segment: Segment) -> list[Segment]:
        """Cut a segment of more than ``MAX_CHARACTERS``."""
        if len(segment.text) <= MAX_CHARACTERS:
            return [segment]
        self.announce(f"texts of more than {MAX_CHARACTERS:,} characters are translated in pieces")
        first, *others = split_long_text(segment.text, MAX_CHARACTERS)
        return [replace(segment, text=first), *(Segment(piece, " ") for piece in others)]


def count_words(text: str) -> int:
    """Count the words of a text; in a script without spaces, each character is one."""
    return len(text.split() if text.isascii() else word_spans(text))


def _middle(text: str) -> tuple[int, int] | None:
    """Return where to cut a text: at the end of the clause, or else of the word, in its middle."""
    for pattern in (_CLAUSE_END, _WORD_END):
        cuts = [match.span() for match in pattern.finditer(text)]
        # The nearest to the middle first: of the others, the words are not counted.
        for start, end in sorted(cuts, key=lambda cut: abs(cut[0] + cut[1] - len(text))):
            if min(count_words(text[:start]), count_words(text[end:])) >= MIN_CLAUSE:
                return start, end
    return None
