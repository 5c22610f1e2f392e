"""Which texts are worth a label most: those of every kind first, then those in doubt.

Shapes: N texts, D values of a vector, C classes, K texts to be chosen, M that are not to be.
"""

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, Ints, unit_vectors

ITERATIONS = 5  # of k-means: the clusters hardly change after these
CANDIDATES = 10  # texts in doubt for each that is chosen of them
BLOCK = 1 << 24  # products of texts that are computed at once: bounds memory


def spread(vectors: Floats, number: int, taken: Ints, rng: np.random.Generator) -> Ints:
    """Return texts (K,) of kinds that the ``taken`` ones (M,) are not of.

    They are those nearest to the centres of clusters (k-means, begun as Arthur and Vassilvitskii
    2007 do, section 2.2), of which each text taken is the centre of one more.
    """
    known = _largest_product(vectors, vectors[taken])
    centres = vectors[_far_apart(vectors, number, taken, known, rng)]
    if not len(centres):  # all are taken
        return np.empty(0, np.int64)
    for _ in range(ITERATIONS):
        products = vectors @ centres.T  # (N, K)
        nearest = np.where(products.max(1) > known, products.argmax(1), -1)
        for cluster in range(len(centres)):
            if (members := vectors[nearest == cluster]).size:
                centres[cluster] = unit_vectors(members.sum(0))
    products = vectors @ centres.T
    products[taken] = -np.inf
    rows = np.empty(len(centres), np.int64)
    for cluster, column in enumerate(products.T):
        rows[cluster] = column.argmax()
        products[rows[cluster]] = -np.inf
    return rows


def doubtful(
    probabilities: Floats,
    vectors: Floats,
    number: int,
    taken: Ints,
    rng: np.random.Generator,
) -> Ints:
    """Return texts (K,) whose two best labels (of N, C) are about as probable, far apart."""
    ranked = np.sort(probabilities, 1)
    margins = ranked[:, -1] - ranked[:, -2]
    margins[taken] = np.inf
    candidates = np.argsort(margins, kind="stable")[: CANDIDATES * number]
    candidates = candidates[np.isfinite(margins[candidates])]
    nothing = np.empty(0, np.int64)
    known = np.zeros(len(candidates), np.float32)
    chosen: Ints = candidates[_far_apart(vectors[candidates], number, nothing, known, rng)]
    return chosen


def _far_apart(
    vectors: Floats, number: int, taken: Ints, known: Floats, rng: np.random.Generator
) -> Ints:
    """Draw texts (K,), each by its squared distance from the nearest of those before.

    ``known`` (N,) are the products of texts with the nearest of those taken.
    """
    nearest = known.astype(np.float64)
    is_free = np.ones(len(vectors), bool)
    is_free[taken] = False
    rows = np.empty(min(number, int(is_free.sum())), np.int64)
    for i in range(len(rows)):
        distances = np.where(is_free, (1 - nearest).clip(min=1e-9), 0)  # equal texts last
        rows[i] = rng.choice(len(vectors), p=distances / distances.sum())
        is_free[rows[i]] = False
        nearest = np.maximum(nearest, vectors @ vectors[rows[i]])
    return rows


def _largest_product(vectors: Floats, others: Floats) -> Floats:
    """Return the largest product (N,) of each vector with others (M, D); 0 where there are none."""
    largest: NDArray[np.float32] = np.zeros(len(vectors), np.float32)
    step = max(1, BLOCK // max(len(vectors), 1))
    for first in range(0, len(others), step):
        products = vectors @ others[first : first + step].T
        largest = np.maximum(largest, products.max(1))
    return largest
