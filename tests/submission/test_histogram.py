"""The histogram's bins."""

import dataclasses

import numpy as np
import pytest

from submission.histogram import Histogram, edges_of_scores
from submission.score import Scorer
from tests.submission.networks_examples import FirstInput, events, standardisations


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


@pytest.fixture(scope="module")
def histogram():
    edges = (np.array([0.2, 0.4]), np.array([0.3]))
    return Histogram(Scorer((), standardisations(), FirstInput()), edges, np.array([30.0, 40.0, 50.0]))


def test_channels_lie_one_after_the_other(histogram):
    assert histogram.channels == {"1-jet": slice(0, 3), "2-jet": slice(3, 5), "0-jet": slice(5, 9)}
    assert histogram.bins == 9


def test_events_fall_into_the_bin_of_their_score_or_mass(histogram):
    columns = events(300)
    place, scores = histogram.scorer(columns)
    bins = histogram.bins_of(columns)
    np.testing.assert_array_equal(bins[place == 0], np.digitize(scores[place == 0], [0.2, 0.4]))
    np.testing.assert_array_equal(bins[place == 1], 3 + np.digitize(scores[place == 1], [0.3]))
    np.testing.assert_array_equal(bins[place == -1], 5 + np.digitize(columns["DER_mass_vis"][::3], [30, 40, 50]))
    weights = np.arange(300.0)
    np.testing.assert_allclose(histogram.counts(columns, weights), np.bincount(bins, weights, 9))


def test_without_edges_events_without_a_jet_are_in_no_bin(histogram):
    without = dataclasses.replace(histogram, no_jet_edges=None)
    assert (without.bins_of(events(30))[::3] == -1).all()
    assert without.counts(events(30), np.ones(30)).sum() == 20
    assert without.bins == 5


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        ((np.array([0.4, 0.2]), np.array([0.3])), "do not rise"),
        ((np.array([0.2, np.nan]), np.array([0.3])), "do not rise"),
        ((np.array([[0.2]]), np.array([0.3])), "do not rise"),
        ((np.array([0.2]),), "edges of 1 categories; there are 2"),
    ],
)
def test_edges_that_cannot_be(edges, text, histogram):
    with pytest.raises(ValueError, match=text):
        Histogram(histogram.scorer, edges)
