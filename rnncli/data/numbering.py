"""Number texts and labels such that equal ones have equal numbers, with 8 bytes of memory each."""

import hashlib
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]


def hash_texts(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return a hash of 8 bytes for each text, the same on every machine."""
    digests = bytearray()
    for text in texts:
        digests += hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.frombuffer(digests, "<u8").astype(np.uint64, copy=False)


def number_texts(texts: Iterable[str]) -> Numbers:
    """Number texts from 0, in the order of their hashes."""
    return np.unique(hash_texts(texts), return_inverse=True)[1].astype(np.int64)


def number_labels(labels: Iterable[str]) -> tuple[list[str], Numbers]:
    """Return the distinct labels as they first appear, and the number of each row's."""
    numbers: dict[str, int] = {}
    rows = np.fromiter((numbers.setdefault(label, len(numbers)) for label in labels), np.int64)
    return list(numbers), rows


def recur(sources: Numbers, targets: Numbers) -> bool:
    """Return whether numbered targets are answers to frequent questions, to be learned as labels.

    Each has at least two different sources on average; of rarer ones, too many have only one.
    """
    num_sources, num_targets = (int(side.max(initial=-1)) + 1 for side in (sources, targets))
    return num_sources >= 2 * num_targets > 2
