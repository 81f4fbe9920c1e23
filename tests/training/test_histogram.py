"""Making of the histogram: edges from the events that they are to be taken from, and bins in worker processes."""

import pickle

import numpy as np
import pytest

from ingestion_test.schema import FEATURES
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from submission.features import CATEGORIES
from submission.score import Scorer
from tests.submission.networks_examples import FirstInput, classifier, standardisations
from training.histogram import BinsOfFeatures, TemplatesConfig, make_histogram
from training.samples import Sample, training_part

CONFIG = TemplatesConfig(signal_bins=5, background_bins=3, no_jet_bins=4, axis=None, edge_events=20_000)


@pytest.fixture(scope="module")
def samples(simulated_folder):
    """Events that the networks know, and those of the templates."""
    source = OfficialFolder(simulated_folder)
    return training_part(source, "classifier"), training_part(source, "templates")


@pytest.fixture(scope="module")
def histogram(samples):
    return make_histogram(Scorer((), standardisations(), FirstInput()), *samples, CONFIG, "cpu")


def test_the_scores_edges_are_those_of_the_known_events_alone(samples, histogram):
    known, events = samples
    fewer = Sample(events.primaries[:100], events.weights[:100], events.process[:100])
    again = make_histogram(histogram.scorer, known, fewer, CONFIG, "cpu")
    for edges, others in zip(histogram.score_edges, again.score_edges):
        np.testing.assert_array_equal(edges, others)
    assert not np.array_equal(again.no_jet_edges, histogram.no_jet_edges)


def test_edges_share_the_events_of_each_channel(samples, histogram):
    assert set(histogram.channels) == {*CATEGORIES, "0-jet"}
    for edges in histogram.score_edges:
        assert 4 <= len(edges) <= 6  # 4 + 2, of which those that come close together are left out
    features = dict(zip(FEATURES, transform(samples[1].primaries)[0].T))
    bins = histogram.bins_of(features)
    counts = np.bincount(bins[features["PRI_n_jets"] == 0])[histogram.channels["0-jet"]]
    np.testing.assert_allclose(counts / counts.sum(), 0.25, atol=0.01)


def test_no_bins_leave_events_without_a_jet_out(samples):
    config = TemplatesConfig(signal_bins=2, background_bins=2, no_jet_bins=0, axis=None, edge_events=2000)
    assert make_histogram(Scorer((), standardisations(), FirstInput()), *samples, config, "cpu").no_jet_edges is None


def test_a_second_axis_needs_events_without_a_jet():
    with pytest.raises(ValueError, match="axis: it needs events without a jet"):
        TemplatesConfig(no_jet_bins=0)


def test_worker_processes_get_bins_of_arrays_of_features(samples, histogram):
    scorer = Scorer((), standardisations(), classifier())
    histogram = make_histogram(scorer, *samples, CONFIG, "cpu")
    bins_of = pickle.loads(pickle.dumps(BinsOfFeatures(histogram, "cpu")))
    features, _ = transform(samples[1].primaries[:500])
    np.testing.assert_array_equal(bins_of(features), histogram.bins_of(dict(zip(FEATURES, features.T))))
