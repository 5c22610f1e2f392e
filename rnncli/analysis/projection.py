"""The principal directions of a set of vectors, to draw them in a plane."""

from dataclasses import dataclass

import numpy as np

from rnncli.networks.numerics import Floats


@dataclass(frozen=True)
class Projection:
    """Vectors projected on their principal directions."""

    points: Floats  # (T, 2)
    shares: tuple[float, float]  # of the variance, that each direction has


def principal_directions(x: Floats) -> Projection:
    """Project vectors (T, H) on the two directions in which they vary most.

    Principal component analysis (Hotelling 1933), by a singular value decomposition. Directions are
    turned such that the largest coordinate of each is positive. What does not vary has share 0.
    """
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)  # (T, K), (K,)
    points = np.zeros((len(x), 2))
    shares = np.zeros(2)
    k = min(2, len(sizes))
    points[:, :k] = left[:, :k] * sizes[:k]
    shares[:k] = np.square(sizes[:k]) / max(float(np.square(sizes).sum()), 1e-12)
    largest = points[np.abs(points).argmax(0), [0, 1]]
    points *= np.where(largest < 0, -1, 1)
    return Projection(points.astype(np.float32), (float(shares[0]), float(shares[1])))
