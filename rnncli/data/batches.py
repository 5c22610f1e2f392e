"""Encoded texts as memory-mapped integer arrays, and batches as views of them.

However large a corpus is, only the batch at hand is in memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnncli.text.batching import pad
from rnncli.text.special_tokens import EOS
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from typing_extensions import Self

LENGTH_STEP = 2  # batches are padded to a multiple: half the kernels to prepare, little padding
COUNTED = 1 << 20  # tokens counted at once: bounds memory
POOL = 100  # batches sorted by length together: little padding, still a random order

Tokens = NDArray[Any]  # uint16 where the vocabulary fits, else int32


@dataclass(frozen=True)
class EncodedTexts:
    """Hold the tokens of many texts end to end, on disk."""

    tokens: Tokens  # (total,)
    offsets: NDArray[np.int64]  # (texts + 1,) where each text starts

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Tokens:
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each text."""
        return np.diff(self.offsets)

    def counts(self, vocab_size: int) -> NDArray[np.int64]:
        """Return how often each token of the vocabulary occurs, as (V,)."""
        total = np.zeros(vocab_size, np.int64)
        for start in range(0, len(self.tokens), COUNTED):
            total += np.bincount(self.tokens[start : start + COUNTED], minlength=vocab_size)
        return total

    def padded(
        self, rows: NDArray[np.int64], step: int = LENGTH_STEP
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens (N, S) of some texts, padded behind, and their lengths (N,).

        S is a multiple of ``step``.
        """
        return pad([self[row] for row in rows], multiple_of=step)

    def lengths_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of tokens of some texts."""
        return self.offsets[rows + 1] - self.offsets[rows]


def encode(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    path: Path,
    *,
    end: bool = False,
    max_length: int | None = None,
) -> EncodedTexts:
    """Encode texts into the file ``path`` and map it into memory.

    ``end`` closes each text with ``<eos>``; ``max_length`` keeps that many first tokens of each.
    """
    dtype = np.dtype(np.uint16 if tokenizer.vocab_size <= 2**16 else np.int32)
    lengths = []
    with path.open("wb") as file:
        for ids in tokenizer.encode_all(texts):
            kept = ids[:max_length]
            if end:
                kept.append(EOS)
            file.write(np.array(kept, dtype).tobytes())
            lengths.append(len(kept))
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    empty = offsets[-1] == 0  # nothing to map
    tokens: Tokens = np.zeros(0, dtype) if empty else np.memmap(path, dtype, mode="r")
    return EncodedTexts(tokens, offsets)


def bucketed(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return the rows of each batch of an epoch: random, but of similar length within a batch."""
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def in_order(lengths: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.int64]]:
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


def streams(tokens: Tokens, batch_size: int, bptt: int, skip: int = 0) -> Iterator[Window]:
    """Cut a text into ``batch_size`` streams and yield them side by side, ``bptt`` steps at a time.

    Each window goes on where the one before it ended, so that the state can be carried. ``skip``
    leaves out some tokens at the front, so that epochs differ in where windows begin.
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
