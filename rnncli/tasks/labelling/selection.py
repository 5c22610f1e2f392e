"""Which texts are worth a label most: those that stand for many others of which little is known.

A text with a label tells something of those that are like it. The texts that are chosen tell, in
sum, as much as possible of the texts whose labels are in doubt (facility location, as Wei, Iyer and
Bilmes 2015, "Submodularity in data subset selection and active learning"): so every kind of text is
seen early, also a rare one, none is seen twice, and no outlier for its own sake.

Shapes: S texts, K texts to be chosen, M that are not to be.
"""

import heapq

import numpy as np

from rnncli.networks.numerics import Floats, Ints

DOUBT_POWER = 2  # of the doubt by which texts are weighted; figures: labelling.md


def doubt(probabilities: Floats) -> Floats:
    """Return how much the labels of texts are in doubt (S,), 1 where the two best are equal."""
    ranked = np.sort(probabilities, 1)
    doubts: Floats = (1 - ranked[:, -1] + ranked[:, -2]) ** DOUBT_POWER
    return doubts


def most_telling(products: Floats, doubts: Floats, number: int, taken: Ints) -> list[int]:
    """Return texts (K,) by their products (S, S), the most telling first.

    ``doubts`` (S,) weigh the texts of which they tell; those ``taken`` (M,) tell already.
    """
    told = products[taken].max(0, initial=0)  # (S,) of each text, by the most like it
    gains = np.maximum(products - told, 0) @ doubts
    gains[taken] = -np.inf
    # A gain only shrinks as others are chosen: so it is computed again when it is the largest.
    heap = [(-gain, row) for row, gain in enumerate(gains.tolist()) if gain >= 0]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < number:
        _, row = heap[0]
        gain = float(np.maximum(products[row] - told, 0) @ doubts)
        heapq.heapreplace(heap, (-gain, row))
        if heap[0][1] == row:
            heapq.heappop(heap)
            chosen.append(row)
            told = np.maximum(told, products[row])
    return chosen
