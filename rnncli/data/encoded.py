"""Encoded texts as memory-mapped integer arrays: only what is read of them is in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.data.mapped_files import PAGE, map_array, note_reading
from rnncli.messages import stage
from rnncli.text.batching import pad
from rnncli.text.special_tokens import EOS, UNK
from rnncli.text.tokenizer import Tokenizer

LENGTH_STEP = 2  # batches are padded to a multiple: half the kernels to prepare, little padding
COUNT_CHUNK = 1 << 20  # tokens counted at once: bounds memory
_OFFSET = Struct("=q")

TokenArray: TypeAlias = NDArray[np.integer]  # uint16 where the vocabulary fits, else int32


@dataclass(frozen=True)
class EncodedTexts:
    """The tokens of texts end to end, on disk."""

    tokens: TokenArray  # (total,)
    offsets: NDArray[np.int64]  # (texts + 1,) where each text starts, also on disk

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> TokenArray:
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each text."""
        return np.diff(self.offsets)

    def counts(self, vocab_size: int) -> NDArray[np.int64]:
        """Return how often each token of the vocabulary occurs, as (V,)."""
        total = np.zeros(vocab_size, np.int64)
        for start in range(0, len(self.tokens), COUNT_CHUNK):
            chunk = self.tokens[start : start + COUNT_CHUNK]
            total += np.bincount(chunk, minlength=vocab_size)
            note_reading(chunk.nbytes)
        return total

    def pad(
        self, rows: NDArray[np.int64], multiple_of: int = LENGTH_STEP
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens (N, S) of the texts in ``rows``, padded on the right, and lengths (N,).

        S is a multiple of ``multiple_of``.
        """
        note_reading(2 * PAGE * len(rows))
        return pad([self[row] for row in rows], multiple_of)

    def lengths_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of tokens (N,) of the texts in ``rows``."""
        return self.offsets[rows + 1] - self.offsets[rows]


@stage("encoding the texts")
def encode(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    path: Path,
    *,
    add_eos: bool = False,
    max_length: int | None = None,
    num_known: int | None = None,
) -> EncodedTexts:
    """Encode texts into the file ``path`` and map it into memory.

    At most ``max_length`` tokens of each text are kept, the first; ``add_eos`` adds ``<eos>``. All
    but the first ``num_known`` tokens of the vocabulary become ``<unk>``.
    """
    dtype = np.dtype(np.uint16 if tokenizer.vocab_size <= 2**16 else np.int32)
    offsets_path, end = path.with_name(f"{path.name}.offsets"), 0
    with path.open("wb") as file, offsets_path.open("wb") as offsets_file:
        offsets_file.write(_OFFSET.pack(end))
        for ids in tokenizer.encode_corpus(texts):
            tokens = [*ids[:max_length], EOS] if add_eos else ids[:max_length]
            if num_known is not None:
                tokens = [token if token < num_known else UNK for token in tokens]
            file.write(np.array(tokens, dtype).tobytes())
            end += len(tokens)
            offsets_file.write(_OFFSET.pack(end))
    mapped = map_array(path, dtype) if end else np.zeros(0, dtype)  # nothing cannot be mapped
    return EncodedTexts(mapped, map_array(offsets_path, np.int64))
