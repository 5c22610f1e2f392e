"""Building the retrieval memory of a trained translator: the training pairs are read once more."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import EncodedTexts
from rnncli.networks.model_numpy import EncoderDecoder
from rnncli.networks.numerics import Floats, directions
from rnncli.tasks.translate.memory import TranslationMemory, keys_of, principal_directions
from rnncli.tasks.translate.retrieval import SimilarTexts
from rnncli.text.special_tokens import BOS

KEY_SIZE = 64  # numbers of a key: with 32, BLEU gains a fifth less; with all, hardly more
SAMPLE = 2_000  # pairs that tell in which directions features differ
BATCH_SIZE = 128  # pairs: of like length there is little padding
BATCHES_BETWEEN_LOOKS = 32  # times as many, between two looks at the clock
MAX_TOKENS = 3_000_000  # of translations: 200 MB, and as long a search as a person would wait for


def build_memory(
    network: EncoderDecoder,
    sources: EncodedTexts,
    targets: EncodedTexts,
    rows: NDArray[np.int64],
    threads: int,
    seconds: float,
) -> TranslationMemory:
    """Return a memory of pairs ``rows``, or of as many of them as can be read in the time.

    Both sides are closed with ``<eos>``. Those that are left out are drawn at random.
    """
    began = time.monotonic()
    rows = np.random.default_rng(0).permutation(rows)
    rows = rows[np.cumsum(targets.lengths_of(rows)) <= MAX_TOKENS]

    def read(some: NDArray[np.int64]) -> list[Floats]:
        """Return where the features before each token (T, E) of some translations point."""
        tokens, lengths = targets.pad(some, 1)  # (N, T), (N,)
        before = np.concatenate([np.full((len(some), 1), BOS), tokens[:, :-1]], 1)
        features, _ = network.features(before, network.encode(*sources.pad(some, 1)))
        return [own[:n] for own, n in zip(directions(features), lengths, strict=True)]

    keys: dict[int, NDArray[np.int8]] = {}
    with ThreadPoolExecutor(threads) as pool:
        first = list(_chunk(rows[:SAMPLE], targets))
        found = [own for part in pool.map(read, first) for own in part]
        basis = principal_directions(np.concatenate(found), KEY_SIZE)
        numbers = np.concatenate(first).tolist()
        keys |= {row: keys_of(own, basis) for row, own in zip(numbers, found, strict=True)}

        def read_keys(some: NDArray[np.int64]) -> list[NDArray[np.int8]]:
            return [keys_of(own, basis) for own in read(some)]

        for start in range(SAMPLE, len(rows), BATCHES_BETWEEN_LOOKS * BATCH_SIZE):
            if time.monotonic() - began > seconds:
                break
            parts = list(_chunk(rows[start : start + BATCHES_BETWEEN_LOOKS * BATCH_SIZE], targets))
            for some, own in zip(parts, pool.map(read_keys, parts), strict=True):
                keys |= zip(some.tolist(), own, strict=True)
    kept = np.array(sorted(keys))
    sources, targets = (_only(texts, kept) for texts in (sources, targets))
    together = np.concatenate([keys[row] for row in kept.tolist()])
    return TranslationMemory(sources, targets, together, basis, SimilarTexts.of(sources))


def _chunk(rows: NDArray[np.int64], targets: EncodedTexts) -> Iterator[NDArray[np.int64]]:
    """Yield some pairs in parts of similar length."""
    rows = rows[np.argsort(targets.lengths_of(rows), kind="stable")]
    for start in range(0, len(rows), BATCH_SIZE):
        yield rows[start : start + BATCH_SIZE]


def _only(texts: EncodedTexts, rows: NDArray[np.int64]) -> EncodedTexts:
    """Return these texts alone, in memory."""
    offsets = np.concatenate([[0], np.cumsum(texts.lengths_of(rows))])
    return EncodedTexts(np.concatenate([texts[row] for row in rows.tolist()]), offsets)
