"""Find texts that are like a text: those that share rare words, and rare pairs of words, with it.

A text is a vector of terms, its tokens and its pairs of neighbours, each as heavy as it is rare
(tf-idf: Spärck Jones 1972); texts are alike where their vectors point in the same direction.
"""

import numpy as np
from numpy.typing import NDArray

from rnncli.arrays import Ints
from rnncli.batches import EncodedTexts

SLOTS = 1 << 20  # of terms: pairs share them by chance, which does no harm where they are many
LOOKED_AT = 1 << 16  # texts that share a term, at most: common terms say little and take long
FIRST, SECOND = 2_654_435_761, 2_246_822_519  # odd, and without a pattern in their bits


class SimilarTexts:
    """Texts by their terms: for each term, the texts that it occurs in."""

    def __init__(self, texts: EncodedTexts) -> None:
        terms = _terms(texts.tokens.astype(np.int64), texts.offsets[:-1])  # (P,) two a token
        rows = np.repeat(np.arange(len(texts), dtype=np.int32), 2 * texts.lengths)  # (P,)
        counts = np.bincount(terms, minlength=SLOTS)  # (SLOTS,)
        self._rows = rows[_order(terms)]  # (P,) term by term
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        # How much a term counts: nothing, where it occurs in all texts.
        self._weights = np.log((len(texts) + 1) / (counts + 0.5)).clip(0).astype(np.float32)
        squares = np.bincount(rows, self._weights[terms] ** 2, len(texts))  # (texts,)
        self._scale = (1 / np.sqrt(np.maximum(squares, 1e-6))).astype(np.float32)

    def nearest(self, tokens: Ints, most: int) -> NDArray[np.int64]:
        """Return the texts that are most like one of ``tokens`` (T,), best first.

        They are fewer than ``most`` where fewer have anything in common with it. Terms are looked
        at from the rarest on, until so many texts have come up that the rest would not matter.
        """
        terms = np.unique(_terms(tokens.astype(np.int64), np.zeros(1, np.int64)))
        sizes = self._starts[terms + 1] - self._starts[terms]
        order = np.argsort(sizes, kind="stable")
        order = order[np.cumsum(sizes[order]) <= max(LOOKED_AT, sizes.min(initial=0))]
        terms, sizes = terms[order], sizes[order]
        spans = [slice(self._starts[term], self._starts[term + 1]) for term in terms]
        rows = np.concatenate([self._rows[:0], *(self._rows[span] for span in spans)])
        shared = np.repeat(self._weights[terms] ** 2, sizes)
        likeness = np.bincount(rows, shared, len(self._scale)) * self._scale  # (texts,)
        found = np.flatnonzero(likeness)
        if len(found) > most:
            bound = np.partition(likeness[found], -most)[-most]
            found = found[likeness[found] >= bound]
        return found[np.argsort(-likeness[found], kind="stable")][:most]


def _terms(tokens: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return two terms (2 T,) for each of some tokens (T,): itself, and it after the one before.

    What begins a text, at ``starts``, comes after nothing.
    """
    before = np.concatenate([[0], tokens[:-1]])
    before[starts[starts < len(tokens)]] = -1
    pairs = tokens * FIRST + (before + 2) * SECOND
    mixed = np.stack([tokens * FIRST, pairs], 1).ravel()
    terms: NDArray[np.int64] = (mixed ^ (mixed >> 29)) % SLOTS
    return terms


def _order(terms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of terms: sorted by their lower and then their upper half, which is fast."""
    order = np.argsort((terms & 0xFFFF).astype(np.uint16), kind="stable")
    return order[np.argsort((terms[order] >> 16).astype(np.uint16), kind="stable")]
