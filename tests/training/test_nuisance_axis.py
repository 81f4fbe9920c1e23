"""The second axis is what tells nuisance parameters apart from mu, in shares of equal weight."""

import dataclasses

import numpy as np
import pytest

from ingestion_test.schema import FEATURES, PRIMARIES
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime.errors import ChallengeError
from submission.histogram import Histogram
from submission.score import Scorer
from tests.submission.networks_examples import FirstInput, standardisations
from training.nuisance_axis import AxisConfig, ChannelEvents, edges_of_shares, efficient_factors, with_axis
from training.samples import Sample, training_part

JETS = PRIMARIES.index("PRI_n_jets")

CONFIG = AxisConfig(shares=3, least_events=5, width=8, steps=60, batch=1000, learning_rate=1e-2)


@pytest.fixture(scope="module")
def known(simulated_folder):
    return training_part(OfficialFolder(simulated_folder), "classifier")


@pytest.fixture(scope="module")
def plain():
    return Histogram(Scorer((), standardisations(), FirstInput()), (np.array([0.5]), np.array([0.4])), np.array([60.0]))


@pytest.fixture(scope="module")
def split(plain, known):
    return with_axis(plain, known, CONFIG, "cpu")


def test_shares_have_equal_weight(known, split):
    features, kept = transform(known.primaries)
    weights = known.weights[kept]
    counts = np.bincount(split.bins_of(dict(zip(FEATURES, features.T))), weights, split.bins)
    for name, shares in split.shares.items():
        assert (shares == 3).all()
        shared = counts[split.channels[name]].reshape(-1, 3)
        np.testing.assert_allclose(shared, shared.mean(axis=1, keepdims=True) * np.ones(3), rtol=0.25)


@pytest.mark.parametrize("shift", ["tes", "jes"])
def test_shifted_events_move_along_the_axis(known, split, shift):
    """The axis is at least as good a place to see a shift as the first axis alone."""
    information = []
    for histogram in (dataclasses.replace(split, axis=None), split):
        up, down = (_counts(histogram, known, **{shift: 1 + change}) for change in (0.02, -0.02))
        information.append(np.sum((up - down) ** 2 / (up + down)))
    assert information[1] > 1.3 * information[0]


def _counts(histogram, sample, **shift):
    features, kept = transform(sample.primaries, None, **shift)
    return np.bincount(histogram.bins_of(dict(zip(FEATURES, features.T))), sample.weights[kept], histogram.bins)


def test_the_seed_decides(plain, known, split):
    few = dataclasses.replace(CONFIG, steps=3)
    one, again, other = (
        with_axis(plain, known, config, "cpu").axis.edges[0] for config in (few, few, dataclasses.replace(few, seed=2))
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_factors_are_the_regression_of_the_signal_on_the_directions():
    random = np.random.default_rng(0)
    directions = random.normal(size=(400_000, 3)) * 0.1
    first = (directions[:, 0] > 0).astype(int)  # more signal where the first direction is positive
    is_signal = random.random(len(first)) < 0.02 * first
    events = ChannelEvents(first, directions, np.ones(len(first)), is_signal)
    factors = efficient_factors([events])
    # <d ln p / d mu, t> = E[0.02 t (t > 0)] = 0.02 * 0.1 / sqrt(2 pi), over E[t^2] = 0.01; the prior adds nothing.
    assert factors == pytest.approx([0.2 / np.sqrt(2 * np.pi), 0, 0], rel=0.05, abs=2e-3)


def test_first_bins_with_few_events_have_fewer_shares():
    random = np.random.default_rng(1)
    first = np.repeat([0, 1, 2, 4], [1000, 100, 50, 3])
    directions = random.normal(size=(len(first), 3))
    events = ChannelEvents(first, directions, np.full(len(first), 0.1), np.zeros(len(first), bool))
    edges = edges_of_shares(events, np.array([0.0, 1.0, 0.0]), 5, dataclasses.replace(CONFIG, least_events=40))
    assert np.isfinite(edges).sum(axis=1).tolist() == [2, 1, 0, 0, 0]
    np.testing.assert_allclose(edges[0], np.quantile(directions[:1000, 1], [1 / 3, 2 / 3]), atol=0.02)
    np.testing.assert_allclose(edges[1, 0], np.median(directions[1000:1100, 1]), atol=0.05)


def test_too_few_events_are_named(plain, known):
    few = Sample(*(values[known.primaries[:, JETS] == 2] for values in (known.primaries, known.weights, known.process)))
    with pytest.raises(ChallengeError, match="too few events without a jet"):
        with_axis(plain, Sample(few.primaries[:9], few.weights[:9], few.process[:9]), CONFIG, "cpu")
