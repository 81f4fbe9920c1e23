"""Joining of bins where events are few."""

import dataclasses

import numpy as np
import pytest

from ingestion_test.official.systematics import systematics
from submission.features import CATEGORIES, FEATURES, Standardisation
from submission.histogram import Histogram
from submission.nuisance_axis import NO_JET_FEATURES, DirectionNetwork, NuisanceAxis
from submission.score import Scorer
from submission.wide_bins import begins_of, coarser, joined
from tests.submission.fit_examples import training_frame
from tests.submission.networks_examples import FirstInput, standardisations

INF = np.inf


@pytest.fixture(scope="module")
def histogram():
    """Shares (2, 1, 3) of 1-jet, (1, 2) of 2-jet and (1, 1) of 0-jet events: 11 bins."""
    sizes = [*(len(FEATURES[category]) for category in CATEGORIES), len(NO_JET_FEATURES)]
    of_no_jet = Standardisation(NO_JET_FEATURES, np.full(sizes[-1], 30, np.float32), np.full(sizes[-1], 20, np.float32))
    network = DirectionNetwork(sizes, width=2, seed=3)
    edges = (
        np.array([[0.0, INF], [INF, INF], [-0.1, 0.1]]),
        np.array([[INF, INF], [0.0, INF]]),
        np.full((2, 2), INF),
    )
    scores = (np.array([0.1, 0.4]), np.array([0.2]))
    axis = NuisanceAxis(network, of_no_jet, edges)
    return Histogram(Scorer((), standardisations(), FirstInput()), scores, np.array([70.0]), axis)


@pytest.fixture(scope="module")
def events():
    return systematics(training_frame(20_000))


@pytest.mark.parametrize(
    "begins",
    [
        range(11),
        (0, 1, 2, 3, 6, 7, 9, 10),
        (0, 2, 3, 4, 6, 9),
        (0, 3, 6, 9),
        (0, 6, 9),
    ],
)
def test_bins_of_the_coarser_histogram_are_the_joined_ones(begins, histogram, events):
    begins = np.array(begins)
    coarse = coarser(histogram, begins)
    assert coarse.bins == len(begins)
    fine = histogram.bins_of(events)
    np.testing.assert_array_equal(coarse.bins_of(events), np.searchsorted(begins, fine, "right") - 1)
    weights = np.ones(len(events))
    np.testing.assert_allclose(coarse.counts(events, weights), joined(histogram.counts(events, weights), begins))
    assert list(coarse.channels) == list(histogram.channels)


def test_without_a_second_axis(histogram, events):
    plain = dataclasses.replace(histogram, axis=None)
    coarse = coarser(plain, np.array([0, 2, 3, 5]))
    np.testing.assert_array_equal(
        coarse.bins_of(events), np.searchsorted([0, 2, 3, 5], plain.bins_of(events), "right") - 1
    )


@pytest.mark.parametrize(
    ("events_of_bins", "begins"),
    [
        (np.full(11, 200), range(11)),
        ([200, 200, 200, 200, 50, 200, 200, 200, 200, 200, 200], (0, 1, 2, 3, 6, 7, 8, 9, 10)),
        ([60, 30, 200, 200, 200, 200, 200, 30, 30, 200, 50], (0, 3, 4, 5, 6, 9)),
        (np.ones(11), (0, 6, 9)),
        (np.zeros(11), (0, 6, 9)),
    ],
    ids=["enough", "a share", "a first bin at either end", "few", "none"],
)
def test_bins_are_joined_until_each_has_enough_events(events_of_bins, begins, histogram):
    counts = 0.5 * np.array(events_of_bins)
    assert begins_of(histogram, counts, 0.5 * counts, 100).tolist() == list(begins)
