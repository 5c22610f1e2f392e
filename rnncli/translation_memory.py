"""A memory of translations beside a translator: how sentences like this one were translated.

The weights know the language and its usual turns; how a rare phrase was put, the pairs that the
translator learned from still say. For each source some pairs with sources like it are read again,
and what the output layer reads before each token of their translations, its features, is kept with
that token. Where a translation has come to features like these, such tokens share a part of the
probability (Khandelwal et al. 2021, section 2; of a few similar pairs alone: Dai et al. 2023,
section 3). Alike is what points in the same direction. Shape letters as in `runtime.py`, K rows a
source, and M for the tokens that a source recalls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rnncli.arrays import Floats, Ints, directions, log_sums
from rnncli.batches import EncodedTexts
from rnncli.runtime import DecoderState
from rnncli.similar_texts import SimilarTexts
from rnncli.tokenizer import BOS, PAD

PAIRS = 16  # recalled for a source: of 8 BLEU gains three quarters as much, of 32 hardly more
TOKENS = 512  # recalled for a source at most: bounds memory and time
READ_AT_ONCE = 128  # pairs: of like length there is little padding
# A token counts exp(SHARPNESS (cos - 1)): 1 where its features are twins of the present ones. Of
# what all of them count together, z, the memory gets the part SHARE z / (z + TWINS).
SHARPNESS, TWINS, SHARE = 10.0, 1.0, 0.85


class Reader(Protocol):
    """The part of a network that a memory needs."""

    def encode(self, tokens: Ints, lengths: Ints) -> DecoderState:
        """Read sources (N, S)."""
        ...

    def features(self, tokens: Ints, state: DecoderState) -> tuple[Floats, DecoderState]:
        """Return what the output layer reads (N, T, E) after ``tokens`` (N, T)."""
        ...

    def output(self, features: Floats) -> Floats:
        """Return the logits (..., V) of features (..., E)."""
        ...


@dataclass(frozen=True)
class Recalled:
    """What N sources recall: M tokens each, and where the features before each of them point."""

    directions: Floats  # (N, M, E) of length 1, or 0 where there is no token
    mask: NDArray[np.bool_]  # (N, M), true where there is a token
    words: Ints  # (N, U) the different tokens of a source, padded behind
    column: Ints  # (N, M) of each token among them

    def keep(self, sources: Ints) -> "Recalled":
        """Return what these sources alone recall."""
        return Recalled(*(getattr(self, field.name)[sources] for field in fields(self)))


@dataclass(frozen=True)
class RecallingState:
    """The state of a decoder, and what its sources recall."""

    decoder: DecoderState
    recalled: Recalled

    def take(self, rows: Ints) -> "RecallingState":
        """Return the state with these rows in place of the old ones; sources stay."""
        return replace(self, decoder=self.decoder.take(rows))

    def keep_sources(self, sources: Ints) -> "RecallingState":
        """Return the state with these sources only; rows stay."""
        return RecallingState(self.decoder.keep_sources(sources), self.recalled.keep(sources))


class TranslationMemory:
    """The pairs that a translator learned from, each side closed with ``<eos>``."""

    def __init__(self, sources: EncodedTexts, targets: EncodedTexts) -> None:
        self.sources, self.targets = sources, targets

    def __len__(self) -> int:
        return len(self.sources)

    @cached_property
    def _index(self) -> SimilarTexts:
        return SimilarTexts(self.sources)

    def prepare(self) -> None:
        """Sort the sources by what they have in common, which the first question else waits for."""
        _ = self._index

    def recall(self, network: Reader, sources: Sequence[Ints]) -> Recalled:
        """Return what some sources recall; each is closed with ``<eos>``."""
        pairs = [self._pairs(source) for source in sources]
        places, width = self._features(network, np.unique(np.concatenate(pairs)))
        sizes = [int(self.targets.lengths_of(own).sum()) for own in pairs]
        shape = len(sources), max(sizes)
        found = np.zeros((*shape, width), np.float32)  # (N, M, E)
        column = np.zeros(shape, np.int64)
        words = [np.zeros(0, np.int64)] * len(sources)
        for i, own in enumerate(pairs):
            if len(own):
                found[i, : sizes[i]] = np.concatenate([places[row] for row in own.tolist()])
                tokens = np.concatenate([self.targets[row] for row in own.tolist()])
                words[i], column[i, : sizes[i]] = np.unique(tokens, return_inverse=True)
        mask = np.arange(shape[1]) < np.array(sizes)[:, None]
        return Recalled(found, mask, _padded(words), column)

    def _pairs(self, source: Ints) -> NDArray[np.int64]:
        rows = self._index.nearest(source, PAIRS)
        return rows[np.cumsum(self.targets.lengths_of(rows)) <= TOKENS]

    def _features(
        self, network: Reader, rows: NDArray[np.int64]
    ) -> tuple[Mapping[int, Floats], int]:
        """Return where the features before each target token (T, E) of some pairs point, and E."""
        found: dict[int, Floats] = {}
        width = 0
        lengths = self.targets.lengths_of(rows)
        rows = rows[np.lexsort((self.sources.lengths_of(rows), lengths))]
        for some in np.split(rows, range(READ_AT_ONCE, len(rows), READ_AT_ONCE)):
            if not len(some):
                continue
            targets, lengths = self.targets.padded(some, 1)  # (N, T), (N,)
            before = np.concatenate([np.full((len(some), 1), BOS), targets[:, :-1]], 1)
            features, _ = network.features(before, network.encode(*self.sources.padded(some, 1)))
            width = features.shape[2]
            for row, length, own in zip(some.tolist(), lengths, directions(features), strict=True):
                found[row] = own[:length]
        return found, width


class Recalling:
    """A network that recalls: it is asked for the next tokens as the network itself is."""

    def __init__(self, network: Reader) -> None:
        self._network = network

    def step(self, tokens: Ints, state: RecallingState) -> tuple[Floats, RecallingState]:
        """Return the log-probabilities (R, V) of what follows ``tokens`` (R,), and the state."""
        features, decoder = self._network.features(tokens[:, None], state.decoder)  # (R, 1, E)
        log_p = self._network.output(features)[:, 0]  # (R, V)
        log_p -= log_sums(log_p).astype(np.float32)[:, None]
        _mix(log_p, features[:, 0], state.recalled)
        return log_p, replace(state, decoder=decoder)


def _mix(log_p: Floats, features: Floats, recalled: Recalled) -> None:
    """Mix, in place, what is recalled into log-probabilities (R, V), after features (R, E)."""
    n, size = recalled.words.shape
    own = directions(features).reshape(n, -1, features.shape[1])  # (N, K, E)
    counts = own @ recalled.directions.transpose(0, 2, 1)  # (N, K, M)
    counts -= np.float32(1)
    counts *= np.float32(SHARPNESS)
    np.exp(counts, out=counts)
    counts *= recalled.mask[:, None]
    counts *= np.float32(SHARE) / (counts.sum(2, keepdims=True) + np.float32(TWINS))
    rows = len(log_p)
    places = np.arange(rows).reshape(n, -1, 1) * size + recalled.column[:, None]  # (N, K, M)
    p = np.bincount(places.ravel(), counts.ravel(), rows * size).reshape(rows, size)  # (R, U)
    log_p += np.log1p(-counts.sum(2)).reshape(-1, 1)
    words = np.repeat(recalled.words, own.shape[1], 0)  # (R, U)
    with np.errstate(divide="ignore"):  # what is not recalled has log 0
        mixed = np.logaddexp(np.take_along_axis(log_p, words, 1), np.log(p).astype(np.float32))
    np.put_along_axis(log_p, words, mixed, 1)


def _padded(words: Sequence[Ints]) -> Ints:
    padded = np.full((len(words), max(map(len, words))), PAD, np.int64)
    for row, own in zip(padded, words, strict=True):
        row[: len(own)] = own
    return padded
