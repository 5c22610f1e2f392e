"""Principal directions, against points whose directions are known."""

import numpy as np

from rnncli.analysis.projection import principal_directions


def test_an_ellipse_is_turned_to_its_axes() -> None:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    turn = np.array([[0.6, 0.8, 0], [0, 0, 1]])  # two orthogonal directions in space
    ellipse = np.stack([3 * np.cos(angles), np.sin(angles)], 1)
    result = principal_directions((ellipse @ turn + 5).astype(np.float32))
    np.testing.assert_allclose(result.shares, [0.9, 0.1], atol=1e-5)
    np.testing.assert_allclose(np.abs(result.points), np.abs(ellipse), atol=1e-4)
    assert result.points.max(0).tolist() == np.abs(result.points).max(0).tolist()


def test_a_single_point_does_not_vary() -> None:
    result = principal_directions(np.ones((1, 4), np.float32))
    assert result.points.tolist() == [[0, 0]]
    assert result.shares == (0, 0)
