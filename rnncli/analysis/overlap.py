"""How much of a text stands, word for word, in another one; NumPy alone.

Nothing of the source is indexed. Windows of both texts are hashed, all of one length at a time, and
those of the text looked for among those of the source; the longest that is found is closed in on
by bisection. Hashes have 64 bits: that one of a million windows is mistaken for one of a thousand
others happens once in ten thousand million times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnncli.text.files import File, read_text

STRETCH = 32  # characters: from so many on, hardly anything stands in two texts by chance
BLOCK = 1 << 20  # windows of the source that are hashed at once: bounds memory
BASE = 0x9E3779B97F4A7C15  # of the polynomial; odd, so that it has an inverse modulo 2 ** 64
SPARSE = 64  # places in the table for each window that is looked for

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Copied:
    """How much of a text is copied."""

    longest: int  # characters in a row
    share: float  # of the characters, those in stretches of at least ``STRETCH``


class Source:
    """A text that others may have been copied from."""

    def __init__(self, text: str) -> None:
        self._text = text

    def copied(self, texts: Sequence[str]) -> list[Copied]:
        """Return how much of each text stands in the source."""
        covered = [_covered(found) for found in self._windows_found(texts, STRETCH)]
        is_long = np.array([own.any() for own in covered], bool)
        low = np.where(is_long, STRETCH, 0)
        high = np.where(is_long, max(map(len, texts), default=0), STRETCH - 1)
        while len(open_ := np.flatnonzero(low < high)):  # a window of ``low`` stands there
            middle = (low + high + 1) // 2
            for length in np.unique(middle[open_]).tolist():
                rows = open_[middle[open_] == length]
                stands = np.array(self.has_stretch_of([texts[row] for row in rows], length))
                low[rows[stands]], high[rows[~stands]] = length, length - 1
        return [
            Copied(longest, float(own.mean()) if len(own) else 0.0)
            for longest, own in zip(low.tolist(), covered, strict=True)
        ]

    def has_stretch_of(self, texts: Sequence[str], length: int) -> list[bool]:
        """Return whether each text has so many characters in a row that stand in the source."""
        return [bool(found.any()) for found in self._windows_found(texts, length)]

    def _windows_found(self, texts: Sequence[str], length: int) -> list[NDArray[np.bool_]]:
        """Return whether each character of each text begins a window that stands in the source."""
        whole = "".join(texts)
        found = np.zeros(len(whole), bool)
        hashes = _hashes(whole, length)
        found[: len(hashes)] = self._are_in_source(hashes, length)
        parts = np.split(found, np.cumsum([len(text) for text in texts])[:-1]) if texts else []
        for part in parts:
            part[max(0, len(part) - length + 1) :] = False  # these reach into the next text
        return parts

    def _are_in_source(self, hashes: Words, length: int) -> NDArray[np.bool_]:
        wanted, places = np.unique(hashes, return_inverse=True)
        found = np.zeros(len(wanted), bool)
        if not len(wanted):
            return found
        bits = (SPARSE * len(wanted)).bit_length()
        shift = np.uint64(64 - bits)
        table = np.zeros(1 << bits, bool)  # whether a hash that begins so is looked for
        table[wanted >> shift] = True
        for start in range(0, len(self._text) - length + 1, BLOCK):
            own = _hashes(self._text[start : start + BLOCK + length - 1], length)
            likely = own[table[own >> shift]]
            nearest = np.minimum(np.searchsorted(wanted, likely), len(wanted) - 1)
            found[nearest[wanted[nearest] == likely]] = True
        result: NDArray[np.bool_] = found[places]
        return result


def read_source(path: Path) -> Source:
    """Read a text file, unpacked if it is gzipped.

    Raises:
        DataError: it cannot be read, or is damaged.

    """
    return Source(read_text(File(path, str(path))))


def _hashes(text: str, length: int) -> Words:
    """Return the hash of each window of so many characters: a polynomial of them."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(codes) < length:
        return np.zeros(0, np.uint64)
    powers, inverses = _powers((len(codes) - 1).bit_length())
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * powers[: len(codes)], out=sums[1:])
    hashes: Words = sums[length:] - sums[:-length]
    hashes *= inverses[: len(hashes)]
    return hashes


@lru_cache(2)
def _powers(bits: int) -> tuple[Words, Words]:
    """Return the first 2 ** bits powers of the base, and their inverses, modulo 2 ** 64."""
    bases = (BASE, pow(BASE, -1, 1 << 64))
    powers, inverses = (
        np.cumprod(np.full(1 << bits, base, np.uint64), dtype=np.uint64) for base in bases
    )
    return powers, inverses


def _covered(begins: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which characters lie in a window of ``STRETCH`` that begins somewhere."""
    change = np.zeros(len(begins) + STRETCH, np.int64)
    change[: len(begins)] += begins
    change[STRETCH:] -= begins
    covered: NDArray[np.bool_] = change.cumsum()[: len(begins)] > 0
    return covered
