"""Models of fastText: the words of one, and words that it knows by their pieces alone."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from models import reviews
from shell import call

from rnncli.errors import DataError
from rnncli.storage.reading import load
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.vector_files import read_vectors
from rnncli.text.vectors import Selection

WORDS = ("the", "café", "gull")
DIM, BUCKETS, SHORTEST, LONGEST = 3, 37, 1, 2
# The buckets of words' n-grams, as fastText 0.9.2 (fasttext-wheel) gives them for these sizes.
NGRAMS = {
    "the": [11, 19, 22, 32, 18, 28, 15],
    "café": [28, 27, 27, 15, 8, 9, 25, 30, 30],
    "gull": [15, 3, 23, 13, 34, 8, 22, 8, 18],
    "soups": [6, 12, 29, 14, 32, 13, 14, 6, 17, 12, 31],
}
MATRIX = np.random.default_rng(0).normal(size=(len(WORDS) + BUCKETS, DIM)).astype("<f4")


def content(
    words: tuple[str, ...] = WORDS,
    *,
    version: int = 12,
    longest: int = LONGEST,
    pruned: int = -1,
    quantised: bool = False,
    height: int | None = None,
) -> bytes:
    """Return a model as fastText saves it, with a label behind the words."""
    args = (DIM, 5, 1, 1, 5, 1, 1, 2, BUCKETS, SHORTEST, longest, 100)
    height = len(words) + BUCKETS if height is None else height
    return b"".join(
        [
            struct.pack("<2i12id", 793_712_314, version, *args, 1e-4),
            struct.pack("<3i2q", len(words) + 1, len(words), 1, 99, pruned),
            *(word.encode() + b"\0" + struct.pack("<qb", 9, 0) for word in words),
            b"__label__x\0" + struct.pack("<qb", 9, 1),
            struct.pack("<?2q", quantised, height, DIM),
            MATRIX[: len(words) + BUCKETS].tobytes(),
            b"the output matrix, which is not read",
        ]
    )


# The same with the first word as a label, and the label as a word.
_WORD, _LABEL = (struct.pack("<qb", 9, type) for type in (0, 1))
LABEL_FIRST = (
    content()
    .replace(b"the\0" + _WORD, b"the\0" + _LABEL)
    .replace(b"__label__x\0" + _LABEL, b"__label__x\0" + _WORD)
)


def expected(word: str) -> np.ndarray:
    rows = [WORDS.index(word)] if word in WORDS else []
    return MATRIX[rows + [len(WORDS) + bucket for bucket in NGRAMS[word]]].mean(0)


def read(path: Path, text: str = "The soups of the café") -> dict[str, np.ndarray]:
    selection = Selection(Tokenizer.train([text], "word", 99, fold=True), 99)
    return dict(zip(*read_vectors(path, selection, print), strict=True))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_word_is_the_mean_of_its_row_and_its_ngrams(tmp_path: Path, compress) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(compress(content()))
    found = read(path)
    for word in ("the", "café", "gull", "soups"):  # the last two: of the file, and of the texts
        np.testing.assert_allclose(found[word], expected(word), atol=1e-6)
    assert "<unk>" not in found and "__label__x" not in found


def test_a_model_without_ngrams_has_its_words_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content(longest=0))
    found = read(path)
    assert set(found) == set(WORDS)
    np.testing.assert_array_equal(found["gull"], MATRIX[2])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (content()[:-200], "ends too early"),
        (content()[:80], "ends too early"),
        (content(height=5), "another shape"),
        (content(longest=-1), "makes no sense"),
        (content(version=13), "version 13"),
        (content(quantised=True), "quantised"),
        (content(pruned=0), "quantised"),
        (LABEL_FIRST, "behind its labels"),
    ],
)
def test_what_is_no_such_model_is_explained(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read(path)


def test_a_classifier_is_trained_with_it(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content())
    options = ("--vectors", path, "--hidden-size", 8, "--steps", 2, "--no-ngrams")
    result = call("train", reviews(), "-o", tmp_path / "m", *options)
    assert result.code == 0, result.err
    # Only one word of the reviews is in the file; the others that have letters have n-grams.
    vocabulary = load(tmp_path / "m").tokenizer.vocab_size - 2  # other words of the file
    assert f"of {vocabulary - 4:,} of the {vocabulary:,} words of the texts" in result.err
