"""A bag of n-grams: which words, phrases and pieces of words a text has, for a linear model.

A network that reads in order needs many texts to learn what single words say; a linear model needs
few (Wang and Manning 2012), and what words are made of tells something of those it never met. The
place of an n-gram in a table follows from its hash (Weinberger et al. 2009), so that no vocabulary
is kept and none is too large.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.chunks import chunks
from rnncli.runtime import Floats, Ints

# Words with their apostrophes, single signs, and each character of scripts without spaces.
WORD = re.compile(r"[぀-ヿ㐀-鿿]|\w+(?:['’]\w+)*|[^\w\s]")
BEGIN, END = 2, 3  # of a text, among its words and, as control characters, among its characters
CHUNK = 1 << 18  # characters looked at together: enough to hide what each call costs

Values = NDArray[np.uint64]


@dataclass(frozen=True)
class NGrams:
    """Say which n-grams count: the n of those of words, and of those of characters."""

    words: tuple[int, ...]
    characters: tuple[int, ...]

    def gathered(self, texts: Iterable[str], size: int) -> tuple[Ints, Ints]:
        """Return the places of all texts' n-grams, end to end, and where each text's begin (N,).

        Places are rows of a table of ``size``; each is there once for a text, in their order.
        """
        places, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for chunk in chunks(texts, CHUNK):
            keys = np.sort(np.concatenate([np.empty(0, np.uint64), *self._keys(chunk, size)]))
            keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # np.unique is slower
            places.append((keys % np.uint64(size)).astype(np.int64))
            owners = (keys // np.uint64(size)).astype(np.int64)
            counts.append(np.bincount(owners, minlength=len(chunk)))
        lengths = np.concatenate(counts)
        return np.concatenate(places), np.cumsum(lengths) - lengths

    def _keys(self, texts: Sequence[str], size: int) -> Iterator[Values]:
        """Yield, for every n-gram of each text, the text's number times ``size`` plus its place."""
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
            yield from _hashed(np.array(values, np.uint64), lengths, self.words, size)
        if self.characters:
            joined = "".join(f"{chr(BEGIN)}{text}{chr(END)}" for text in folded)
            code = np.frombuffer(joined.encode("utf-32-le", "replace"), np.uint32)
            lengths = [len(text) + 2 for text in folded]
            yield from _hashed(code.astype(np.uint64), lengths, self.characters, size)


def _hashed(
    values: Values, lengths: Sequence[int], orders: Sequence[int], size: int
) -> Iterator[Values]:
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
            yield owners[:count][inside] * np.uint64(size) + hashes[inside] % np.uint64(size)


@dataclass(frozen=True)
class Bag:
    """Score the classes of texts by their n-grams alone."""

    ngrams: NGrams
    weight: Floats  # (B, C)
    bias: Floats  # (C,)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of the texts."""
        logits = [np.empty((0, len(self.bias)), np.float32)]
        for chunk in chunks(texts, CHUNK):
            places, starts = self.ngrams.gathered(chunk, len(self.weight))
            total = np.cumsum(self.weight[places], 0, dtype=np.float64)  # (P, C)
            total = np.concatenate([np.zeros((1, len(self.bias))), total])
            ends = np.append(starts[1:], len(places))
            logits.append((total[ends] - total[starts] + self.bias).astype(np.float32))
        return np.concatenate(logits)
