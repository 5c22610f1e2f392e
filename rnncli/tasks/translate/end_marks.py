"""Read a text without an end mark with one, where the training sources have one.

It is a question mark where the text begins as the questions among the sources do.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from rnncli.text.unicode import plain_signs

MIN_SHARE = 0.95  # of sources with an end mark: a text without one is then unlike them
MIN_COUNT = 5  # of sources that begin alike, to tell whether such sentences are questions
MAX_STARTS = 400  # the most frequent ones: rarer ones hardly matter
QUESTION_MARKS = "?？؟"
FULL_STOPS = ".。।"
_END = re.compile(rf"[{QUESTION_MARKS}{FULL_STOPS}!！…]['\"”’»)\]」』）]*$")
_MARKS = re.compile(rf"\s*[{QUESTION_MARKS}{FULL_STOPS}!！…]+$")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True)
class EndMarks:
    """The end marks of training sources."""

    share: float  # of the sources that have one
    full_stop: str
    question_mark: str
    # One or two words in small letters with which questions begin, and such of other sentences
    # that begin with two words of which the first alone tells of a question.
    questions: tuple[str, ...]
    statements: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "EndMarks":
        """Count the end marks of texts, and how the questions among them begin."""
        marks = Counter(mark for text in texts if (mark := end_mark(text)))
        questions, statements = _starts(texts)
        return cls(
            marks.total() / max(len(texts), 1),
            _most_common(marks, FULL_STOPS),
            _most_common(marks, QUESTION_MARKS),
            questions,
            statements,
        )

    def missing_mark(self, text: str, *, is_title: bool = False) -> str:
        """Return the end mark that a text lacks; none where the sources lack theirs, too.

        Only a text whose last character is a letter or a digit lacks one. A title without one is
        no question: How It Works.
        """
        if self.share < MIN_SHARE or not text[-1:].isalnum():
            return ""
        if is_title:
            return self.full_stop
        one, two = _start(text)
        is_question = two in self.questions or (
            one in self.questions and two not in self.statements
        )
        return self.question_mark if is_question else self.full_stop


def end_mark(text: str) -> str:
    """Return the mark at the end of a text, before closing quotation marks; none without one."""
    match = _END.search(text)
    return match[0][0] if match else ""


def without_end_mark(text: str) -> str:
    """Return a text without the marks at its end, and without the space before them."""
    return _MARKS.sub("", text) or text


def _most_common(marks: Counter[str], kind: str) -> str:
    return max(kind, key=lambda mark: marks[mark])  # of equal ones the first


def _starts(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return how questions begin, and which longer beginnings are of statements nevertheless."""
    counts = Counter[tuple[str, bool]]()
    for text in texts:
        is_question = end_mark(text) in tuple(QUESTION_MARKS)
        counts.update((start, is_question) for start in _start(text) if start)
    starts = {start: counts[start, True] + counts[start, False] for start, _ in counts}
    frequent = [start for start, count in starts.items() if count >= MIN_COUNT]
    asks = {start: 2 * counts[start, True] > starts[start] for start in frequent}
    # Two words tell something only where they tell another thing than the first one.
    informative = [
        start
        for start in sorted(frequent, key=lambda start: (-starts[start], start))
        if asks[start] != asks.get(start.partition(" ")[0] if " " in start else "", False)
    ]
    questions = [start for start in informative if asks[start]]
    statements = [start for start in informative if not asks[start]]
    return tuple(questions[:MAX_STARTS]), tuple(statements[:MAX_STARTS])


def _start(text: str) -> tuple[str, str]:
    """Return the first word of a text and the first two, in small letters; empty without them."""
    words = [match[0] for match in islice(_WORD.finditer(plain_signs(text).lower()), 2)]
    return (words[0] if words else ""), (" ".join(words) if len(words) > 1 else "")
