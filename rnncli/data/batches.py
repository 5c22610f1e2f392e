"""Which rows are in a batch, and batches that can be cut into parts."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import TokenArray

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

    def part(self, rows: slice) -> "Self":
        """Return these rows alone."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


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
        yield Window(
            rows[:, start : start + bptt].astype(np.int64),
            following[:, start : start + bptt].astype(np.int64),
            np.full(batch_size, start > 0),
        )
