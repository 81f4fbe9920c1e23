"""The histogram's bins."""

import numpy as np

from submission.histogram import edges_of_scores


def test_every_bin_has_half_a_share_of_signal_or_of_background():
    random = np.random.default_rng(0)
    signal, background = random.normal(2, 1, 50_000), random.normal(0, 1, 50_000)
    edges = edges_of_scores(signal, background, 30, 12)
    shares = [np.histogram(scores, [-np.inf, *edges, np.inf])[0] / 50_000 for scores in (signal, background)]
    largest = np.maximum(shares[0] * 30, shares[1] * 12)
    assert largest.min() >= 0.5
    assert largest.max() < 1.6
    assert 30 < len(edges) < 41


def test_equal_scores_give_no_empty_bins():
    edges = edges_of_scores(np.repeat([1.0, 2.0], 50), np.repeat([0.0, 1.0], 50), 10, 4)
    assert len(np.unique(edges)) == len(edges)
    assert len(edges) <= 3
