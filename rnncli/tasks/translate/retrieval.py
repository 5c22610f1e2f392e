"""Search texts by tf-idf similarity over hashed unigrams and bigrams of tokens.

A text is a vector of terms, its unigrams and bigrams, weighted by inverse document frequency
(Spärck Jones 1972); the similarity of two texts is the cosine of their vectors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import EncodedTexts
from rnncli.networks.numerics import Floats, Ints

HASH_BUCKETS = 1 << 20  # of terms: so many that collisions are rare
MAX_CANDIDATES = 1 << 14  # texts that share a term: frequent terms are slow and discriminate little
# Odd factors of a multiplicative hash, without a pattern in their bits.
TOKEN_FACTOR, PREVIOUS_FACTOR = 2_654_435_761, 2_246_822_519


@dataclass(frozen=True)
class SimilarTexts:
    """An inverted index: for each term, the texts in which it occurs."""

    rows: NDArray[np.int32]  # (P,) the texts of the first term, then those of the second, ...
    ends: NDArray[np.int32]  # (HASH_BUCKETS,) end of each term's texts in ``rows``
    scale: Floats  # (texts,) 1 / the length of each vector

    @classmethod
    def of(cls, texts: EncodedTexts) -> "SimilarTexts":
        """Index texts by their terms."""
        terms = _terms(texts.tokens.astype(np.int64), texts.offsets[:-1])  # (P,) two a token
        rows = np.repeat(np.arange(len(texts), dtype=np.int32), 2 * texts.lengths)  # (P,)
        sizes = np.bincount(terms, minlength=HASH_BUCKETS)  # (HASH_BUCKETS,)
        weights = _weights(sizes, len(texts))
        squares = np.bincount(rows, weights[terms] ** 2, len(texts))  # (texts,)
        scale = (1 / np.sqrt(np.maximum(squares, 1e-6))).astype(np.float32)
        return cls(rows[_order(terms)], np.cumsum(sizes, dtype=np.int32), scale)

    def nearest(self, tokens: Ints, max_texts: int) -> NDArray[np.int64]:
        """Return the ``max_texts`` texts most similar to ``tokens`` (T,), best first.

        Texts without a common term are left out. Terms are looked up from the rarest on, as long as
        they have at most ``MAX_CANDIDATES`` texts together.
        """
        similarity = self.similarity(tokens, MAX_CANDIDATES)
        candidates = np.flatnonzero(similarity)
        if len(candidates) > max_texts:
            bound = np.partition(similarity[candidates], -max_texts)[-max_texts]
            candidates = candidates[similarity[candidates] >= bound]
        return candidates[np.argsort(-similarity[candidates], kind="stable")][:max_texts]

    def similarity(
        self, tokens: Ints, max_candidates: int | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return the cosine (texts,) of each text and ``tokens`` (T,), by the terms that are known.

        With ``max_candidates``, terms are looked up as in ``nearest``.
        """
        terms = np.unique(_terms(tokens.astype(np.int64), np.zeros(1, np.int64)))
        starts, ends = np.where(terms > 0, self.ends[terms - 1], 0), self.ends[terms]
        order = np.argsort(ends - starts, kind="stable")
        sizes = (ends - starts)[order]
        if max_candidates is not None:
            most = max(max_candidates, sizes.min(initial=max_candidates))
            sizes = sizes[np.cumsum(sizes) <= most]
        spans = [slice(starts[i], ends[i]) for i in order[: len(sizes)]]
        rows = np.concatenate([self.rows[:0], *(self.rows[span] for span in spans)])
        squares = _weights(sizes, len(self.scale)) ** 2
        length = np.sqrt(max(squares[sizes > 0].sum(), 1e-6))
        shared = np.repeat(squares, sizes)
        products = np.bincount(rows, shared, len(self.scale))
        cosines: NDArray[np.floating[Any]] = products * self.scale / length
        return cosines


def _weights(sizes: Ints, texts: int) -> Floats:
    """Return the inverse document frequencies of terms that occur in ``sizes`` of the texts."""
    weights: Floats = np.log((texts + 1) / (sizes + 0.5)).clip(0).astype(np.float32)
    return weights


def _terms(tokens: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return two hashed terms (2 T,) for each of the tokens (T,): a unigram and a bigram.

    The first token of a text, at ``starts``, has no token before it.
    """
    previous = np.concatenate([[0], tokens[:-1]])
    previous[starts[starts < len(tokens)]] = -1
    pairs = tokens * TOKEN_FACTOR + (previous + 2) * PREVIOUS_FACTOR
    hashes = np.stack([tokens * TOKEN_FACTOR, pairs], 1).ravel()
    terms: NDArray[np.int64] = (hashes ^ (hashes >> 29)) % HASH_BUCKETS
    return terms


def _order(terms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort terms, by their lower and then their upper half: a radix sort, which is fast."""
    order = np.argsort((terms & 0xFFFF).astype(np.uint16), kind="stable")
    return order[np.argsort((terms[order] >> 16).astype(np.uint16), kind="stable")]
