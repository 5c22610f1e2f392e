"""The features of texts for a model that is fitted in a moment.

They are n-grams, averaged word vectors and, where they help, the answers of another classifier.

Shapes: N texts, F n-grams of all texts end to end, U different ones, D values of a vector, K labels
of the other classifier, E values that each text has (D + K).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rnncli.networks.numerics import Floats, Ints, unit_vectors
from rnncli.tasks.classify.ngrams import WORD, NgramFeatures
from rnncli.text.unicode import has_letter, plain_signs, replace_surrogates, separate_unspaced
from rnncli.text.vectors import MIN_COVERAGE, WordVectors

NGRAMS = NgramFeatures(word_orders=(1, 2), character_orders=(3, 5))
MAX_CHARACTERS = 10_000  # of a text that are read: its kind shows long before
VECTOR_SHARE = 0.4  # of vectors in the product of two texts; the others are of n-grams
COMMON_SHARE = 64  # one text in so many has an n-gram that is common
DENSE_COLUMNS = 2_048  # common n-grams whose products are computed at once: bounds memory
ANSWER_SHARE = 0.5  # of another classifier's answers, where there are any; see labelling.md
PROJECTED_DIM = 256  # of n-grams, where word vectors do not suit


@dataclass(frozen=True)
class TextFeatures:
    """The features of texts.

    The vector of each text has length 1, and so have its n-grams; answers have it in the mean.
    """

    vectors: Floats  # (N, D)
    columns: Ints  # (F,) ascending in each text
    bounds: Ints  # (N + 1,) where each text's n-grams begin, and the end of all
    values: Floats  # (F,)
    width: int  # U
    answers: Floats  # (N, K) of another classifier; K is 0 where there is none

    def __len__(self) -> int:
        return len(self.vectors)

    def select(self, rows: Sequence[int] | Ints) -> "TextFeatures":
        """Return the features of some texts."""
        rows = np.asarray(rows, np.int64)
        counts = np.diff(self.bounds)[rows]
        bounds = np.append(0, np.cumsum(counts))
        places = np.repeat(self.bounds[rows] - bounds[:-1], counts) + np.arange(bounds[-1])
        return TextFeatures(
            self.vectors[rows],
            self.columns[places],
            bounds,
            self.values[places],
            self.width,
            self.answers[rows],
        )

    def products(self) -> Floats:
        """Return the products (N, N) of the features of all texts; of one with itself about 1."""
        dense = self._dense()
        products: Floats = dense @ dense.T + self._ngram_share * self.ngram_products()
        return products

    def ngram_products(self) -> Floats:
        """Return the products (N, N) of the n-grams alone, of a text with itself 1.

        Those of n-grams that many texts have are one matrix product; pairs of texts that share
        others are added one by one.
        """
        order = np.argsort(self.columns, kind="stable")
        _, columns, counts = np.unique(self.columns[order], return_inverse=True, return_counts=True)
        texts, values = self._texts()[order], self.values[order]
        size = len(self)
        is_common = counts > size // COMMON_SHARE
        products = np.zeros((size, size), np.float32)
        places = (is_common.cumsum() - 1)[columns]  # among the common ones
        for first in range(0, int(is_common.sum()), DENSE_COLUMNS):
            block = is_common[columns] & (places // DENSE_COLUMNS == first // DENSE_COLUMNS)
            dense = np.zeros((size, DENSE_COLUMNS), np.float32)
            dense[texts[block], places[block] - first] = values[block]
            products += dense @ dense.T
        rare = ~is_common[columns]
        columns, texts, values = columns[rare], texts[rare], values[rare]
        pairs = np.arange(len(columns))
        for distance in range(1, size // COMMON_SHARE):
            pairs = pairs[pairs < len(columns) - distance]
            pairs = pairs[columns[pairs] == columns[pairs + distance]]
            others = pairs + distance
            np.add.at(products, (texts[pairs], texts[others]), values[pairs] * values[others])
            np.add.at(products, (texts[others], texts[pairs]), values[pairs] * values[others])
        products[np.diag_indices(size)] = self._sums(self.values**2)
        return products

    def combine(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the sums, by weights (N, C) of texts, of what stands for (E, C) and (U, C)."""
        texts = self._texts()
        by_ngrams = [
            np.bincount(self.columns, column[texts] * self.values, self.width)
            for column in weights.T
        ]
        return (
            self._dense().T @ weights,
            self._ngram_share * np.stack(by_ngrams, 1).astype(np.float32),
        )

    def score(self, by_dense: Floats, by_ngrams: Floats) -> Floats:
        """Return the products (N, C) with weights of vectors and answers (E, C), n-grams (U, C)."""
        sums = [self._sums(self.values * column[self.columns]) for column in by_ngrams.T]
        scores: Floats = self._dense() @ by_dense + np.stack(sums, 1)
        return scores

    @property
    def _answer_share(self) -> float:
        return ANSWER_SHARE if self.answers.shape[1] else 0.0

    @property
    def _ngram_share(self) -> np.float32:
        return np.float32((1 - VECTOR_SHARE) * (1 - self._answer_share))

    def _dense(self) -> Floats:
        """Return the weighted vectors and answers (N, E) of the texts."""
        vector_share = VECTOR_SHARE * (1 - self._answer_share)
        dense: Floats = np.concatenate(
            [
                np.float32(np.sqrt(vector_share)) * self.vectors,
                np.float32(np.sqrt(self._answer_share)) * self.answers,
            ],
            1,
        )
        return dense

    def _texts(self) -> Ints:
        """Return the number of the text (F,) of each n-gram."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def _sums(self, products: Floats) -> Floats:
        """Return the sum (N,) of each text's products (F,)."""
        totals = np.append(0.0, np.cumsum(products, dtype=np.float64))[self.bounds]
        return np.diff(totals).astype(np.float32)


class TextVectorizer:
    """Turn texts into features, whose weights follow from the texts that it was made of."""

    def __init__(self, texts: Sequence[str], vectors: WordVectors) -> None:
        """Count the words and n-grams of texts, without looking at any label."""
        texts = [text[:MAX_CHARACTERS] for text in texts]
        self._buckets, counts = np.unique(NGRAMS.extract(texts)[0], return_counts=True)
        self._buckets = self._buckets[counts > 1]  # others connect no two texts
        words = Counter(chain.from_iterable(_words(texts)))
        self._vectors = _WordVectors.of(words, vectors)

    @property
    def is_english(self) -> bool:
        """Whether the word vectors have most words of the texts."""
        return self._vectors is not None

    def __call__(self, texts: Sequence[str]) -> TextFeatures:
        """Return the features of texts, of long ones those of the first characters."""
        texts = [text[:MAX_CHARACTERS] for text in texts]
        buckets, starts = NGRAMS.extract(texts)
        places = np.searchsorted(self._buckets, buckets)
        known = np.flatnonzero(places < len(self._buckets))
        known = known[self._buckets[places[known]] == buckets[known]]
        columns = places[known]
        bounds = np.searchsorted(known, np.append(starts, len(buckets)))
        counts = np.diff(bounds)
        values = (1 / np.sqrt(np.repeat(counts, counts))).astype(np.float32)
        if self._vectors is not None:
            vectors = self._vectors.average(texts)
        else:
            vectors = _project(buckets[known], counts)
        none = np.empty((len(texts), 0), np.float32)
        return TextFeatures(vectors, columns, bounds, values, len(self._buckets), none)


class _WordVectors:
    """The vectors of the words of some texts."""

    def __init__(self, rows: dict[str, int], values: Floats, centre: Floats) -> None:
        self._rows = rows
        self._values = values  # (W, D)
        self._centre = centre  # (D,)

    @classmethod
    def of(cls, words: Counter[str], vectors: WordVectors) -> "_WordVectors | None":
        """Return the vectors of counted words; None where too few of the words have one."""
        total = sum(number for word, number in words.items() if has_letter(word))
        known = {word: number for word, number in words.items() if word in vectors}
        covered = sum(number for word, number in known.items() if has_letter(word))
        if not known or covered < MIN_COVERAGE * total:
            return None
        values = np.stack([vectors[word] for word in known]).astype(np.float32)
        centre = np.average(values, 0, list(known.values())).astype(np.float32)
        return cls({word: row for row, word in enumerate(known)}, values, centre)

    def average(self, texts: Sequence[str]) -> Floats:
        """Return the mean (N, D) of the vectors of each text's words, with length 1."""
        means = np.zeros((len(texts), len(self._centre)), np.float32)
        for i, words in enumerate(_words(texts)):
            if rows := [row for word in words if (row := self._rows.get(word)) is not None]:
                means[i] = self._values[rows].mean(0) - self._centre
        return unit_vectors(means)


def _words(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the words of each text in small letters."""
    for text in texts:
        folded = plain_signs(replace_surrogates(text)).lower()
        yield WORD.findall(separate_unspaced([folded])[0])


def _project(buckets: Ints, counts: Ints) -> Floats:
    """Return projections (N, D) of n-grams (F,), by their hashes (Weinberger et al. 2009)."""
    signs = np.where(buckets // PROJECTED_DIM % 2 == 0, 1.0, -1.0)
    texts = np.repeat(np.arange(len(counts)), counts)
    places = texts * PROJECTED_DIM + buckets % PROJECTED_DIM
    sums = np.bincount(places, signs, len(counts) * PROJECTED_DIM)
    return unit_vectors(sums.reshape(-1, PROJECTED_DIM).astype(np.float32))
