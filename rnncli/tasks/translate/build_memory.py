"""Building the memory of a trained translator from pairs."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

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


@stage("encoding the pairs for the memory")
def build_memory(
    network: EncoderDecoder,
    sources: EncodedTexts,
    targets: EncodedTexts,
    rows: NDArray[np.int64],
    threads: int,
    seconds: float,
) -> TranslationMemory:
    """Build a memory of the pairs ``rows``, or of as many as can be encoded within ``seconds``.

    Both sides end with ``<eos>``. Pairs to leave out are drawn at random.
    """
    start_time = time.monotonic()
    rows = np.random.default_rng(0).permutation(rows)
    rows = rows[np.cumsum(targets.lengths_of(rows)) <= MAX_TOKENS]

    def unit_features(batch: NDArray[np.int64]) -> list[Floats]:
        """Return the features (T, E) before each token of each translation, of length 1."""
        tokens, lengths = targets.pad(batch, 1)  # (N, T), (N,)
        inputs = np.concatenate([np.full((len(batch), 1), BOS), tokens[:, :-1]], 1)
        features, _ = network.features(inputs, network.encode(*sources.pad(batch, 1)))
        return [x[:length] for x, length in zip(unit_vectors(features), lengths, strict=True)]

    keys: dict[int, NDArray[np.int8]] = {}
    with ThreadPoolExecutor(threads) as pool:
        batches = list(_batches(rows[:PCA_SAMPLE], targets))
        sample = [x for features in pool.map(unit_features, batches) for x in features]
        features = np.concatenate(sample)
        size = KEY_SIZE if len(features) >= MIN_PCA_TOKENS else features.shape[1]
        basis = principal_directions(features, size)
        sample_rows = np.concatenate(batches).tolist()
        keys |= {row: keys_of(x, basis) for row, x in zip(sample_rows, sample, strict=True)}

        def compute_keys(batch: NDArray[np.int64]) -> list[NDArray[np.int8]]:
            return [keys_of(x, basis) for x in unit_features(batch)]

        for start in range(PCA_SAMPLE, len(rows), TIME_CHECK_INTERVAL * BATCH_SIZE):
            if time.monotonic() - start_time > seconds:
                break
            batches = list(
                _batches(rows[start : start + TIME_CHECK_INTERVAL * BATCH_SIZE], targets)
            )
            for batch, batch_keys in zip(batches, pool.map(compute_keys, batches), strict=True):
                keys |= zip(batch.tolist(), batch_keys, strict=True)
    rows = np.array(sorted(keys))
    sources, targets = (_select(texts, rows) for texts in (sources, targets))
    all_keys = np.concatenate([keys[row] for row in rows.tolist()])
    return TranslationMemory(sources, targets, all_keys, basis, SimilarTexts.of(sources))


def _batches(rows: NDArray[np.int64], targets: EncodedTexts) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each batch; its pairs have similar length."""
    rows = rows[np.argsort(targets.lengths_of(rows), kind="stable")]
    for start in range(0, len(rows), BATCH_SIZE):
        yield rows[start : start + BATCH_SIZE]


def _select(texts: EncodedTexts, rows: NDArray[np.int64]) -> EncodedTexts:
    """Return the texts ``rows``, in memory."""
    offsets = np.concatenate([[0], np.cumsum(texts.lengths_of(rows))])
    return EncodedTexts(np.concatenate([texts[row] for row in rows.tolist()]), offsets)
