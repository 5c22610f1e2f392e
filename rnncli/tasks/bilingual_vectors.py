"""Find vectors of the words of two languages from the pairs of sentences that they stand in.

A word and its translation stand in the same pairs, at about the same place. Who meets whom is
counted in seconds; a network that starts from vectors of these counts knows most translations
before it has read a sentence, and has only their order and their forms to learn.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncli.data.encoded import EncodedTexts
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.sparse import csr
from rnncli.tasks.word_vectors import evened, leading_eigenvectors

NEARNESS = 4  # a meeting counts exp(-4 d), d from 0 to 1 between the places (Dyer et al. 2013)
DOUBT = 1.0  # meetings added to those that information is divided by: rare ones may be chance
COUNTED = 1 << 24  # meetings at most, of pairs from all of the corpus: bounds time and memory
AT_ONCE = 1 << 21  # meetings counted together: bounds memory


def bilingual_vectors(
    sources: EncodedTexts,
    targets: EncodedTexts,
    rows: NDArray[np.int64],
    source_size: int,
    target_size: int,
    dim: int,
) -> tuple[Tensor, Tensor]:
    """Return vectors (V, E) of the words of each language, of length 1 in the mean.

    Words that translate each other have like vectors; a word that stands in none of the pairs
    ``rows`` has zeros. The texts are closed with ``<eos>``, which is not counted.

    The vectors are the eigenvectors of the largest positive eigenvalues of the positive pointwise
    mutual information of words and the words of the other language that they meet.
    """
    size = source_size + target_size  # target words stand behind those of the source
    keys: Ints = np.zeros(0, np.int64)
    weights: Floats = np.zeros(0, np.float32)
    for own, theirs, nearness in _meetings(sources, targets, rows):
        theirs += source_size
        both = np.concatenate([own * size + theirs, theirs * size + own])
        found, counts = _added(both, np.tile(nearness, 2))
        keys, weights = _added(np.concatenate([keys, found]), np.concatenate([weights, counts]))
    vectors = evened(leading_eigenvectors(_information(keys, weights, size), dim, positive=True))
    return vectors[:source_size], vectors[source_size:]


def _meetings(
    sources: EncodedTexts, targets: EncodedTexts, rows: NDArray[np.int64]
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield words, the words of the other language in the same pairs, and how near they stand."""
    ends = np.cumsum(_words(sources, rows) * _words(targets, rows))  # (pairs,) of all meetings
    if ends[-1] > COUNTED:
        kept = max(1, int(len(rows) * COUNTED / ends[-1]))
        rows = rows[np.linspace(0, len(rows) - 1, kept).astype(np.int64)]
        ends = np.cumsum(_words(sources, rows) * _words(targets, rows))
    cuts = np.searchsorted(ends, np.arange(AT_ONCE, ends[-1], AT_ONCE))
    for some in np.split(rows, np.unique(cuts)):
        width, height = _words(sources, some), _words(targets, some)  # (pairs,)
        products = width * height
        pair = np.repeat(np.arange(len(some)), products)  # (P,) of each meeting
        within = np.arange(len(pair)) - (np.cumsum(products) - products)[pair]
        i, j = np.divmod(within, height[pair])  # (P,) places in the pair
        own = sources.tokens[sources.offsets[some][pair] + i].astype(np.int64)
        theirs = targets.tokens[targets.offsets[some][pair] + j].astype(np.int64)
        apart = np.abs((i + 0.5) / width[pair] - (j + 0.5) / height[pair])
        yield own, theirs, np.exp(-NEARNESS * apart).astype(np.float32)


def _words(texts: EncodedTexts, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return texts.lengths_of(rows) - 1  # without <eos>


def _added(keys: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """Return each key once, in order, with the sum of its weights."""
    found, places = np.unique(keys, return_inverse=True)
    return found, np.bincount(places, weights, len(found)).astype(np.float32)


def _information(keys: Ints, weights: Floats, size: int) -> Tensor:
    """Return log p(i, j) / (p(i) p(j)) where it is positive, sparse as (V, V), symmetric."""
    words, others = np.divmod(keys, size)
    alone = np.bincount(words, weights, size)  # (V,)
    values = np.log(weights * weights.sum() / (alone[words] * alone[others]))
    values *= weights / (weights + DOUBT)
    kept = values > 0
    starts = np.concatenate([[0], np.cumsum(np.bincount(words[kept], minlength=size))])
    return csr(
        starts.astype(np.int32),
        others[kept].astype(np.int32),
        values[kept].astype(np.float32),
        size,
    )
