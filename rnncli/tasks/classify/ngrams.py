"""A bag of n-grams: which words, phrases and pieces of words a text has, for a linear model.

A network that reads in order needs many texts to learn what single words say; a linear model needs
few (Wang and Manning 2012), and what words are made of tells something of those it never met. An
n-gram is known by its hash (Weinberger et al. 2009): no text of it is kept.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, Ints
from rnncli.text.batching import batched
from rnncli.text.unicode import replace_surrogates

# Words with their apostrophes, single signs, and each character of scripts without spaces.
WORD = re.compile(r"[぀-ヿ㐀-鿿]|\w+(?:['’]\w+)*|[^\w\s]")
BEGIN, END = 2, 3  # of a text, among its words and, as control characters, among its characters
GAP = 1  # between two words of a pair with others between them
PLACES = 1 << 24  # that hashes lead to: two of the n-grams that are kept hardly ever share one
BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # of FNV-1a
CHUNK = 1 << 18  # characters looked at together: enough to hide what each call costs

Values = NDArray[np.uint64]


@dataclass(frozen=True)
class NGrams:
    """Say which n-grams count: the n of those of words, and of those of characters.

    Pairs of words that have others between them count where they are at most ``apart`` from each
    other, whatever the others are. ``scaled``, the n-grams of a long text tell no more than those
    of a short one.
    """

    words: tuple[int, ...]
    characters: tuple[int, ...]
    apart: int = 0
    scaled: bool = False

    def loudness(self, counts: Ints) -> Floats:
        """Return what each n-gram of a text tells, from how many it has; both are (N,)."""
        if not self.scaled:
            return np.ones(len(counts), np.float32)
        return (1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32)

    def gathered(self, texts: Iterable[str]) -> tuple[Ints, Ints]:
        """Return the places of all texts' n-grams, end to end, and where each text's begin (N,).

        Places are below ``PLACES``; each is there once for a text, in their order.
        """
        places, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for chunk in batched(texts, max_size=CHUNK):
            keys = np.sort(np.concatenate([np.empty(0, np.uint64), *self._keys(chunk)]))
            keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # np.unique is slower
            places.append((keys % np.uint64(PLACES)).astype(np.int64))
            owners = (keys // np.uint64(PLACES)).astype(np.int64)
            counts.append(np.bincount(owners, minlength=len(chunk)))
        lengths = np.concatenate(counts)
        return np.concatenate(places), np.cumsum(lengths) - lengths

    def _keys(self, texts: Sequence[str]) -> Iterator[Values]:
        """Yield, for every n-gram of each text, the text's number times PLACES plus its place."""
        folded = [" ".join(replace_surrogates(text).lower().split()) for text in texts]
        if self.words:
            found = [WORD.findall(text) for text in folded]
            values = [
                value
                for text in found
                for value in (
                    BEGIN,
                    *(zlib.crc32(w.encode()) for w in text),
                    END,
                )
            ]
            lengths = [len(text) + 2 for text in found]
            words = _Sequences(np.array(values, np.uint64), lengths)
            yield from words.ngrams(self.words)
            yield from words.pairs(self.apart)
        if self.characters:
            joined = "".join(f"{chr(BEGIN)}{text}{chr(END)}" for text in folded)
            code = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
            lengths = [len(text) + 2 for text in folded]
            characters = _Sequences(code.astype(np.uint64), lengths)
            yield from characters.ngrams(self.characters)


class _Sequences:
    """Sequences of values, end to end, whose n-grams are known by a hash: FNV-1a over values."""

    def __init__(self, values: Values, lengths: Sequence[int]) -> None:
        self._values = values
        self._owners = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)

    def ngrams(self, orders: Sequence[int]) -> Iterator[Values]:
        """Yield the keys of all n-grams; the hash of each goes on from that of all but its last."""
        hashes = np.full(len(self._values), BASIS)
        for n in range(1, min(max(orders), len(hashes)) + 1):
            hashes = _mixed(hashes[: len(self._values) - n + 1], self._values[n - 1 :])
            if n in orders:
                yield self._keys(hashes, n - 1)

    def pairs(self, apart: int) -> Iterator[Values]:
        """Yield the keys of all pairs with others between them, up to so far from each other."""
        first = _mixed(_mixed(np.full(len(self._values), BASIS), self._values), np.uint64(GAP))
        for distance in range(2, min(apart + 1, len(first))):
            yield self._keys(_mixed(first[:-distance], self._values[distance:]), distance)

    def _keys(self, hashes: Values, reach: int) -> Values:
        """Return the keys of hashes whose last value, so far on, is of the same sequence."""
        owners = self._owners[: len(hashes)]
        inside = owners == self._owners[reach:]
        keys: Values = owners[inside] * np.uint64(PLACES) + hashes[inside] % np.uint64(PLACES)
        return keys


def _mixed(hashes: Values, values: "Values | np.uint64") -> Values:
    """Return hashes that go on with other values."""
    hashes = (hashes ^ values) * PRIME
    hashes ^= hashes >> np.uint64(29)  # a product alone leaves low bits to low bits
    return hashes


@dataclass(frozen=True)
class Bag:
    """Score the classes of texts by their n-grams alone."""

    ngrams: NGrams
    places: Ints  # (U,) of the n-grams that count, from small to large
    weight: Floats  # (U, C)
    bias: Floats  # (C,)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of the texts."""
        logits = [np.empty((0, len(self.bias)), np.float32)]
        for chunk in batched(texts, max_size=CHUNK):
            places, starts = self.ngrams.gathered(chunk)
            loudness = self.ngrams.loudness(counts_of(places, starts))  # (N,)
            rows, starts = found_rows(self.places, places, starts)
            total = np.zeros((len(rows) + 1, len(self.bias)))
            np.cumsum(self.weight[rows], 0, dtype=np.float64, out=total[1:])  # (P, C)
            ends = np.append(starts[1:], len(rows))
            told = (total[ends] - total[starts]) * loudness[:, None]  # (N, C)
            logits.append((told + self.bias).astype(np.float32))
        return np.concatenate(logits)


def counts_of(places: Ints, starts: Ints) -> Ints:
    """Return how many places each text has (N,), from where each text's begin (N,)."""
    return np.diff(np.append(starts, len(places)))


def found_rows(known: Ints, places: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Return which of the known places (U,) texts have, and where each text's begin (N,)."""
    rows = np.searchsorted(known, places).clip(max=len(known) - 1)
    there = known[rows] == places
    before = np.append(0, np.cumsum(there))
    return rows[there], before[starts]
