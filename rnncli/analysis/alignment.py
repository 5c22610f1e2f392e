"""Align the words of a source and of its translation by the translator's attention.

Attention is between tokens, which may be pieces of words (Bahdanau, Cho and Bengio 2015, section
5.2.1, draw it between words). A person reads words: what a word of the source got is what its
pieces got together, what a word of the translation gave is the mean over its pieces.

The end of the sentence is no word. What attention it got is missing: the weights of a word of the
translation sum to 1 at most, and to less where the translator looked at the end.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.networks.numerics import Floats
from rnncli.text.unicode import has_unspaced


@dataclass(frozen=True)
class Alignment:
    """The words of a source and of its translation, and how much each of these attended to those.

    A pair of texts that could not be aligned has no words.
    """

    source: tuple[str, ...]  # S words
    target: tuple[str, ...]  # T words
    weights: Floats  # (T, S)

    def __bool__(self) -> bool:
        return bool(self.target)


EMPTY_ALIGNMENT = Alignment((), (), np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class Tokens:
    """A text, its tokens, and where in it each of them ends."""

    text: str
    ids: Sequence[int]
    ends: Sequence[int]

    def words(self) -> tuple[tuple[str, ...], list[int]]:
        """Return the words of the text, and the number of the first token of each.

        A word is what stands between spaces; in a script without spaces, a token.
        """
        words: list[str] = []
        first_tokens: list[int] = []
        start = 0
        for number, end in enumerate(self.ends):
            piece = self.text[start:end]  # empty where several tokens spell one character
            if not words or _begins_word(words[-1], piece):
                words.append("")
                first_tokens.append(number)
            words[-1] += piece
            start = end
        return tuple(map(str.strip, words)), first_tokens


def merge(source: Tokens, target: Tokens, weights: Floats) -> Alignment:
    """Return the alignment of two texts, neither blank, from the weights (T, S) of their tokens.

    What lies behind the last token of either, its end and padding, is left out.
    """
    weights = weights[: len(target.ends), : len(source.ends)]
    source_words, columns = source.words()
    target_words, rows = target.words()
    sums = np.add.reduceat(weights, columns, axis=1)  # (T, words)
    sizes = np.diff([*rows, len(weights)])  # (words,)
    means = np.add.reduceat(sums, rows, axis=0) / sizes[:, None]
    return Alignment(source_words, target_words, means.astype(np.float32))


def _begins_word(before: str, piece: str) -> bool:
    """Return whether a piece begins a word, after the text before it."""
    if not before.strip() or not piece or unicodedata.category(piece[0]).startswith("M"):
        return False  # a space goes with the word behind it, a mark with the letter before it
    return piece[0].isspace() or has_unspaced(before[-1] + piece[0])
