"""Tell by a sample of its cells what a column holds: texts, labels, numbers, or nothing of use."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

MAX_LABEL_LENGTH = 40  # characters on average; longer values that repeat are texts
MIN_REPEATS = 2  # times that a label occurs on average
# Of more labels, or of longer ones, each occurs MANY_REPEATS times on average.
FEW_LABELS, MAX_LABEL_WORDS = 20, 3.0
MANY_REPEATS = 5
MIN_DISTINCT_SHARE = 0.5  # of the values of a column of texts
MIN_TEXT_WORDS = 2.0  # on average
SIMILAR_LENGTH = 0.6  # of the longest texts: others of this length may be meant as well
MAX_SHARED_WORDS = 0.2  # of all words: two languages share names and little else
MIN_LENGTH_RATIO = 0.25  # of translations: Chinese has a third of the characters of English
MIN_WORDS = 20  # from which on languages can be compared
_PREFIX_LENGTH = 5  # characters that all cells of an attribution or of a list of URLs begin with

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?%?")
# Dates, times, hashes, addresses and other names of things: one word with a digit or a sign in it.
_IDENTIFIER = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|(?=\S*[\d@:/_])\S+")
_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]")


@dataclass(frozen=True)
class Column:
    """A sample of the cells of a column, and what they tell."""

    name: str
    cells: Sequence[str]

    @cached_property
    def values(self) -> list[str]:
        """The cells that are not blank."""
        return [cell.strip() for cell in self.cells if cell.strip()]

    @cached_property
    def distinct(self) -> int:
        """The number of different values."""
        return len(set(self.values))

    @cached_property
    def length(self) -> float:
        """The mean number of characters."""
        return sum(map(len, self.values)) / max(1, len(self.values))

    @cached_property
    def words(self) -> float:
        """The mean number of words."""
        return sum(len(value.split()) for value in self.values) / max(1, len(self.values))

    @cached_property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return _share(self.values, _NUMBER) > 0.9

    @cached_property
    def is_identifier(self) -> bool:
        """Whether the values are numbers, dates or names of things, one for each row."""
        if self.is_numeric or _share(self.values, _IDENTIFIER) > 0.9:
            return True
        return self.distinct > 1 and len({value[:_PREFIX_LENGTH] for value in self.values}) == 1

    def has_form_of(self, cell: str) -> bool:
        """Return whether a cell looks like these identifiers: has digits, or begins alike."""
        has_digits = any(map(str.isdigit, cell)) and _IDENTIFIER.fullmatch(cell) is not None
        return has_digits or all(
            value[:_PREFIX_LENGTH] == cell[:_PREFIX_LENGTH] for value in self.values
        )

    @cached_property
    def is_label(self) -> bool:
        """Whether a few short values occur again and again."""
        is_sure = self.distinct <= FEW_LABELS and self.words <= MAX_LABEL_WORDS
        repeats = MIN_REPEATS if is_sure else MANY_REPEATS
        return (
            self.distinct > 1
            and len(self.values) >= repeats * self.distinct
            and self.length <= MAX_LABEL_LENGTH
        )

    @cached_property
    def is_distinct(self) -> bool:
        """Whether the values are mostly different, and not all numbers."""
        is_varied = self.distinct > max(1, len(self.values) / 2)
        return is_varied and not self.is_numeric and not self.is_label

    @cached_property
    def is_constant(self) -> bool:
        """Whether there is one value at most."""
        return self.distinct <= 1

    @cached_property
    def is_text(self) -> bool:
        """Whether the values are mostly different, and of several words."""
        return self.is_varied and (
            self.words >= MIN_TEXT_WORDS
            or 2 * sum(_UNSPACED.search(value) is not None for value in self.values)
            > len(self.values)
        )

    @cached_property
    def is_varied(self) -> bool:
        """Whether the values are mostly different, and are words: names, words to spell."""
        return (
            self.distinct > 1
            and not self.is_identifier
            and not self.is_label
            and self.distinct >= MIN_DISTINCT_SHARE * len(self.values)
        )


def find_by_contents(
    contents: Sequence[Column], needed: Sequence[str], named: Mapping[str, str], *, is_certain: bool
) -> dict[str, str] | None:
    """Return which column is the text, the label, the source or the target that is ``needed``.

    Those that a person ``named`` stay. What is certain to be for this task has fewer doubts. None:
    none is, or several could be.
    """
    rest = [column for column in contents if column.name not in named.values()]
    texts = sorted((c for c in rest if c.is_text), key=lambda column: -column.length)
    texts = texts or [column for column in rest if column.is_varied]
    if len(contents) == 2:  # one for each side: dates, product codes
        texts = texts or [column for column in rest if column.is_distinct]
    names: dict[str, str | None]
    if "label" in needed:
        labels = [column for column in rest if column.is_label]
        names = {"text": _longest(texts), "label": _only(labels)}
    elif "source" in needed:
        pair = [column for column in rest if column.is_varied]
        if len(contents) == 2:
            pair = [column for column in rest if column.is_varied or column.is_distinct]
        if not is_certain and not are_translations(pair):
            return None
        if len(pair) + len(named) != 2:
            return None
        sides = [side for side in ("source", "target") if side not in named]
        names = dict(zip(sides, (column.name for column in pair), strict=True))
    else:
        others = [column for column in rest if column not in texts[:1]]
        useless = all(column.is_identifier or column.is_constant for column in others)
        sentences = [column for column in texts if column.is_text]
        names = {"text": _only(texts if is_certain else sentences if useless else [])}
    candidates = {name: named.get(name) or names.get(name) for name in needed}
    columns = {name: column for name, column in candidates.items() if column is not None}
    return columns if len(columns) == len(needed) else None


def are_translations(columns: Sequence[Column]) -> bool:
    """Return whether these are two columns in two languages, of similar length."""
    if len(columns) != 2:
        return False
    shorter, longer = sorted(column.length for column in columns)
    in_two = in_two_languages(*(column.values for column in columns))
    return in_two is True and shorter >= MIN_LENGTH_RATIO * longer


def _longest(texts: Sequence[Column]) -> str | None:
    """Return the column of by far the longest texts: a story, not its title."""
    if not texts or (len(texts) > 1 and texts[1].length > SIMILAR_LENGTH * texts[0].length):
        return None
    return texts[0].name


def _only(columns: Sequence[Column]) -> str | None:
    return columns[0].name if len(columns) == 1 else None


def columns_of(sample: Mapping[str, Sequence[str]]) -> list[Column]:
    """Return the columns of a sample."""
    return [Column(name, cells) for name, cells in sample.items()]


def in_two_languages(first: Iterable[str], second: Iterable[str]) -> bool | None:
    """Return whether texts share few words, as languages do; None where there are too few words."""
    counts = [Counter(chain.from_iterable(map(_words, texts))) for texts in (first, second)]
    totals = [count.total() for count in counts]
    if min(totals) < MIN_WORDS:
        return None
    shared = sum(
        min(counts[0][word] / totals[0], counts[1][word] / totals[1]) for word in counts[0]
    )
    return shared < MAX_SHARED_WORDS


def _words(text: str) -> list[str]:
    folded = text.casefold()
    return [*_WORD.findall(_UNSPACED.sub(" ", folded)), *_UNSPACED.findall(folded)]


def _share(values: Sequence[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(value) is not None for value in values) / max(1, len(values))
