"""Copy names, numbers and addresses that a model does not know, by words that it knows well.

An unknown name is read as a frequent one, and in the translation the translation of that one gives
way to the name: "Kowalczyk is late" is read as "Tom is late".
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

MIN_COUNT = 15  # of a word in the sources, for the model to translate it well
MIN_YEAR_COUNT = 5  # of a year, since other years stand where it does
MIN_SHARE = 0.7  # of its sources, whose targets have its translation
# Of the words with a capital within a sentence, those that targets repeat (7 to 70 % in English):
# with fewer, as in German, whose nouns all have a capital (0.2 %), a capital makes no name.
MIN_NAMES = 0.05
LONG_NUMBER = 3  # digits
MAX_NAMES, MAX_NUMBERS = 3, 20  # the most frequent ones: a text has few unknown words
_ADDRESS = r"(?:https?://|www\.)\S*[^\s.,;:!?)\]'\"]|[\w.+-]+@[\w-]+\.[\w.-]*\w|[@#]\w+"
_YEAR = re.compile(r"[12]\d{3}")
_NUMBER = r"\d+(?:[.,:/]\d+)*"
# With a capital within a sentence, where it tells something, or after a title.
_NAME = (
    r"(?:(?<=[^\W\d_] )|(?<=[^\W\d_][,;] ))[^\W\d_a-z]\w*[a-z]\w*"
    r"|(?<=(?:Mr|Ms|Dr)\. )\w+|(?<=Mrs\. )\w+"
)
_ADDRESSES, _NAMES = re.compile(_ADDRESS), re.compile(f"{_NUMBER}|{_NAME}")
_OTHER_SCRIPT = re.compile(r"[ァ-ヿ\u0370-\u1fff]+")  # katakana, and alphabets but the Latin one
_WORD = re.compile(rf"{_NUMBER}|[ァ-ヿ]+|[^\W\d_ァ-ヿ]+")  # katakana spell the names of others


@dataclass(frozen=True)
class Copy:
    """A word that is copied into a translation, in the place of another."""

    word: str
    translation: str  # of the word that stood for it


@dataclass(frozen=True)
class StandIns:
    """Frequent words of training sources, each with its translation: ``Tom=トム``."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "StandIns":
        """Find names and numbers that targets repeat, or write in another script."""
        counts, together = Counter[str](), Counter[tuple[str, str]]()
        for source, target in pairs:
            words = {match[0] for match in _NAMES.finditer(source)}
            if not words:
                continue
            counts.update(words)
            targets = set(_WORD.findall(target))
            together.update(
                (word, other) for word in words for other in targets if _is_copy(word, other)
            )
        translations: dict[str, str] = {}
        for (word, target), n in sorted(together.items(), key=lambda item: (-item[1], item[0])):
            least = MIN_YEAR_COUNT if _YEAR.fullmatch(word) else MIN_COUNT
            if n >= MIN_SHARE * counts[word] and counts[word] >= least:
                translations.setdefault(word, target)
        names, numbers = (
            [f"{word}={t}" for word, t in translations.items() if word[0].isdigit() == is_number]
            for is_number in (False, True)
        )
        capitalised = sum(n for word, n in counts.items() if not word[0].isdigit())
        repeated = sum(counts[word] for word in translations if not word[0].isdigit())
        if repeated < MIN_NAMES * capitalised:
            names = []
        return cls(tuple(names[:MAX_NAMES]), tuple(numbers[:MAX_NUMBERS]))

    def replace_addresses(self, text: str) -> tuple[str, tuple[Copy, ...]]:
        """Return a text with stand-ins for web and mail addresses, handles and tags."""
        return self._replace(text, _ADDRESSES, lambda _: True)

    def replace_names(
        self, text: str, is_unknown: Callable[[str], bool]
    ) -> tuple[str, tuple[Copy, ...]]:
        """Return a text with stand-ins for its unknown names and numbers."""
        return self._replace(
            text, _NAMES, lambda word: is_unknown(word) and is_unknown(word.lower())
        )

    def _replace(
        self, text: str, pattern: re.Pattern[str], is_replaced: Callable[[str], bool]
    ) -> tuple[str, tuple[Copy, ...]]:
        """Return a text with stand-ins for some words, and these to be copied.

        Where there is no stand-in left that the text does not have, a word stays.
        """
        copies: list[Copy] = []
        taken = {match[0] for match in _WORD.finditer(text)}

        def stand_in(match: re.Match[str]) -> str:
            word = match[0]
            if is_replaced(word):
                for other, translation in self._candidates(word):
                    if other not in taken:
                        taken.add(other)
                        copies.append(Copy(word, translation))
                        return other
            return word

        return pattern.sub(stand_in, text), tuple(copies)

    def _candidates(self, word: str) -> list[tuple[str, str]]:
        """Return the words that can stand for a word, the most similar first."""
        names, numbers = self._pairs
        if not word[0].isdigit() or "@" in word:
            return names
        is_year, digits = _YEAR.fullmatch(word) is not None, sum(map(str.isdigit, word))

        def difference(pair: tuple[str, str]) -> tuple[bool, int]:
            # What stands for an amount in the place of a year makes nonsense, and vice versa.
            return is_year != (_YEAR.fullmatch(pair[0]) is not None), abs(len(pair[0]) - digits)

        return sorted(numbers, key=difference)

    @cached_property
    def _pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        names, numbers = (
            [(word, target) for word, _, target in (entry.partition("=") for entry in entries)]
            for entries in (self.names, self.numbers)
        )
        return names, numbers


def restore(translation: str, copies: Iterable[Copy]) -> str:
    """Return a translation with the copied words where their stand-ins are translated."""
    for copy in copies:
        is_number = copy.translation[0].isdigit()  # which is no part of another number
        neighbour = r"\d" if is_number else "[A-Za-z0-9]"
        pattern = rf"(?<!{neighbour}){re.escape(copy.translation)}(?!{neighbour})"
        parts = re.split(pattern, translation)
        if len(parts) == 1 and not is_number:
            # Where the network wrote no space before it, it is a part of a word.
            parts = translation.split(copy.translation)
        translation = copy.word.join(parts)
    return translation


def long_numbers(text: str) -> list[str]:
    """Return the numbers in a text that translations hardly write in words."""
    numbers = re.findall(_NUMBER, text)
    return [number for number in numbers if sum(map(str.isdigit, number)) >= LONG_NUMBER]


def _is_copy(word: str, target: str) -> bool:
    """Return whether a target's word can be that of a source, repeated or in another script."""
    if word[0].isdigit():
        return normalize("NFKC", target) == word
    return word == target or _OTHER_SCRIPT.fullmatch(target) is not None
