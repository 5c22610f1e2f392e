"""Find texts that are like a text: those that share rare words, and rare pairs of words, with it.

A text is a vector of terms, its tokens and its pairs of neighbours, each as heavy as it is rare
(tf-idf: Spärck Jones 1972); texts are alike where their vectors point in the same direction.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import EncodedTexts
from rnncli.networks.numerics import Floats, Ints

SLOTS = 1 << 20  # of terms: pairs share them by chance, which does no harm where they are many
LOOKED_AT = 1 << 14  # texts that share a term, at most: common terms say little and take long
FIRST, SECOND = 2_654_435_761, 2_246_822_519  # odd, and without a pattern in their bits


@dataclass(frozen=True)
class SimilarTexts:
    """Texts by their terms: for each term, the texts that it occurs in."""

    rows: NDArray[np.int32]  # (P,) the texts of the first term, then those of the second, ...
    ends: NDArray[np.int32]  # (SLOTS,) where those of each term end
    scale: Floats  # (texts,) what makes vectors of length 1

    @classmethod
    def of(cls, texts: EncodedTexts) -> "SimilarTexts":
        """Sort some texts by what they have in common."""
        terms = _terms(texts.tokens.astype(np.int64), texts.offsets[:-1])  # (P,) two a token
        rows = np.repeat(np.arange(len(texts), dtype=np.int32), 2 * texts.lengths)  # (P,)
        sizes = np.bincount(terms, minlength=SLOTS)  # (SLOTS,)
        weights = _weights(sizes, len(texts))
        squares = np.bincount(rows, weights[terms] ** 2, len(texts))  # (texts,)
        scale = (1 / np.sqrt(np.maximum(squares, 1e-6))).astype(np.float32)
        return cls(rows[_order(terms)], np.cumsum(sizes, dtype=np.int32), scale)

    def nearest(self, tokens: Ints, most: int) -> NDArray[np.int64]:
        """Return the texts that are most like one of ``tokens`` (T,), best first.

        They are fewer than ``most`` where fewer have anything in common with it. Terms are looked
        at from the rarest on, until so many texts have come up that the rest would not matter.
        """
        terms = np.unique(_terms(tokens.astype(np.int64), np.zeros(1, np.int64)))
        starts, ends = np.where(terms > 0, self.ends[terms - 1], 0), self.ends[terms]
        order = np.argsort(ends - starts, kind="stable")
        sizes = (ends - starts)[order]
        sizes = sizes[np.cumsum(sizes) <= max(LOOKED_AT, sizes.min(initial=LOOKED_AT))]
        spans = [slice(starts[i], ends[i]) for i in order[: len(sizes)]]
        rows = np.concatenate([self.rows[:0], *(self.rows[span] for span in spans)])
        shared = np.repeat(_weights(sizes, len(self.scale)) ** 2, sizes)
        likeness = np.bincount(rows, shared, len(self.scale)) * self.scale  # (texts,)
        found = np.flatnonzero(likeness)
        if len(found) > most:
            bound = np.partition(likeness[found], -most)[-most]
            found = found[likeness[found] >= bound]
        return found[np.argsort(-likeness[found], kind="stable")][:most]


def _weights(sizes: Ints, texts: int) -> Floats:
    """Return how much terms count, from how often they occur: nothing, if in all texts."""
    weights: Floats = np.log((texts + 1) / (sizes + 0.5)).clip(0).astype(np.float32)
    return weights


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
