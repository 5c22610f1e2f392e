"""The word vectors of a classifier: which it takes, and those of its vocabulary."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.config import Settings
from rnncli.data.vector_sources import NONE, bundled_vectors, read_word_vectors
from rnncli.errors import ConfigError
from rnncli.messages import Announce
from rnncli.networks.architecture import VECTORS, Tokens
from rnncli.storage.reading import SavedModel
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.vectors import MIN_COVERAGE, add_words, coverage

ENGLISH = "english"
SAMPLE_TEXTS, SAMPLE_CHARACTERS = 2_000, 2_000  # of each text: a few may be very long
UNKNOWN_SOURCE = "of a model that does not state it"
MAX_BYTES = 3_600_000  # of the vectors: with all else, a model has at most 8 MB
MAX_WORDS = 30_000  # of the vocabulary: a tokenizer of more words takes long to load
# Of a classifier with word vectors. The less it sees of the trained embeddings, the more it learns
# of what holds for all words.
SETTINGS: Mapping[str, Any] = {"embedding_dim": 32, "word_dropout": 0.5}


@dataclass(frozen=True)
class TokenVectors:
    """The word vectors of a vocabulary, whose last words have no trained embedding."""

    values: NDArray[np.int8]  # (V, D)
    vectors_only: int
    source: str

    @classmethod
    def of(cls, model: SavedModel) -> "TokenVectors | None":
        """Return the word vectors of a classifier; None if it has none."""
        description = model.description
        if VECTORS not in model.weights:
            return None
        values: Any = model.weights[VECTORS]  # int8, unlike all others
        source = description.data.vectors if description.data is not None else None
        front = description.architecture.front
        assert isinstance(front, Tokens)
        return cls(np.array(values), front.vectors_only, source or UNKNOWN_SOURCE)

    @property
    def digest(self) -> str:
        """Return a SHA-256 that tells them from those of a file that was changed."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()


def choose_vectors(
    texts: Iterable[str], settings: Settings, pretrains: bool, announce: Announce
) -> str:
    """Return the name of the word vectors: those asked for, or English ones where they suit.

    Raises:
        ConfigError: the tokens are no words.

    """
    name = settings.vectors
    if settings.level != "word":
        if name not in (None, NONE):
            raise ConfigError(
                f"--vectors {name} is for words, and the tokens are {settings.level}s",
                "add --level word, or leave --vectors out",
            )
        return NONE
    if name is not None:
        return name
    if pretrains:  # which learns embeddings from more texts of the same kind
        return NONE
    sample = (text[:SAMPLE_CHARACTERS] for text in islice(texts, SAMPLE_TEXTS))
    share = coverage(sample, bundled_vectors(ENGLISH))
    if share < MIN_COVERAGE:
        announce(
            f"word vectors: none, since the English ones know {100 * share:.0f} % of the words"
        )
        return NONE
    return ENGLISH


def read_token_vectors(
    tokenizer: Tokenizer, name: str, announce: Announce
) -> tuple[Tokenizer, TokenVectors]:
    """Return a tokenizer that also has frequent words of the vectors, and the vectors of both."""
    vectors = read_word_vectors(name, tokenizer, MAX_WORDS, announce)
    max_words = min(MAX_WORDS, MAX_BYTES // vectors.values.shape[1])
    larger, values = add_words(tokenizer, vectors, max_words)
    others = larger.vocab_size - tokenizer.vocab_size
    known = int(values[: tokenizer.vocab_size].any(1).sum())
    announce(
        f"word vectors: {name}, of {known:,} of the {tokenizer.vocab_size:,} words of the texts, "
        f"and of {others:,} other words; without: --vectors none"
    )
    return larger, TokenVectors(values, others, vectors.source)
