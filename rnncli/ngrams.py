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

from rnncli.arrays import Floats, Ints
from rnncli.chunks import chunks

# Words with their apostrophes, single signs, and each character of scripts without spaces.
WORD = re.compile(r"[぀-ヿ㐀-鿿]|\w+(?:['’]\w+)*|[^\w\s]")
BEGIN, END = 2, 3  # of a text, among its words and, as control characters, among its characters
PLACES = 1 << 24  # that hashes lead to: two of the n-grams that are kept hardly ever share one
CHUNK = 1 << 18  # characters looked at together: enough to hide what each call costs

Values = NDArray[np.uint64]


@dataclass(frozen=True)
class NGrams:
    """Say which n-grams count: the n of those of words, and of those of characters."""

    words: tuple[int, ...]
    characters: tuple[int, ...]

    def gathered(self, texts: Iterable[str]) -> tuple[Ints, Ints]:
        """Return the places of all texts' n-grams, end to end, and where each text's begin (N,).

        Places are below ``PLACES``; each is there once for a text, in their order.
        """
        places, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for chunk in chunks(texts, CHUNK):
            keys = np.sort(np.concatenate([np.empty(0, np.uint64), *self._keys(chunk)]))
            keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # np.unique is slower
            places.append((keys % np.uint64(PLACES)).astype(np.int64))
            owners = (keys // np.uint64(PLACES)).astype(np.int64)
            counts.append(np.bincount(owners, minlength=len(chunk)))
        lengths = np.concatenate(counts)
        return np.concatenate(places), np.cumsum(lengths) - lengths

    def _keys(self, texts: Sequence[str]) -> Iterator[Values]:
        """Yield, for every n-gram of each text, the text's number times PLACES plus its place."""
        folded = [" ".join(text.lower().split()) for text in texts]
        if self.words:
            found = [WORD.findall(text) for text in folded]
            values = [
                value
                for words in found
                for value in (
                    BEGIN,
                    *(zlib.crc32(w.encode("utf-8", "replace")) for w in words),
                    END,
                )
            ]
            lengths = [len(words) + 2 for words in found]
            yield from _hashed(np.array(values, np.uint64), lengths, self.words)
        if self.characters:
            joined = "".join(f"{chr(BEGIN)}{text}{chr(END)}" for text in folded)
            code = np.frombuffer(joined.encode("utf-32-le", "replace"), np.uint32)
            lengths = [len(text) + 2 for text in folded]
            yield from _hashed(code.astype(np.uint64), lengths, self.characters)


def _hashed(values: Values, lengths: Sequence[int], orders: Sequence[int]) -> Iterator[Values]:
    """Yield the keys of all n-grams of some sequences, which lie end to end.

    The hash is FNV-1a over values instead of bytes; that of an n-gram goes on from that of its
    first n - 1 values.
    """
    prime = np.uint64(0x100000001B3)
    owners = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    hashes = np.full(len(values), 0xCBF29CE484222325, np.uint64)
    for n in range(1, max(orders) + 1):
        count = len(values) - n + 1
        if count <= 0:
            return
        hashes = (hashes[:count] ^ values[n - 1 :]) * prime
        hashes ^= hashes >> np.uint64(29)  # a product alone leaves low bits to low bits
        if n in orders:
            inside = owners[:count] == owners[n - 1 :]  # of one text
            yield owners[:count][inside] * np.uint64(PLACES) + hashes[inside] % np.uint64(PLACES)


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
        for chunk in chunks(texts, CHUNK):
            places, starts = self.ngrams.gathered(chunk)
            rows, starts = found_rows(self.places, places, starts)
            total = np.zeros((len(rows) + 1, len(self.bias)))
            np.cumsum(self.weight[rows], 0, dtype=np.float64, out=total[1:])  # (P, C)
            ends = np.append(starts[1:], len(rows))
            logits.append((total[ends] - total[starts] + self.bias).astype(np.float32))
        return np.concatenate(logits)


def found_rows(known: Ints, places: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Return which of the known places (U,) texts have, and where each text's begin (N,)."""
    rows = np.searchsorted(known, places).clip(max=len(known) - 1)
    there = known[rows] == places
    before = np.append(0, np.cumsum(there))
    return rows[there], before[starts]
