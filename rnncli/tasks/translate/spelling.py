"""Read words with a typing error as the words that were meant: becuase as because.

A word that the training sources do not have is read as the most frequent one of theirs that a
single error turns into it: a letter too many or too few, another one, or two exchanged (Damerau
1964, who found most errors to be such).
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from rnncli.tasks.translate.source_language import SourceLanguage
from rnncli.text.tokenizer import Tokenizer

MIN_TEXTS = 40_000  # in fewer, many words are missing that are no errors: none is corrected
MIN_LETTERS = 5  # of a word; in shorter ones, of which many look alike, two letters are exchanged
MAX_LETTERS = 24
MAX_RARE = 10_000  # words: others hardly occur
MAX_ALPHABET = 100  # letters: with more, a word is one of them
# Of a frequent word: rarer tokens are mostly parts of words. A capitalised word may be a name.
MAX_BITS, MAX_CAPITALISED_BITS = 16.0, 12.0
_WORD = re.compile(r"(?<![\w'’-])[^\W\d_]+(?![\w'’-])")


@dataclass(frozen=True)
class Spelling:
    """The spelling of training sources."""

    rare: tuple[str, ...]  # words of several tokens, in small letters; none: nothing is corrected

    @classmethod
    def of(cls, texts: Iterable[str], language: SourceLanguage, tokenizer: Tokenizer) -> "Spelling":
        """Collect the rare words of texts, the most frequent of them first."""
        number, counts = 0, Counter[str]()
        for text in texts:
            counts.update(_WORD.findall(text.lower()))
            number += 1
        if number < MIN_TEXTS:
            return cls(())
        words = [word for word, _ in counts.most_common() if len(word) <= MAX_LETTERS]
        encoded = tokenizer.encode_all(f" {word}" for word in words)
        rare = (w for w, ids in zip(words, encoded, strict=True) if language.is_unknown(ids))
        return cls(tuple(islice(rare, MAX_RARE)))

    def correct(self, text: str, vocabulary: "Vocabulary") -> str:
        """Return a text with frequent words in the place of those that look like errors of them."""
        if not self.rare:
            return text
        return _WORD.sub(lambda match: self._meant(match, vocabulary), text)

    def _meant(self, match: re.Match[str], vocabulary: "Vocabulary") -> str:
        """Return the word that was meant; a name, with a capital within a text, stays."""
        word, lower = match[0], match[0].lower()
        is_capitalised = word != lower
        if is_capitalised and (match.start() or word[1:] != lower[1:]):
            return word
        if not 3 <= len(word) <= MAX_LETTERS or lower in self._rare or vocabulary.knows(lower):
            return word
        limit = MAX_CAPITALISED_BITS if is_capitalised else MAX_BITS
        _, meant = min(
            (
                (bits, other)
                for other in _edits(lower, vocabulary.alphabet)
                if (bits := vocabulary.bits.get(other, limit)) < limit and _is_likely(lower, other)
            ),
            default=(limit, lower),
        )
        return meant.capitalize() if is_capitalised else meant

    @cached_property
    def _rare(self) -> frozenset[str]:
        return frozenset(self.rare)


@dataclass(frozen=True)
class Vocabulary:
    """The words of training sources that are frequent enough to be a token."""

    language: SourceLanguage
    tokenizer: Tokenizer

    def knows(self, word: str) -> bool:
        """Return whether a word is a token, or made of frequent ones."""
        return not self.language.is_unknown(self.tokenizer.encode(f" {word}"))

    @cached_property
    def bits(self) -> dict[str, float]:
        """The bits of each word in small letters; none where words have no alphabet."""
        tokens = map(self.tokenizer.decode_token, range(self.tokenizer.vocab_size))
        bits = {
            token[1:]: self.language.bits("", [i])
            for i, token in enumerate(tokens)
            if token.startswith(" ") and token[1:].isalpha() and token.islower()
        }
        return bits if len(set("".join(bits))) <= MAX_ALPHABET else {}

    @cached_property
    def alphabet(self) -> str:
        """The letters of the words."""
        return "".join(sorted(set("".join(self.bits))))


def _is_likely(word: str, other: str) -> bool:
    """Return whether a word is likely to be an error, not another word or a form of ``other``.

    Errors rarely change the first letter, and other endings are mostly those of forms.
    """
    if sorted(word) == sorted(other):  # two letters are exchanged
        return True
    return len(word) >= MIN_LETTERS and (word[0], word[-1]) == (other[0], other[-1])


def _edits(word: str, alphabet: str) -> set[str]:
    """Return what a single error makes of a word."""
    halves = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    shorter = {a + b[1:] for a, b in halves if b}
    exchanged = {a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1}
    others = {a + letter + b[1:] for a, b in halves if b for letter in alphabet}
    longer = {a + letter + b for a, b in halves for letter in alphabet}
    return shorter | exchanged | others | longer
