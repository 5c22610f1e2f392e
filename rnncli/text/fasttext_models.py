r"""Read the word vectors of a model of fastText (``.bin``), which knows words by their pieces, too.

The vector of a word is the mean of the rows of the word itself and of its character n-grams
(Bojanowski et al. 2017); of a word that the model lacks, that of its n-grams. The file holds a
head, the words, and a matrix: a row for each word, then one for each bucket of n-grams. It is read
once, in pieces, of which only the sums for the selected words stay in memory.
"""

import struct
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from rnncli.errors import DataError
from rnncli.text.special_tokens import SPECIAL_TOKENS
from rnncli.text.unicode import has_letter
from rnncli.text.vectors import MAX_FILE_DIM, Floats, Selection

FASTTEXT_MAGIC = (793_712_314).to_bytes(4, "little")
# Magic number, version, 12 whole numbers of which some are named below, and a real number.
HEAD = struct.Struct("<2i12id")
SIZES = struct.Struct("<3i2q")  # entries, words, labels; tokens, pruned n-grams
COUNT_AND_TYPE = 9  # bytes after each word
SHAPE = struct.Struct("<?2q")  # whether values are quantised, rows, columns
WORD = b"\0"  # the type of an entry that is no label
SUPERVISED = 3  # a model whose version 11 has no n-grams, whatever its head says
END_OF_LINE = "</s>"  # a word without n-grams
MAX_WORD = 10_000  # bytes
CHUNK = 1 << 20  # bytes
OFFSET_BASIS, PRIME = 2_166_136_261, 16_777_619  # of the hash FNV-1a
QUANTISED = "take the model before it was quantised, or its file .vec"


@dataclass(frozen=True)
class _Head:
    """What a model says of itself, as far as it matters here."""

    dim: int
    buckets: int
    min_length: int  # of an n-gram, in characters
    max_length: int  # 0: there are none
    words: int
    entries: int

    def ngram_rows(self, word: str) -> list[int]:
        """Return the rows of a word's n-grams in the matrix."""
        if not self.max_length or word == END_OF_LINE:
            return []
        characters = [character.encode() for character in f"<{word}>"]
        rows = []
        for start in range(len(characters)):
            ends = range(start + self.min_length, start + self.max_length + 1)
            for end in (end for end in ends if end <= len(characters)):
                is_edge = end == start + 1 and (start == 0 or end == len(characters))
                if not is_edge:
                    ngram = b"".join(characters[start:end])
                    rows.append(self.words + _hash(ngram) % self.buckets)
        return rows


def read_fasttext_model(
    path: Path, prefix: bytes, stream: IO[bytes], selection: Selection
) -> tuple[list[str], Floats]:
    """Read the selected words, and their vectors (W, D), of a model.

    ``prefix`` is what of it has been read from ``stream`` before. Words of the vocabulary that the
    model lacks come last.

    Raises:
        DataError: the file is damaged, or of a kind that is not read.

    """
    reader = _Reader(path, prefix, stream)
    head = _read_head(path, reader)
    words, rows = [], []
    for row in range(head.entries):
        word = reader.word()
        if reader.read(COUNT_AND_TYPE)[-1:] != WORD:
            continue
        if row >= head.words:
            raise reader.damaged("a word of it stands behind its labels")
        spelling = None if selection.is_complete else selection.take(word)
        if spelling is not None:
            words.append(spelling)
            rows.append([row, *head.ngram_rows(word)])
    for word in selection.missing:
        ngram_rows = head.ngram_rows(word)
        if ngram_rows and has_letter(word) and word not in SPECIAL_TOKENS:
            words.append(word)
            rows.append(ngram_rows)
    is_quantised, height, width = SHAPE.unpack(reader.read(SHAPE.size))
    if is_quantised:
        raise DataError(f"{path} is a quantised model of fastText", QUANTISED)
    if (height, width) != (head.words + head.buckets, head.dim):
        raise reader.damaged("its matrix has another shape than its words")
    vectors = _mean_rows(reader, head, rows)
    if not np.isfinite(vectors).all():
        raise reader.damaged("it has values that are no numbers")
    return words, vectors


def _read_head(path: Path, reader: "_Reader") -> _Head:
    _, version, *numbers, _ = HEAD.unpack(reader.read(HEAD.size))
    dim, model, buckets, min_length, max_length = (numbers[i] for i in (0, 7, 8, 9, 10))
    entries, words, labels, _, pruned = SIZES.unpack(reader.read(SIZES.size))
    if version not in (11, 12):
        raise DataError(f"{path} is of version {version} of fastText", "take its file .vec")
    if pruned >= 0:
        raise DataError(f"{path} is a quantised model of fastText", QUANTISED)
    if version == 11 and model == SUPERVISED:
        max_length = 0
    is_sound = (
        1 <= dim <= MAX_FILE_DIM
        and 0 <= words <= entries == words + labels
        and (not max_length or (buckets > 0 and 0 <= min_length <= max_length < MAX_WORD))
        and buckets >= 0
    )
    if not is_sound:
        raise reader.damaged("its head makes no sense")
    return _Head(dim, buckets, max(min_length, 1), max_length, words, entries)


def _mean_rows(reader: "_Reader", head: _Head, rows: list[list[int]]) -> Floats:
    """Return the mean (W, D) of the rows of the matrix that each word has."""
    counts = np.array(list(map(len, rows)), np.int64)
    words = np.repeat(np.arange(len(rows)), counts)
    flat = np.array(list(chain.from_iterable(rows)), np.int64)
    order = np.argsort(flat, kind="stable")
    words, flat = words[order], flat[order]
    sums: Floats = np.zeros((len(rows), head.dim), np.float32)
    height = head.words + head.buckets
    step = max(CHUNK // (4 * head.dim), 1)
    last = int(flat[-1]) + 1 if len(flat) else 0  # what follows is not read
    for start in range(0, last, step):
        number = min(step, height - start)
        block = np.frombuffer(reader.read(4 * head.dim * number), "<f4").reshape(number, head.dim)
        first, end = np.searchsorted(flat, [start, start + number])
        np.add.at(sums, words[first:end], block[flat[first:end] - start])
    sums /= counts[:, None]
    return sums


class _Reader:
    """A stream, with the bytes that were read from it before."""

    def __init__(self, path: Path, prefix: bytes, stream: IO[bytes]) -> None:
        self._path = path
        self._buffer, self._start = prefix, 0
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._buffer) - self._start < size:
            self._fill(size)
        start = self._start
        self._start += size
        return self._buffer[start : self._start]

    def word(self) -> str:
        """Return the text up to the next byte 0."""
        while (end := self._buffer.find(b"\0", self._start)) < 0:
            if len(self._buffer) - self._start > MAX_WORD:
                raise self.damaged("a word of it has no end")
            self._fill(CHUNK)
        word = self._buffer[self._start : end].decode(errors="replace")
        self._start = end + 1
        return word

    def damaged(self, reason: str) -> DataError:
        """Return an error about the file."""
        return DataError(
            f"{self._path} is a damaged model of fastText: {reason}", "download it again"
        )

    def _fill(self, size: int) -> None:
        chunk = self._stream.read(max(size, CHUNK))
        if not chunk:
            raise self.damaged("it ends too early")
        self._buffer, self._start = self._buffer[self._start :] + chunk, 0


def _hash(ngram: bytes) -> int:
    """Return the hash FNV-1a of fastText, to which bytes are numbers with a sign."""
    value = OFFSET_BASIS
    for byte in ngram:
        signed = byte if byte < 128 else byte | 0xFFFFFF00
        value = ((value ^ signed) * PRIME) & 0xFFFFFFFF
    return value
