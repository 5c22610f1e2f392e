"""A bag of n-grams: which words, phrases and pieces of words a text has, for a linear model.

A network that reads in order needs many texts to learn what single words say; a linear model needs
few (Wang and Manning 2012), and what words are made of tells something of those it never met. The
place of an n-gram in a table follows from its hash (Weinberger et al. 2009), so that no vocabulary
is kept and none is too large.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.runtime import Floats, Ints

# Words with their apostrophes, single signs, and each character of scripts without spaces.
WORD = re.compile(r"[぀-ヿ㐀-鿿]|\w+(?:['’]\w+)*|[^\w\s]")
BEGIN, END = 2, 3  # of a text, among characters and among words

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NGrams:
    """Say which n-grams count: the n of those of words, and of those of characters."""

    words: tuple[int, ...]
    characters: tuple[int, ...]

    def buckets(self, text: str, size: int) -> NDArray[np.int64]:
        """Return the places (K,) of a text's n-grams in a table of ``size`` rows, each once."""
        folded = " ".join(text.lower().split())
        found = [np.empty(0, np.uint64)]
        if self.words:
            words = [zlib.crc32(w.encode("utf-8", "replace")) for w in WORD.findall(folded)]
            found += _hashes(np.array([BEGIN, *words, END], np.uint64), self.words)
        if self.characters:
            code = np.frombuffer(folded.encode("utf-32-le", "replace"), np.uint32)
            characters = np.concatenate([[BEGIN], code, [END]]).astype(np.uint64)
            found += _hashes(characters, self.characters)
        return np.unique(np.concatenate(found) % np.uint64(size)).astype(np.int64)

    def gathered(self, texts: Iterable[str], size: int) -> tuple[Ints, Ints]:
        """Return the places of all texts' n-grams, end to end, and where each text's begin (N,)."""
        found = [self.buckets(text, size) for text in texts]
        lengths = np.fromiter(map(len, found), np.int64, len(found))
        return np.concatenate(found), np.cumsum(lengths) - lengths


def _hashes(values: Hashes, orders: Sequence[int]) -> list[Hashes]:
    """Return the hashes of all n-grams of a sequence (T,): FNV-1a, over values instead of bytes."""
    prime = np.uint64(0x100000001B3)
    found = []
    for n in orders:
        count = len(values) - n + 1
        if count <= 0:
            continue
        hashes = np.full(count, 0xCBF29CE484222325 ^ n, np.uint64)
        for i in range(n):
            hashes = (hashes ^ values[i : i + count]) * prime
            hashes ^= hashes >> np.uint64(29)  # a product alone leaves low bits to low bits
        found.append(hashes)
    return found


@dataclass(frozen=True)
class Bag:
    """Score the classes of texts by their n-grams alone."""

    ngrams: NGrams
    weight: Floats  # (B, C)
    bias: Floats  # (C,)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of the texts."""
        logits = np.empty((len(texts), len(self.bias)), np.float32)
        for i, text in enumerate(texts):
            logits[i] = self.weight[self.ngrams.buckets(text, len(self.weight))].sum(0)
        logits += self.bias
        return logits
