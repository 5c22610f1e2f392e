"""The nearest neighbours among embeddings."""

import numpy as np

from rnncli.analysis.neighbours import nearest
from rnncli.networks.embedding_numpy import Embedding


def test_the_nearest_have_the_largest_cosines_and_special_tokens_are_left_out() -> None:
    weight = np.array(
        [[1, 0], [1, 0], [1, 0], [1, 0], [2, 0], [3, 0.1], [0, 1], [-1, 0]], np.float32
    )
    result = nearest(Embedding(weight), 4, 10)
    assert [each.token for each in result] == [5, 6, 7]
    np.testing.assert_allclose([result[1].cosine, result[2].cosine], [0, -1], atol=1e-6)
    assert len(nearest(Embedding(weight), 4, 2)) == 2
