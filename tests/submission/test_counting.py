"""Counts of events, and the points at which they are counted."""

import numpy as np

from submission.counting import GRID, PointCounts, grid
from submission.templates import TERMS, terms


def test_counts_and_variance_by_hand():
    counts = PointCounts.empty(bins=3)
    counts.add(np.array([0, 2, 2, -1]), np.array([1, 3, 3, 0]), np.array([2.0, 0.5, 1.5, 9.0]))
    counts.add(np.array([0]), np.array([1]), np.array([3.0]))
    np.testing.assert_array_equal(counts.counts, [[0, 0, 0], [5, 0, 0], [0, 0, 0], [0, 0, 2]])
    np.testing.assert_array_equal(counts.variance, [[0, 0, 0], [13, 0, 0], [0, 0, 0], [0, 0, 2.5]])


def test_the_grid_determines_the_templates():
    points = grid()
    assert points.shape == (len(GRID), 3)
    assert points[0].tolist() == [1, 1, 0]
    np.testing.assert_allclose(np.abs(points[:, :2] - 1).max(axis=0), 0.04)
    assert np.linalg.matrix_rank(terms(points)[0]) == len(TERMS)
