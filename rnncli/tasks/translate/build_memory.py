"""Building the memory of a trained translator from pairs."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import EncodedTexts
from rnncli.messages import stage
from rnncli.networks.model_numpy import EncoderDecoder
from rnncli.networks.numerics import Floats, unit_vectors
from rnncli.tasks.translate.memory import TranslationMemory, keys_of, principal_directions
from rnncli.tasks.translate.retrieval import SimilarTexts
from rnncli.text.special_tokens import BOS

KEY_SIZE = 64  # dimensions: with 32, BLEU gains a fifth less; with all, hardly more
# Fewer tokens have principal directions of their own, by which all features are similar to theirs:
# with those of a single pair, a fifth of all other translations changed.
MIN_PCA_TOKENS = 2_000
PCA_SAMPLE = 2_000  # pairs from which the principal directions of features are computed
BATCH_SIZE = 128  # pairs of similar length, so that there is little padding
TIME_CHECK_INTERVAL = 32  # batches
MAX_TOKENS = 3_000_000  # of translations: 200 MB, and the search stays fast


@dataclass(frozen=True)
class PairReader:
    """Read pairs by the network, whose features before each token of a translation are its keys."""

    network: EncoderDecoder
    sources: EncodedTexts  # each side ends with ``<eos>``
    targets: EncodedTexts
    threads: int

    def features(self, rows: NDArray[np.int64]) -> dict[int, Floats]:
        """Return the features (T, E) before each token of each translation, of length 1."""
        batches = list(self._batches(rows))
        with ThreadPoolExecutor(self.threads) as pool:
            features = [x for batch in pool.map(self._features, batches) for x in batch]
        return dict(zip(np.concatenate([rows[:0], *batches]).tolist(), features, strict=True))

    def keys(self, rows: NDArray[np.int64], basis: Floats) -> dict[int, NDArray[np.int8]]:
        """Return the quantized keys (T, J) of each pair."""
        return {row: keys_of(features, basis) for row, features in self.features(rows).items()}

    def _features(self, batch: NDArray[np.int64]) -> list[Floats]:
        tokens, lengths = self.targets.pad(batch, 1)  # (N, T), (N,)
        inputs = np.concatenate([np.full((len(batch), 1), BOS), tokens[:, :-1]], 1)
        state = self.network.encode(*self.sources.pad(batch, 1))
        features, _ = self.network.features(inputs, state)
        return [x[:length] for x, length in zip(unit_vectors(features), lengths, strict=True)]

    def _batches(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each batch; its pairs have similar length."""
        rows = rows[np.argsort(self.targets.lengths_of(rows), kind="stable")]
        for start in range(0, len(rows), BATCH_SIZE):
            yield rows[start : start + BATCH_SIZE]


@stage("encoding the pairs for the memory")
def build_memory(reader: PairReader, rows: NDArray[np.int64], seconds: float) -> TranslationMemory:
    """Build a memory of the pairs ``rows``, or of as many as can be read within ``seconds``.

    Pairs to leave out are drawn at random.
    """
    start_time = time.monotonic()
    rows = _draw(rows, reader.targets)
    basis, keys = _read_sample(reader, rows)
    for start in range(PCA_SAMPLE, len(rows), TIME_CHECK_INTERVAL * BATCH_SIZE):
        if time.monotonic() - start_time > seconds:
            break
        keys |= reader.keys(rows[start : start + TIME_CHECK_INTERVAL * BATCH_SIZE], basis)
    return _memory(reader, np.array(sorted(keys)), keys, basis)


@stage("indexing the pairs for the memory")
def index_memory(reader: PairReader) -> TranslationMemory:
    """Build a memory of all pairs, most of which have no keys yet: they are zero."""
    rows = _draw(np.arange(len(reader.targets)), reader.targets)
    basis, keys = _read_sample(reader, rows)
    return _memory(reader, np.sort(rows), keys, basis)


def _draw(rows: NDArray[np.int64], targets: EncodedTexts) -> NDArray[np.int64]:
    """Return pairs in a random order, as many as a memory may have."""
    rows = np.random.default_rng(0).permutation(rows)
    return rows[np.cumsum(targets.lengths_of(rows)) <= MAX_TOKENS]


def _read_sample(
    reader: PairReader, rows: NDArray[np.int64]
) -> tuple[Floats, dict[int, NDArray[np.int8]]]:
    """Return the principal directions of the features of the first pairs, and their keys."""
    sample = reader.features(rows[:PCA_SAMPLE])
    features = np.concatenate(list(sample.values()))
    size = KEY_SIZE if len(features) >= MIN_PCA_TOKENS else features.shape[1]
    basis = principal_directions(features, size)
    return basis, {row: keys_of(x, basis) for row, x in sample.items()}


def _memory(
    reader: PairReader, rows: NDArray[np.int64], keys: Mapping[int, NDArray[np.int8]], basis: Floats
) -> TranslationMemory:
    """Return a memory of the pairs ``rows``, in ascending order, with the keys that are known."""
    sources, targets = (_select(texts, rows) for texts in (reader.sources, reader.targets))
    all_keys = np.zeros((len(targets.tokens), basis.shape[1]), np.int8)
    for place, row in enumerate(rows.tolist()):
        if row in keys:
            all_keys[slice(*targets.offsets[place : place + 2])] = keys[row]
    return TranslationMemory(sources, targets, all_keys, basis, SimilarTexts.of(sources))


def _select(texts: EncodedTexts, rows: NDArray[np.int64]) -> EncodedTexts:
    """Return the texts ``rows``, in ascending order, in memory."""
    is_kept = np.zeros(len(texts), np.bool_)
    is_kept[rows] = True
    offsets = np.concatenate([[0], np.cumsum(texts.lengths_of(rows))])
    return EncodedTexts(np.array(texts.tokens[np.repeat(is_kept, texts.lengths)]), offsets)
