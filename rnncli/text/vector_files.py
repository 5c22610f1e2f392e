"""Read files of word vectors in one pass, of which the rows that are needed stay in memory.

========================  ===========================================================
GloVe ``.txt``            a word and its values, separated by spaces, on each line
word2vec and fastText     the same below a line with the numbers of words and of values
``.txt`` ``.vec``
word2vec ``.bin``         such a line, then each word and its values in float32
fastText ``.bin``         see `fasttext_models.py`
========================  ===========================================================

All may be in ``.gz`` or ``.zip``. The most frequent words stand first.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import IO

import numpy as np

from rnncli.errors import DataError
from rnncli.messages import Announce, name_list, plural, stage
from rnncli.text.fasttext_models import FASTTEXT_MAGIC, read_fasttext_model
from rnncli.text.files import File, open_file
from rnncli.text.vectors import MAX_FILE_DIM, Floats, Selection

PICKLES = (".kv", ".pkl", ".pickle", ".model", ".npy", ".pt", ".pth")
MAX_LINE = 1 << 17  # bytes: a value has some twenty digits
MAX_WORD = 1_000  # bytes
CHUNK = 1 << 16  # bytes
MAX_BROKEN = 100  # lines without a good one before them: the file is none of vectors
MAX_SHOWN = 5  # broken lines
AS_TEXT = "save it as text: model.wv.save_word2vec_format('vectors.txt')"

_HEADER = re.compile(rb"(\d{1,10})[ \t]+(\d{1,5})\s*")
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1f]")  # of which binary values are full


@dataclass(frozen=True)
class _Row:
    """A row of a file: its number, its word, and its values as they stand there."""

    number: int
    word: str
    values: Sequence[bytes] | bytes | None  # of a line, in float32, or none: it is broken

    def parse(self) -> Floats | None:
        """Return the vector (D,); None if it is broken."""
        try:
            if isinstance(self.values, bytes):
                vector = np.frombuffer(self.values, "<f4")
            else:
                vector = np.array(self.values, "S").astype(np.float32)
        except ValueError:
            return None
        return vector if np.isfinite(vector).all() else None


@stage("reading the word vectors")
def read_vectors(path: Path, selection: Selection, announce: Announce) -> tuple[list[str], Floats]:
    """Read the selected words of a file, and their vectors (W, D).

    Rows that are no vectors are left out, and their numbers announced.

    Raises:
        DataError: it cannot be read, or is no file of vectors.

    """
    refuse_pickle(path)
    broken: list[int] = []
    with _open(path) as stream:
        first = stream.readline(MAX_LINE)
        if first.startswith(FASTTEXT_MAGIC):
            words, matrix = read_fasttext_model(path, first, stream, selection)
            vectors = list(matrix)
        else:
            words, vectors, broken = _read_rows(_rows(path, first, stream), selection)
    if not words:
        raise DataError(
            f"{path} has no vector of a word of these texts"
            + (f": line {broken[0]:,} is no word with its values" if broken else ""),
            "give a file of GloVe, word2vec or fastText for their language, or --vectors none",
        )
    if broken:
        numbers = name_list([f"{number:,}" for number in broken], MAX_SHOWN)
        announce(f"{path}: {plural(len(broken), 'broken line')} left out: {numbers}")
    return words, np.stack(vectors)


def _read_rows(
    rows: Iterator[_Row], selection: Selection
) -> tuple[list[str], list[Floats], list[int]]:
    """Return the selected words, their vectors, and the numbers of broken rows."""
    words: list[str] = []
    vectors: list[Floats] = []
    broken: list[int] = []
    for row in rows:
        if row.values is None:
            broken.append(row.number)
        elif (word := selection.take(row.word)) is not None:
            if (vector := row.parse()) is None:
                broken.append(row.number)
            else:
                words.append(word)
                vectors.append(vector)
        if selection.is_complete or (not words and len(broken) >= MAX_BROKEN):
            break
    return words, vectors, broken


def refuse_pickle(path: Path) -> None:
    """Refuse formats that can run code when they are read.

    Raises:
        DataError: it is such a file.

    """
    if path.suffix.lower() in PICKLES:
        raise DataError(f"{path} may hold a pickle, which can run code when it is read", AS_TEXT)


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Open the content of a file, decompressed; of a ``.zip``, that of its first file of vectors.

    Raises:
        DataError: it cannot be read.

    """
    if not zipfile.is_zipfile(path):
        with open_file(File(path, str(path))) as stream:
            yield stream
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith((".txt", ".vec", ".bin"))]
            if not names:
                raise DataError(
                    f"{path} has no file .txt, .vec or .bin in it",
                    f"look into it: unzip -l {quote(str(path))}",
                )
            with archive.open(names[0]) as member:
                yield member
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"{path} is damaged: {error}", "download it again") from None


def _rows(path: Path, first: bytes, stream: IO[bytes]) -> Iterator[_Row]:
    """Yield the rows of a file of text or of word2vec, of which the first line is read already.

    Raises:
        DataError: it is no file of vectors.

    """
    header = _HEADER.fullmatch(first)
    if header is None:
        dim = len(first.split()) - 1
        return _text_rows(chain([first], _lines(stream)), dim, 1)
    count, dim = map(int, header.groups())
    if not 1 <= dim <= MAX_FILE_DIM:
        raise DataError(
            f"{path} has vectors of {dim:,} values", f"take some of up to {MAX_FILE_DIM:,}"
        )
    second = stream.readline(MAX_LINE)
    if not _CONTROLS.search(second):
        return _text_rows(chain([second], _lines(stream)), dim, 2)
    return _binary_rows(path, second, stream, count, dim)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE):
        yield line


def _text_rows(lines: Iterator[bytes], dim: int, first: int) -> Iterator[_Row]:
    """Yield the rows of lines with ``dim`` values each, of which the first has this number."""
    for number, line in enumerate(lines, first):
        line = line.rstrip()
        if not line:
            continue
        fields = line.replace(b"\t", b" ").rsplit(b" ", dim)  # words may have spaces in them
        if not 2 <= dim <= MAX_FILE_DIM or len(fields) != dim + 1:
            yield _Row(number, "", None)
        else:
            yield _Row(number, fields[0].decode(errors="replace"), fields[1:])


def _binary_rows(
    path: Path, prefix: bytes, stream: IO[bytes], count: int, dim: int
) -> Iterator[_Row]:
    """Yield ``count`` rows in binary, which begin with ``prefix``; the rest is read."""
    size, buffer, start = 4 * dim, prefix, 0
    for number in range(1, count + 1):
        while (end := buffer.find(b" ", start)) < 0 or len(buffer) < end + 1 + size:
            chunk = stream.read(CHUNK)
            if not chunk or (end < 0 and len(buffer) - start > MAX_WORD):
                raise DataError(
                    f"{path} is damaged: it ends, or has no word, at row {number:,} of {count:,}",
                    "download it again",
                )
            buffer, start = buffer[start:] + chunk, 0
        word, values = buffer[start:end], buffer[end + 1 : end + 1 + size]
        start = end + 1 + size
        yield _Row(number, word.strip().decode(errors="replace"), values)
