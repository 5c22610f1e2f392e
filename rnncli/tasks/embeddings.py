"""Embeddings from co-occurrence counts, to initialise those of a network.

Words in similar contexts have similar meanings (Harris 1954), and a word and its translation occur
in the same pairs of sentences. The eigenvectors of positive pointwise mutual information (PPMI) are
embeddings as good as those that a network learns in many epochs (Levy and Goldberg 2014; Levy et
al. 2015, whose settings these are), and take seconds.
"""

import warnings
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncli.data.encoded import EncodedTexts
from rnncli.messages import stage
from rnncli.networks.numerics import Floats, Ints

WINDOW = 5  # words to each side; one at distance d has the weight 1/d
CONTEXT_SMOOTHING = 0.75  # power of the frequencies of contexts, against a bias to rare ones
MAX_TOKENS = 1 << 23  # that are counted, the first ones: bounds memory
TOKENS_A_SECOND = 500_000  # counted on one core, and factorised
PART_TOKENS = 1 << 19  # whose contexts are counted together: bounds memory

DISTANCE_DECAY = 4  # words at distance d, from 0 to 1, have the weight exp(-4 d) (Dyer et al. 2013)
COUNT_DISCOUNT = 1.0  # count c has its PMI multiplied by c / (c + 1): rare ones may be chance
MAX_PAIRS = 1 << 24  # of words that are counted, evenly spaced: bounds time and memory
PART_PAIRS = 1 << 21  # counted together: bounds memory

ITERATIONS = 4  # of subspace iteration
OVERSAMPLING = 32  # eigenvectors computed and dropped: the last ones are the least exact
ROUNDING = 1e-3  # of the longest vector: shorter ones are rounding errors


@stage("counting co-occurrences for the embeddings")
def monolingual_embeddings(texts: EncodedTexts, vocab_size: int, dim: int) -> Tensor:
    """Compute embeddings (V, E) of mean length 1; zeros for tokens without any context.

    Tokens with similar contexts, the tokens in a window around them, have similar embeddings.
    """
    starts, contexts, counts = _count_contexts(texts, vocab_size)
    ppmi = csr_matrix(starts, contexts, _smoothed_pmi(starts, contexts, counts), vocab_size)
    return normalise_lengths(leading_eigenvectors(ppmi, dim))


@stage("counting co-occurrences for the embeddings")
def bilingual_embeddings(
    sources: EncodedTexts,
    targets: EncodedTexts,
    rows: NDArray[np.int64],
    source_size: int,
    target_size: int,
    dim: int,
) -> tuple[Tensor, Tensor]:
    """Compute embeddings (V, E) of mean length 1 for the tokens of each language.

    Translations of each other have similar embeddings; tokens in none of the pairs ``rows`` have
    zeros. Each text ends with ``<eos>``, which is not counted.
    """
    size = source_size + target_size  # target tokens follow those of the source
    keys: Ints = np.zeros(0, np.int64)
    counts: Floats = np.zeros(0, np.float32)
    for source, target, weights in _translation_candidates(sources, targets, rows):
        target += source_size
        symmetric = np.concatenate([source * size + target, target * size + source])
        new_keys, new_counts = _sum_by_key(symmetric, np.tile(weights, 2))
        keys, counts = _sum_by_key(
            np.concatenate([keys, new_keys]), np.concatenate([counts, new_counts])
        )
    tokens, contexts = np.divmod(keys, size)
    pmi = _discounted_pmi(tokens, contexts, counts, size)
    is_positive = pmi > 0
    row_sizes = np.bincount(tokens[is_positive], minlength=size)
    ppmi = csr_matrix(
        np.concatenate([[0], np.cumsum(row_sizes)]).astype(np.int32),
        contexts[is_positive].astype(np.int32),
        pmi[is_positive].astype(np.float32),
        size,
    )
    vectors = normalise_lengths(leading_eigenvectors(ppmi, dim, positive=True))
    return vectors[:source_size], vectors[source_size:]


def csr_matrix(starts: Ints, columns: Ints, values: Floats, width: int) -> Tensor:
    """Build a sparse matrix (R, width) whose rows begin at ``starts`` (R + 1,) of its values."""
    with warnings.catch_warnings():  # of PyTorch: sparse matrices are in beta
        warnings.filterwarnings("ignore", "Sparse", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(starts),
            torch.from_numpy(columns),
            torch.from_numpy(values),
            (len(starts) - 1, width),
        )


def leading_eigenvectors(matrix: Tensor, dim: int, positive: bool = False) -> Tensor:
    """Compute the leading eigenvectors (V, E) of a symmetric matrix, by the root of their values.

    With ``positive``, those of positive eigenvalues; missing ones are zeros. Randomised subspace
    iteration (Halko et al. 2011, algorithm 4.4).
    """
    size = len(matrix)
    width = min((1 + positive) * dim + OVERSAMPLING, size)  # about half of them are negative
    basis = torch.randn(size, width, generator=torch.Generator().manual_seed(0))
    for _ in range(ITERATIONS):
        basis, _ = torch.linalg.qr(matrix @ (matrix @ basis))  # (V, width)
    values, rotation = torch.linalg.eigh(basis.T @ (matrix @ basis))
    values = values.clamp(min=0) if positive else values.abs()
    leading = values.argsort(descending=True)[:dim]
    vectors = torch.zeros(size, dim)
    vectors[:, : len(leading)] = basis @ rotation[:, leading] * values[leading].sqrt()
    return vectors


def normalise_lengths(vectors: Tensor) -> Tensor:
    """Scale vectors (V, E) to the square roots of their lengths, and to a mean length of 1.

    Vectors of rare words stay shorter than others, as less is known about them.
    """
    lengths = vectors.norm(dim=1, keepdim=True)  # (V, 1)
    vectors[lengths.squeeze(1) <= ROUNDING * lengths.max()] = 0
    vectors /= lengths.clamp(min=1e-6).sqrt()
    lengths = vectors.norm(dim=1)
    return vectors / lengths[lengths > 0].mean() if lengths.any() else vectors


def _count_contexts(texts: EncodedTexts, vocab_size: int) -> tuple[Ints, Ints, Floats]:
    """Count contexts: the start of those of each token (V + 1,), the contexts, their counts."""
    tokens = np.array(texts.tokens[:MAX_TOKENS], np.int64)  # (T,)
    text = np.searchsorted(texts.offsets, np.arange(len(tokens)), "right")  # of each token, (T,)
    tokens, text = (np.pad(array, WINDOW, constant_values=-1) for array in (tokens, text))
    row_sizes = np.zeros(vocab_size, np.int64)
    contexts, counts = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    for first, last in pairwise(_vocabulary_parts(tokens, vocab_size)):
        positions = np.flatnonzero((tokens >= first) & (tokens < last))
        keys = []
        for distance in range(1, WINDOW + 1):
            for neighbours in (positions - distance, positions + distance):
                same = text[neighbours] == text[positions]
                pairs = tokens[positions[same]] * vocab_size + tokens[neighbours[same]]
                keys.append(pairs * WINDOW + distance - 1)
        pairs, distances = np.divmod(np.sort(np.concatenate(keys)), WINDOW)
        starts = np.flatnonzero(np.diff(pairs, prepend=-1))
        rows, columns = np.divmod(pairs[starts], vocab_size)
        row_sizes += np.bincount(rows, minlength=vocab_size)
        contexts.append(columns.astype(np.int32))
        weights = (1 / (1 + distances)).astype(np.float32)
        counts.append(np.add.reduceat(weights, starts) if len(starts) else weights)
    row_starts = np.concatenate([[0], np.cumsum(row_sizes)]).astype(np.int32)
    return row_starts, np.concatenate(contexts), np.concatenate(counts)


def _vocabulary_parts(tokens: NDArray[np.int64], vocab_size: int) -> list[int]:
    """Return bounds, from 0 to V, between which tokens occur about ``PART_TOKENS`` times."""
    ends = np.cumsum(np.bincount(tokens[tokens >= 0], minlength=vocab_size))
    inner = np.searchsorted(ends, np.arange(PART_TOKENS, len(tokens), PART_TOKENS)) + 1
    return sorted({0, *inner[inner < vocab_size].tolist(), vocab_size})


def _smoothed_pmi(starts: Ints, contexts: Ints, counts: Floats) -> Floats:
    """Compute the positive PMI of each count, with smoothed frequencies of contexts."""
    size = len(starts) - 1
    tokens = np.repeat(np.arange(size, dtype=np.int32), np.diff(starts))
    totals = np.bincount(tokens, counts, size)  # (V,)
    smoothed = totals**CONTEXT_SMOOTHING / (totals**CONTEXT_SMOOTHING).sum().clip(1e-9)
    # Smoothing contexts alone breaks the symmetry: the geometric mean restores it.
    expected = np.sqrt(totals * smoothed).astype(np.float32)
    pmi: Floats = np.log(counts / (expected[tokens] * expected[contexts])).clip(0)
    return pmi


def _discounted_pmi(tokens: Ints, contexts: Ints, counts: Floats, size: int) -> Floats:
    """Compute the PMI of each count, discounted for rare ones."""
    totals = np.bincount(tokens, counts, size)  # (V,)
    pmi: Floats = np.log(counts * counts.sum() / (totals[tokens] * totals[contexts]))
    pmi *= counts / (counts + COUNT_DISCOUNT)
    return pmi


def _translation_candidates(
    sources: EncodedTexts, targets: EncodedTexts, rows: NDArray[np.int64]
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield source tokens (P,), target tokens of the same pairs (P,), and their weights (P,).

    The weights decay with the distance of the positions in the sentences, relative to length.
    """
    products = _num_words(sources, rows) * _num_words(targets, rows)  # (pairs,)
    ends = np.cumsum(products)
    if ends[-1] > MAX_PAIRS:
        sample = max(1, int(len(rows) * MAX_PAIRS / ends[-1]))
        rows = rows[np.linspace(0, len(rows) - 1, sample).astype(np.int64)]
        ends = np.cumsum(_num_words(sources, rows) * _num_words(targets, rows))
    cuts = np.searchsorted(ends, np.arange(PART_PAIRS, ends[-1], PART_PAIRS))
    for part in np.split(rows, np.unique(cuts)):
        width, height = _num_words(sources, part), _num_words(targets, part)  # (pairs,)
        products = width * height
        pair = np.repeat(np.arange(len(part)), products)  # (P,)
        within = np.arange(len(pair)) - (np.cumsum(products) - products)[pair]
        i, j = np.divmod(within, height[pair])  # (P,) positions in the sentences
        source = sources.tokens[sources.offsets[part][pair] + i].astype(np.int64)
        target = targets.tokens[targets.offsets[part][pair] + j].astype(np.int64)
        distance = np.abs((i + 0.5) / width[pair] - (j + 0.5) / height[pair])
        yield source, target, np.exp(-DISTANCE_DECAY * distance).astype(np.float32)


def _num_words(texts: EncodedTexts, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return texts.lengths_of(rows) - 1  # without <eos>


def _sum_by_key(keys: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """Sum the weights of equal keys; return each key once, sorted, and its sum."""
    unique, inverse = np.unique(keys, return_inverse=True)
    return unique, np.bincount(inverse, weights, len(unique)).astype(np.float32)
