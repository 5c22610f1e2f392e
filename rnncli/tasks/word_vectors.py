"""Find vectors of words from the words that stand beside them, before a network learns.

Words that stand among the same words mean alike (Harris 1954). Who stands beside whom is counted
in seconds, where a network reads for epochs, and says as much of words as a network learns of them
(Levy and Goldberg 2014; Levy et al. 2015, whose settings these are).
"""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncli.data.encoded import EncodedTexts
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.sparse import csr

WINDOW = 5  # words to each side; one at distance d counts 1/d
FLATTENING = 0.75  # power of the frequencies of neighbours: rare ones are no better neighbours
COUNTED = 1 << 23  # tokens at most, of the first texts: bounds memory
AT_ONCE = 1 << 19  # tokens whose neighbours are counted together: bounds memory
ROUNDS = 4  # of subspace iteration
NOTHING = 1e-3  # of the longest vector: a shorter one is what rounding left of none
SPARE = 32  # dimensions that are found along and left out: the last ones are the least exact


def word_vectors(texts: EncodedTexts, vocab_size: int, dim: int) -> Tensor:
    """Return a vector of each word as (V, E), of length 1 in the mean; zeros where it has none.

    They are the largest eigenvectors of the positive pointwise mutual information of words and
    their neighbours.
    """
    information = _mutual_information(*_neighbours(texts, vocab_size), vocab_size)  # (V, V)
    return evened(leading_eigenvectors(information, dim))


def leading_eigenvectors(matrix: Tensor, dim: int, positive: bool = False) -> Tensor:
    """Return the largest eigenvectors (V, E) of a symmetric matrix, by the root of their values.

    With ``positive``, only those of positive eigenvalues. Where there are too few, zeros follow.
    Found by randomised subspace iteration (Halko et al. 2011, algorithm 4.4).
    """
    size = len(matrix)
    width = min((1 + positive) * dim + SPARE, size)  # about half of them are negative
    basis = torch.randn(size, width, generator=torch.Generator().manual_seed(0))
    for _ in range(ROUNDS):
        basis, _ = torch.linalg.qr(matrix @ (matrix @ basis))  # (V, width)
    values, rotation = torch.linalg.eigh(basis.T @ (matrix @ basis))
    values = values.clamp(min=0) if positive else values.abs()
    largest = values.argsort(descending=True)[:dim]
    vectors = torch.zeros(size, dim)
    vectors[:, : len(largest)] = basis @ rotation[:, largest] * values[largest].sqrt()
    return vectors


def evened(vectors: Tensor) -> Tensor:
    """Return vectors (V, E) of length 1 in the mean, long and short ones less unlike."""
    lengths = vectors.norm(dim=1, keepdim=True)  # (V, 1)
    vectors[lengths.squeeze(1) <= NOTHING * lengths.max()] = 0
    # The square root of their lengths: less is known of a rare word, though not nothing.
    vectors /= lengths.clamp(min=1e-6).sqrt()
    lengths = vectors.norm(dim=1)
    return vectors / lengths[lengths > 0].mean() if lengths.any() else vectors


def _neighbours(texts: EncodedTexts, vocab_size: int) -> tuple[Ints, Ints, Floats]:
    """Return where each word's neighbours begin (V + 1,), the neighbours, and how often each is."""
    tokens = np.array(texts.tokens[:COUNTED], np.int64)  # (T,)
    number = np.searchsorted(texts.offsets, np.arange(len(tokens)), "right")  # of the text, (T,)
    tokens, number = (np.pad(array, WINDOW, constant_values=-1) for array in (tokens, number))
    counts = np.zeros(vocab_size, np.int64)
    neighbours, weights = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    for first, last in pairwise(_parts(tokens, vocab_size)):
        here = np.flatnonzero((tokens >= first) & (tokens < last))
        keys = []
        for distance in range(1, WINDOW + 1):
            for there in (here - distance, here + distance):
                same = number[there] == number[here]
                pairs = tokens[here[same]] * vocab_size + tokens[there[same]]
                keys.append(pairs * WINDOW + distance - 1)
        pairs, nearer = np.divmod(np.sort(np.concatenate(keys)), WINDOW)
        begins = np.flatnonzero(np.diff(pairs, prepend=-1))
        words, beside = np.divmod(pairs[begins], vocab_size)
        counts += np.bincount(words, minlength=vocab_size)
        neighbours.append(beside.astype(np.int32))
        each = (1 / (1 + nearer)).astype(np.float32)
        weights.append(np.add.reduceat(each, begins) if len(begins) else each)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return starts, np.concatenate(neighbours), np.concatenate(weights)


def _parts(tokens: NDArray[np.int64], vocab_size: int) -> list[int]:
    """Return the words between which lie about ``AT_ONCE`` tokens, from 0 to V."""
    ends = np.cumsum(np.bincount(tokens[tokens >= 0], minlength=vocab_size))
    inner = np.searchsorted(ends, np.arange(AT_ONCE, len(tokens), AT_ONCE)) + 1
    return sorted({0, *inner[inner < vocab_size].tolist(), vocab_size})


def _mutual_information(starts: Ints, neighbours: Ints, weights: Floats, size: int) -> Tensor:
    """Return log p(i, j) / (p(i) p(j)) where it is positive, sparse as (V, V), symmetric."""
    words = np.repeat(np.arange(size, dtype=np.int32), np.diff(starts))
    alone = np.bincount(words, weights, size)  # (V,)
    flattened = alone**FLATTENING / (alone**FLATTENING).sum().clip(1e-9)
    alone = np.sqrt(alone * flattened).astype(np.float32)  # the mean of both directions
    values = np.log(weights / (alone[words] * alone[neighbours])).clip(0)
    return csr(starts, neighbours, values, size)
