"""Which rows are in a batch, and batches that can be cut into parts."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import LENGTH_STEP, TokenArray
from rnncli.data.mapped_files import note_reading

if TYPE_CHECKING:
    from typing_extensions import Self

POOLED_BATCHES = 100  # sorted by length together: little padding, still a random order


def bucketed_batches(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return the rows of each batch of an epoch: in random order, but of similar length in a batch.

    ``lengths`` has that of every text.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), POOLED_BATCHES * batch_size):
        pool = order[start : start + POOLED_BATCHES * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def sorted_batches(lengths: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each batch from short to long, for scoring."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


@dataclass(frozen=True)
class Batch:
    """Arrays that have a row for each example of a batch."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(getattr(self, fields(self)[0].name))

    @property
    def size(self) -> int:
        """Return how many numbers are in it, which is how much there is to compute."""
        return sum(getattr(self, field.name).size for field in fields(self))

    @property
    def row_sizes(self) -> NDArray[np.int64]:
        """Return how much there is to compute for each row (N,)."""
        return np.ones(len(self), np.int64)

    def part(self, rows: slice) -> "Self":
        """Return these rows alone."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def slices(self, parts: int) -> list[slice]:
        """Return the rows of each of ``parts`` parts with as much to compute; none is empty."""
        parts = min(parts, len(self))
        sizes = self.row_sizes  # (N,)
        middles = sizes.cumsum() - sizes / 2  # of each row, in all that there is to compute
        numbers = np.arange(1, parts)
        cuts = np.searchsorted(middles, sizes.sum() * numbers / parts)
        cuts = cuts.clip(numbers, len(self) - parts + numbers)
        return [slice(int(a), int(b)) for a, b in pairwise([0, *cuts, len(self)])]


def trim(tokens: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return padded rows (N, S) without the padding that is longer than the longest row needs."""
    return tokens[:, : -(-int(lengths.max()) // LENGTH_STEP) * LENGTH_STEP]


@dataclass(frozen=True)
class Window(Batch):
    """A stretch of the running text in each stream, and the tokens that follow."""

    inputs: NDArray[np.int64]  # (N, T)
    targets: NDArray[np.int64]  # (N, T)
    keep_state: NDArray[np.bool_]  # (N,) whether a stream goes on from the state before, or from 0


def bptt_windows(tokens: TokenArray, batch_size: int, bptt: int, skip: int = 0) -> Iterator[Window]:
    """Cut a text into ``batch_size`` streams and yield ``bptt`` steps of all of them at a time.

    Each window goes on where the one before it ended, so that the state can be carried: truncated
    backpropagation through time. ``skip`` leaves out that many tokens at the front, so that epochs
    differ in where windows begin.
    """
    width = (len(tokens) - 1 - skip) // batch_size
    rows = tokens[skip : skip + width * batch_size].reshape(batch_size, width)
    following = tokens[skip + 1 : skip + 1 + width * batch_size].reshape(batch_size, width)
    for start in range(0, width, bptt):
        note_reading(batch_size * bptt * tokens.itemsize)
        yield Window(
            rows[:, start : start + bptt].astype(np.int64),
            following[:, start : start + bptt].astype(np.int64),
            np.full(batch_size, start > 0),
        )
