"""Align the words of a source and of its translation by attention.

Attention weights are those of tokens, which may be pieces of words. For words (as in Bahdanau, Cho
and Bengio 2015, section 5.2.1), they are summed over the tokens of a source word, and averaged over
the tokens of a target word.

The end of the sentence is no word: where it has attention, the weights of a target word sum to less
than 1.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.networks.numerics import Floats
from rnncli.text.unicode import has_unspaced


@dataclass(frozen=True)
class Alignment:
    """The words of a source and of its translation, and their attention weights.

    The alignment of texts that cannot be aligned has no words.
    """

    source: tuple[str, ...]  # S words
    target: tuple[str, ...]  # T words
    weights: Floats  # (T, S)

    def __bool__(self) -> bool:
        return bool(self.target)


EMPTY_ALIGNMENT = Alignment((), (), np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class Tokens:
    """A text, its tokens, and their ends in the text."""

    text: str
    ids: Sequence[int]
    ends: Sequence[int]

    def words(self) -> tuple[tuple[str, ...], list[int]]:
        """Return the words of the text, and the index of the first token of each.

        Words are separated by spaces; in a script without spaces, each token is one.
        """
        words: list[str] = []
        first_tokens: list[int] = []
        start = 0
        for number, end in enumerate(self.ends):
            piece = self.text[start:end]  # may be empty: several tokens can be one character
            if not words or _begins_word(words[-1], piece):
                words.append("")
                first_tokens.append(number)
            words[-1] += piece
            start = end
        return tuple(map(str.strip, words)), first_tokens


def merge(source: Tokens, target: Tokens, weights: Floats) -> Alignment:
    """Merge the attention weights (T, S) of tokens into those of words; neither text is blank.

    Weights of ``<eos>`` and padding are left out.
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
        return False  # spaces belong to the next word, combining marks to the letter before
    return piece[0].isspace() or has_unspaced(before[-1] + piece[0])
