"""Copy names and addresses that a model does not know, by words that it knows well.

An unknown name is read as a frequent one, and in the translation the translation of that one gives
way to the name: "Kowalczyk is late" is read as "Tom is late".
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

from rnncli.tasks.translate.constraints import Constraint
from rnncli.tasks.translate.placeholders import NUMBERS

MIN_COUNT = 15  # of a word in the sources, for the model to translate it well
MIN_YEAR_COUNT = 5  # of a year, since other years stand where it does
MIN_SHARE = 0.7  # of its sources, whose targets have its translation
# Of the words with a capital within a sentence, those that targets repeat (7 to 70 % in English):
# with fewer, as in German, whose nouns all have a capital (0.2 %), a capital makes no name.
MIN_NAMES = 0.05
MAX_NAMES, MAX_NUMBERS = 3, 20  # the most frequent ones: a text has few unknown words
YEAR_DIGITS = 4
# They stand for amounts, times and the like: the translations of more frequent numbers tend to name
# what these mostly count, such as years or hours. The search makes translations have their digits.
AMOUNTS = ("30", "50", "40", "60", "25")
_YEAR = re.compile(r"[12]\d{3}")
_NUMBER = r"\d+(?:[.,:/]\d+)*"
# With a capital within a sentence, where it tells something, or after a title.
_NAME = (
    r"(?:(?<=[^\W\d_] )|(?<=[^\W\d_][,;] ))[^\W\d_a-z]\w*[a-z]\w*"
    r"|(?<=(?:Mr|Ms|Dr)\. )\w+|(?<=Mrs\. )\w+"
)
NAMES = re.compile(_NAME)
_NAMES = re.compile(f"{_NUMBER}|{_NAME}")
_OTHER_SCRIPT = re.compile(r"[ァ-ヿ\u0370-\u1fff]+")  # katakana, and alphabets but the Latin one
_WORD = re.compile(rf"{_NUMBER}|[ァ-ヿ]+|[^\W\d_ァ-ヿ]+")  # katakana spell the names of others


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

    def replace(
        self,
        text: str,
        words: re.Pattern[str],
        is_unknown: Callable[[str], bool],
        *,
        are_required: bool = False,
    ) -> tuple[str, list[Constraint]]:
        """Return a text with stand-ins for unknown words, which are to be copied in their places.

        Where there is no stand-in left that the text does not have, a word stays. With
        ``are_required``, words that stay are to be copied, too.
        """
        copies, left = list[Constraint](), Counter[str]()
        taken = {match[0] for match in _WORD.finditer(text)}

        def stand_in(match: re.Match[str]) -> str:
            word = match[0]
            candidates = self._candidates(word, are_required) if is_unknown(word) else []
            for other, translation in candidates:
                if other not in taken:
                    taken.add(other)
                    copies.append(Constraint(word, (translation,), is_copied=True))
                    return other
            left[word] += are_required
            return word

        text = words.sub(stand_in, text)
        copies += (Constraint(word, (word,), n, is_copied=True) for word, n in left.items() if n)
        return text, copies

    def _candidates(self, word: str, is_placeholder: bool) -> list[tuple[str, str]]:
        """Return the words that can stand for a word, and their translations, the best first."""
        names, numbers = self._pairs
        if not is_placeholder:
            return names
        if not NUMBERS.fullmatch(word):
            return names + numbers
        is_year = any(len(part) == YEAR_DIGITS for part in re.findall(r"\d+", word))

        def difference(pair: tuple[str, str]) -> tuple[bool, int]:
            # What stands for an amount in the place of a year makes nonsense, and vice versa.
            return is_year != (len(pair[0]) == YEAR_DIGITS), abs(len(pair[0]) - len(word))

        return sorted(numbers, key=difference) + names

    @cached_property
    def _pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        names, numbers = (
            [(word, target) for word, _, target in (entry.partition("=") for entry in entries)]
            for entries in (self.names, self.numbers)
        )
        return names, [*((word, word) for word in AMOUNTS), *numbers]


def _is_copy(word: str, target: str) -> bool:
    """Return whether a target's word can be that of a source, repeated or in another script."""
    if word[0].isdigit():
        return normalize("NFKC", target) == word
    return word == target or _OTHER_SCRIPT.fullmatch(target) is not None
