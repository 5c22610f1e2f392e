"""Word vectors of a vocabulary, made ready to stand in a network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import normalizers
from tokenizers.pre_tokenizers import PreTokenizer

from rnncli.text.levels import WORDS, word_splitter
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import has_letter, plain_signs, replace_surrogates

Floats = NDArray[np.float32]
Vectors = NDArray[np.int8]

ENGLISH_FILE = "english-vectors.safetensors"  # of those that come with rnncli
STEP = 1 / 32  # vectors have unit variance, and are stored as whole numbers of this step
LARGEST = 127  # of these numbers in absolute value: four standard deviations
MAX_FILE_DIM = 4_096  # values of a vector that is read
MAX_DIM = 192  # of larger ones the leading principal components are kept
MIN_COVERAGE = 0.8  # of the running words by English vectors, from which on a text is English
# Endings that most vectors have as words of their own, as the Penn Treebank does: do, n't.
CONTRACTIONS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")


@dataclass(frozen=True)
class WordVectors:
    """Vectors of words as a tokenizer spells them, those of frequent words first."""

    words: Sequence[str]
    values: Vectors  # (W, D)
    source: str  # where they come from, and their licence

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in reversed([*enumerate(self.words)])}

    def __contains__(self, word: str) -> bool:
        return bool(self.find(word))

    def __getitem__(self, word: str) -> Vectors:
        """Return the vector (D,) of a word; zeros if it has none."""
        rows = self.find(word)
        if not rows:
            return np.zeros(self.values.shape[1], np.int8)
        mean: Vectors = np.rint(self.values[rows].mean(0)).astype(np.int8)
        return mean

    @classmethod
    def read(cls, path: Path) -> "WordVectors":
        """Read vectors that `write` wrote."""
        with safe_open(path, framework="numpy") as file:
            words = file.get_tensor("words").tobytes().decode().split("\n")
            return cls(words, file.get_tensor("values"), file.metadata()["source"])

    def write(self, path: Path) -> None:
        """Write the vectors into a file of safetensors."""
        from safetensors.numpy import save_file  # no command writes them

        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        save_file({"words": words, "values": self.values}, path, {"source": self.source})

    def find(self, word: str) -> list[int]:
        """Return the row of a word or, of a contraction, those of its parts; else nothing."""
        rows = self._rows
        if word in rows:
            return [rows[word]]
        return [rows[part] for part in split_contraction(word) if part in rows]


class Selection:
    """The words of a file that are kept: those of a vocabulary, and the most frequent others."""

    def __init__(self, tokenizer: Tokenizer, max_words: int) -> None:
        self._tokenizer = tokenizer
        vocabulary = map(tokenizer.token, range(tokenizer.vocab_size))
        self._missing = {part for word in vocabulary for part in (word, *split_contraction(word))}
        self._places = max(max_words - tokenizer.vocab_size, 0)  # for other words
        self._others: set[str] = set()
        self._taken: set[str] = set()

    @property
    def missing(self) -> list[str]:
        """The words of the vocabulary that were not taken yet, in a fixed order."""
        return sorted(self._missing)

    @property
    def is_complete(self) -> bool:
        """Whether no other word would be kept."""
        return not self._missing and self._places == len(self._others)

    def take(self, word: str) -> str | None:
        """Return a word as the tokenizer spells it; None if it is not kept, or was taken before."""
        has_place = len(self._others) < self._places
        if not has_place and word not in self._missing and word.lower() not in self._missing:
            return None  # a shortcut: most words of a large file
        words = self._tokenizer.words(plain_signs(word))
        spelling = words[0] if len(words) == 1 else word if word in CONTRACTIONS else ""
        if not spelling or spelling in self._taken:
            return None
        if spelling in self._missing:
            self._missing.remove(spelling)
        elif has_place:
            self._others.add(spelling)
        else:
            return None
        self._taken.add(spelling)
        return spelling


def prepare(vectors: Floats) -> Vectors:
    """Centre vectors (W, D), scale them to unit variance, and round them to steps (W, D).

    Of more than ``MAX_DIM`` values, the leading principal components are kept.
    """
    centred = vectors - vectors.mean(0)
    if centred.shape[1] > MAX_DIM:
        _, components = np.linalg.eigh(centred.T @ centred)  # of rising variance
        centred = centred @ components[:, : -MAX_DIM - 1 : -1]
    scaled = centred / (max(float(centred.std()), 1e-9) * STEP)
    rounded: Vectors = np.rint(scaled).clip(-LARGEST, LARGEST).astype(np.int8)
    return rounded


def coverage(texts: Iterable[str], vectors: WordVectors) -> float:
    """Return the share of the running words that have a vector; signs and numbers aside."""
    covered = [word in vectors for text in texts for word in running_words(text)]
    return sum(covered) / max(len(covered), 1)


def running_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without signs and numbers."""
    folded = normalizers.Lowercase().normalize_str(replace_surrogates(text))
    return [word for word, _ in _splitter().pre_tokenize_str(folded) if has_letter(word)]


@cache
def _splitter() -> PreTokenizer:
    return word_splitter(WORDS, fold=True)


def add_words(
    tokenizer: Tokenizer, vectors: WordVectors, max_words: int
) -> tuple[Tokenizer, Vectors]:
    """Add the words of vectors to a vocabulary, until it has ``max_words``.

    Returns:
        The larger tokenizer, and the vectors (V, D) of its tokens, zeros where there are none.

    """
    vocabulary = list(map(tokenizer.token, range(tokenizer.vocab_size)))
    seen = {*vocabulary, *(part for part in CONTRACTIONS if tokenizer.words(part) != [part])}
    others = [word for word in vectors.words if word not in seen]
    others = others[: max(max_words - len(vocabulary), 0)]
    return tokenizer.with_words(others), np.stack([vectors[word] for word in vocabulary + others])


def split_contraction(word: str) -> tuple[str, ...]:
    """Return the parts of a contraction, as corpora of vectors have them; else nothing."""
    for ending in CONTRACTIONS:
        if word.endswith(ending) and word != ending:
            return word.removesuffix(ending), ending
    return ()
