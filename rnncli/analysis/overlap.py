"""Measure how much of a text is copied verbatim from a source, in NumPy.

The windows of one length are hashed in both (a polynomial modulo 2 ** 64), and those of the text
looked up among those of the source; the longest match is found by bisection of the length. For 20
texts of 500 characters and a source of a megabyte this takes half a second, a twentieth of the time
of a search with Python's ``in``. Collisions are negligible: about 1e-10 for a thousand windows and
a source of a million.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.text.files import File, read_text

MIN_MATCH = 32  # characters: shorter matches may be chance
BLOCK = 1 << 20  # windows of the source that are hashed together: bounds memory
BASE = 0x9E3779B97F4A7C15  # of the polynomial; odd, so that it has an inverse modulo 2 ** 64
FILTER_SIZE = 64  # bits of the filter for each window: few false positives

Hashes: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True)
class Overlap:
    """The verbatim overlap of a text with a source."""

    longest: int  # characters of the longest match
    share: float  # of the characters in matches of at least ``MIN_MATCH``


class Source:
    """A text from which others may be copied."""

    def __init__(self, text: str) -> None:
        self._text = text

    def overlaps(self, texts: Sequence[str]) -> list[Overlap]:
        """Measure the overlap of each text with the source."""
        covered = [_cover(matches) for matches in self._matches(texts, MIN_MATCH)]
        has_match = np.array([mask.any() for mask in covered], bool)
        # Bisection: a window of ``low`` characters matches, none of more than ``high`` does.
        low = np.where(has_match, MIN_MATCH, 0)
        high = np.where(has_match, max(map(len, texts), default=0), MIN_MATCH - 1)
        while len(unfinished := np.flatnonzero(low < high)):
            middle = (low + high + 1) // 2
            for length in np.unique(middle[unfinished]).tolist():
                rows = unfinished[middle[unfinished] == length]
                matching = np.array(self.has_match([texts[row] for row in rows], length))
                low[rows[matching]], high[rows[~matching]] = length, length - 1
        return [
            Overlap(longest, float(mask.mean()) if len(mask) else 0.0)
            for longest, mask in zip(low.tolist(), covered, strict=True)
        ]

    def has_match(self, texts: Sequence[str], length: int) -> list[bool]:
        """Return whether each text has a match of ``length`` characters."""
        return [bool(matches.any()) for matches in self._matches(texts, length)]

    def _matches(self, texts: Sequence[str], length: int) -> list[NDArray[np.bool_]]:
        """Return whether each character of each text begins a window of the source."""
        concatenation = "".join(texts)
        matches = np.zeros(len(concatenation), bool)
        hashes = _hash_windows(concatenation, length)
        matches[: len(hashes)] = self._contains(hashes, length)
        ends = np.cumsum([len(text) for text in texts])
        parts = np.split(matches, ends[:-1]) if texts else []
        for part in parts:
            part[max(0, len(part) - length + 1) :] = False  # windows across two texts
        return parts

    def _contains(self, hashes: Hashes, length: int) -> NDArray[np.bool_]:
        """Return whether the source contains a window with each of the hashes."""
        unique_hashes, inverse = np.unique(hashes, return_inverse=True)
        is_match = np.zeros(len(unique_hashes), bool)
        if not len(unique_hashes):
            return is_match
        bits = (FILTER_SIZE * len(unique_hashes)).bit_length()
        shift = np.uint64(64 - bits)
        passes = np.zeros(1 << bits, bool)  # filters by the first bits, before the search
        passes[unique_hashes >> shift] = True
        for start in range(0, len(self._text) - length + 1, BLOCK):
            block = _hash_windows(self._text[start : start + BLOCK + length - 1], length)
            candidates = block[passes[block >> shift]]
            nearest = np.minimum(np.searchsorted(unique_hashes, candidates), len(unique_hashes) - 1)
            is_match[nearest[unique_hashes[nearest] == candidates]] = True
        result: NDArray[np.bool_] = is_match[inverse]
        return result


def read_source(path: Path) -> Source:
    """Read a text file, unpacked if it is gzipped.

    Raises:
        DataError: it cannot be read, or is damaged.

    """
    return Source(read_text(File(path, str(path))))


def _hash_windows(text: str, length: int) -> Hashes:
    """Compute the polynomial hash of each window of ``length`` characters."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(codes) < length:
        return np.zeros(0, np.uint64)
    powers, inverses = _powers((len(codes) - 1).bit_length())
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * powers[: len(codes)], out=sums[1:])
    hashes: Hashes = sums[length:] - sums[:-length]
    hashes *= inverses[: len(hashes)]
    return hashes


@lru_cache(2)
def _powers(bits: int) -> tuple[Hashes, Hashes]:
    """Compute the first 2 ** bits powers of the base, and their inverses, modulo 2 ** 64."""
    bases = (BASE, pow(BASE, -1, 1 << 64))
    powers, inverses = (
        np.cumprod(np.full(1 << bits, base, np.uint64), dtype=np.uint64) for base in bases
    )
    return powers, inverses


def _cover(begins: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which characters lie in a matching window of ``MIN_MATCH`` characters."""
    change = np.zeros(len(begins) + MIN_MATCH, np.int64)
    change[: len(begins)] += begins
    change[MIN_MATCH:] -= begins
    covered: NDArray[np.bool_] = change.cumsum()[: len(begins)] > 0
    return covered
