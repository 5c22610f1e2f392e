"""Read texts in the case that a model knows: SHE IS LATE and she is late as She is late.

Titles, in which most words have a capital, are read as sentences too: Save As as Save as.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from rnncli.tasks.translate.end_marks import FULL_STOPS, end_mark
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import plain_signs

MIN_SHARE = 0.95  # of sources with a capital at their beginning: others are then unlike them
MIN_COUNT = 5  # of a word within sentences, to tell whether it has a capital there
MIN_WORD_SHARE = 0.9  # of a word's occurrences that have the capital
MAX_WORDS = 1_000  # the most frequent ones: rarer ones hardly matter
MAX_SMALL_SHARE, MAX_SMALL_LETTERS = 0.5, 4  # of the words of a title without a capital
DOTS = "..."
SIGNS_BEFORE = 8  # that are looked at before a word, to tell whether a sentence begins with it
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# What stands before the first word of a sentence.
_START = re.compile(r"(?:^|[.?!…。！？:\"“„«(\[])[\s\"'“‘«(\[¿¡-]*$")


@dataclass(frozen=True)
class Capitals:
    """The capitals of training sources."""

    share: float  # of the sources that begin with a capital, among those with a first letter
    words: tuple[str, ...]  # that have capitals within sentences too: names, I, days

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Capitals":
        """Count the capitals at the beginning of texts, and those of words within sentences."""
        starts = [first for text in texts if (first := _first_letter(text))]
        share = sum(map(str.isupper, starts)) / max(len(starts), 1)
        return cls(share, _capitalised_words(texts))

    def restore(self, text: str) -> str | None:
        """Return a text with the capitals that sources have; None where sources do without.

        A text all in capitals is read in small letters first. The length stays the same.
        """
        if self.share < MIN_SHARE:
            return None
        is_loud = text.isupper() and sum(map(str.isalpha, text)) > 1
        restored = text.lower() if is_loud else text
        restored = _WORD.sub(lambda word: self._spell(word[0]), restored)
        # A number may come first: 3 boats are here.
        start = next((i for i, sign in enumerate(restored) if sign.isalnum()), len(restored))
        restored = restored[:start] + restored[start : start + 1].upper() + restored[start + 1 :]
        return restored if len(restored) == len(text) else text

    def as_sentence(self, text: str, knows: Callable[[str], bool]) -> str:
        """Return a title with the capitals of a sentence; else the text.

        Names keep theirs: words that sources have with capitals, and those that the model does not
        know without. Names are more than other words in no title; beside one, a word is taken for
        a part of it.
        """
        words = list(_WORD.finditer(text))
        if self.share < MIN_SHARE or not _is_title(text, [word[0] for word in words]):
            return text
        capitalised = [word for word in words if _is_capitalised(word[0])]
        names = {word for word in capitalised if self._is_name(word[0])}
        # The first word of a sentence says nothing; two words may be a person's name.
        others = capitalised if len(words) == 2 else capitalised[1:]
        names |= {word for word in others if not any(map(knows, _forms(word[0])))}
        beside = {
            word
            for pair in pairwise(words)
            if names.intersection(pair) and text[pair[0].end() : pair[1].start()] == " "
            for word in pair
        }
        common = [
            word
            for word in capitalised
            if word not in names | beside and not _begins_sentence(text, word)
        ]
        if len(common) <= len(names):
            return text
        sentence = text
        for word in common:
            sentence = sentence[: word.start()] + word[0].lower() + sentence[word.end() :]
        return sentence if len(sentence) == len(text) else text

    def _is_name(self, word: str) -> bool:
        """Return whether a word has a capital within sentences."""
        lower = word.lower()
        return self._spell(lower) != plain_signs(lower)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """The words by their small letters."""
        return {word.lower(): word for word in self.words}

    def _spell(self, word: str) -> str:
        """Return a word as the sources spell it: tom's as Tom's, whose stem they have."""
        plain = plain_signs(word)
        if plain != plain.lower():
            return word
        stem, apostrophe, end = plain.partition("'")
        return self._spellings.get(plain) or self._spellings.get(stem, stem) + apostrophe + end


def familiar_case(text: str, tokenizer: Tokenizer, capitals: Capitals | None) -> str:
    """Return a text in the case that the model knows best.

    That is the one with the capitals of the training sources, where these have any; else that in
    which the vocabulary has the largest pieces of the text.
    """
    restored = None if capitals is None else capitals.restore(text)
    return _largest_pieces(text, tokenizer) if restored is None else restored


def _is_title(text: str, words: Sequence[str]) -> bool:
    """Return whether a text has the capitals of a title: of the first, the last and most words.

    Some styles write up to four letters of a word without: with, from. No full stop ends a title,
    but dots may: Save As...
    """
    small = [word for word in words if not word[0].isupper()]
    is_sentence = end_mark(text) in tuple(FULL_STOPS) and not text.endswith(DOTS)
    return (
        len(words) > 1
        and not is_sentence
        and words[0] not in small
        and words[-1] not in small
        and len(small) <= MAX_SMALL_SHARE * len(words)
        and all(len(word) <= MAX_SMALL_LETTERS for word in small)
    )


def _capitalised_words(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the words that have capitals within sentences, the most frequent first."""
    forms, totals = Counter[str](), Counter[str]()
    for text in texts:
        for word in _WORD.finditer(text):
            if not _begins_sentence(text, word):
                forms[word[0]] += 1
                totals[word[0].lower()] += 1
    words = [
        form
        for form, count in sorted(forms.items(), key=lambda item: (-item[1], item[0]))
        if form != form.lower()
        and count >= MIN_COUNT
        and count >= MIN_WORD_SHARE * totals[form.lower()]
    ]
    return tuple(words[:MAX_WORDS])


def _is_capitalised(word: str) -> bool:
    """Return whether a word has a capital and then small letters: Don't, not DVD or McLeod."""
    return len(word) > 1 and word[0].isupper() and word[1:] == word[1:].lower()


def _forms(word: str) -> tuple[str, str]:
    """Return a word in small letters, and what of it stands before an apostrophe."""
    lower = word.lower()
    return lower, plain_signs(lower).partition("'")[0]


def _begins_sentence(text: str, word: re.Match[str]) -> bool:
    return bool(_START.search(text, max(0, word.start() - SIGNS_BEFORE), word.start()))


def _first_letter(text: str) -> str:
    """Return the first letter of a text, if it is one with capitals."""
    first = next(filter(str.isalpha, text), "")
    return first if first.lower() != first.upper() else ""


def _largest_pieces(text: str, tokenizer: Tokenizer) -> str:
    """Return a text in the case in which the vocabulary has the largest pieces of it.

    Only texts all in capitals, or with a small first letter, are changed; where several cases have
    equally many unknown words and tokens, the text stays as it is.
    """
    spellings = _spellings(text)
    if len(spellings) == 1 or tokenizer.level == "char":
        return text
    encoded = list(tokenizer.encode_all(spellings))
    costs = [_cost(ids) for ids in encoded]
    best = spellings[costs.index(min(costs))]
    return best if best == text else _with_names(best, tokenizer)


def _with_names(text: str, tokenizer: Tokenizer) -> str:
    """Return a text with capitals where the vocabulary has larger pieces of a word with one."""
    words = text.split(" ")
    capitalised = [word[:1].upper() + word[1:] for word in words]
    plain, names = (
        list(tokenizer.encode_all(f" {word}" for word in side)) for side in (words, capitalised)
    )
    return " ".join(
        name if len(name) == len(word) and _cost(b) < _cost(a) else word
        for word, name, a, b in zip(words, capitalised, plain, names, strict=True)
    )


def _cost(ids: Sequence[int]) -> tuple[int, int]:
    return list(ids).count(UNK), len(ids)


def _spellings(text: str) -> list[str]:
    """Return a text and its other cases, of the same length."""
    start = next((i for i, character in enumerate(text) if character.isalpha()), len(text))
    letters = sum(map(str.isalpha, text))
    spellings = [text]
    lower = text.lower() if letters > 1 and text.isupper() else text
    if lower != text:
        spellings.append(lower)
    if lower[start : start + 1].islower():
        spellings.append(lower[:start] + lower[start].upper() + lower[start + 1 :])
    return [spelling for spelling in spellings if len(spelling) == len(text)]
