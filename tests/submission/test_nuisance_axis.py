"""The histogram's second axis: shares of each first bin, along the sum of the directions."""

import dataclasses

import numpy as np
import pytest
import torch

from submission import codec
from submission.features import FEATURES, Standardisation, chosen_features
from submission.histogram import Histogram
from submission.nuisance_axis import CHANNELS, NO_JET_FEATURES, DirectionNetwork, NuisanceAxis
from submission.score import Scorer
from tests.submission.networks_examples import classifier, events, gate, members_of, standardisations

SIZES = [len(FEATURES.get(name, NO_JET_FEATURES)) for name in CHANNELS]


def standardisation():
    return Standardisation(NO_JET_FEATURES, np.full(8, 40, np.float32), np.full(8, 20, np.float32))


@pytest.fixture(scope="module")
def network():
    return DirectionNetwork(SIZES, width=8, seed=4).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def plain():
    edges = (np.array([0.0, 0.4]), np.array([0.3]))
    return Histogram(Scorer((), standardisations(), classifier(), gate()), edges, np.array([40.0]))


@pytest.fixture(scope="module")
def split(plain, network):
    """Three, two or one share in a first bin."""
    middle = [np.median(network.logits(x, number)) for number, _, _, x in _inputs(plain, network)]
    edges = [np.array([[at - 0.01, at + 0.01], [at, np.inf], [np.inf, np.inf]]) for at in middle]
    axis = NuisanceAxis(network, standardisation(), (edges[0], edges[1][:2], edges[2][:2]))
    return dataclasses.replace(plain, axis=axis)


def _inputs(plain, network):
    unsplit = NuisanceAxis(network, standardisation(), tuple(np.empty((n, 0)) for n in (3, 2, 2)))
    return dataclasses.replace(plain, axis=unsplit).first_bins(events(600))


def test_bins_of_a_channel_are_the_shares_of_its_first_bins(split):
    assert {name: numbers.tolist() for name, numbers in split.shares.items()} == {
        "1-jet": [3, 2, 1],
        "2-jet": [3, 2],
        "0-jet": [3, 2],
    }
    assert split.channels == {"1-jet": slice(0, 6), "2-jet": slice(6, 11), "0-jet": slice(11, 16)}
    assert split.bins == 16


def test_events_fall_into_the_share_of_their_first_bin(plain, split):
    columns = events(600)
    first, both = plain.bins_of(columns), split.bins_of(columns)
    firsts = np.repeat(np.arange(plain.bins), np.concatenate(list(split.shares.values())))
    np.testing.assert_array_equal(firsts[both], first)
    members = {name: values[::3] for name, values in columns.items()}
    x = (chosen_features(members, NO_JET_FEATURES) - 40) / 20
    place = split.axis.network.logits(x, 2)
    edges = split.axis.edges[2][first[::3] - plain.channels["0-jet"].start]
    starts = 11 + np.where(members["DER_mass_vis"] >= 40, 3, 0)
    np.testing.assert_array_equal(both[::3], starts + (place[:, None] >= edges).sum(axis=1))
    jets = members_of(columns, 1)
    place = split.axis.network.logits(split.scorer.standardised(jets, 1), 1)
    edges = split.axis.edges[1][first[2::3] - plain.channels["2-jet"].start]
    starts = split.channels["2-jet"].start + np.where(first[2::3] == plain.channels["2-jet"].start, 0, 3)
    np.testing.assert_array_equal(both[2::3], starts + (place[:, None] >= edges).sum(axis=1))
    assert len(np.unique(both)) > plain.bins  # the shares are not empty


def test_a_file_holds_the_axis(split):
    columns = events(60)
    again = codec.decode(Histogram, codec.encode(split))
    np.testing.assert_array_equal(again.bins_of(columns), split.bins_of(columns))


def test_outputs_are_combined_into_one():
    network = DirectionNetwork(SIZES, width=8, outputs=3, seed=5).eval()
    factors = np.array([0.5, -2.0, 3.0])
    for number, size in enumerate(SIZES):
        x = torch.randn(20, size, generator=torch.Generator().manual_seed(number))
        wanted = network(x, number).detach().numpy() @ factors
        np.testing.assert_allclose(network.combined(factors)(x, number).numpy(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        ((np.zeros((3, 1)), np.zeros((2, 1))), "shares of 2 channels; there are 3"),
        ((np.zeros((3, 1)), np.zeros((2, 1)), np.array([[1.0, 0.0], [0.0, 1.0]])), "do not rise"),
        ((np.zeros((3, 1)), np.zeros((2, 1)), np.array([[0.0, np.nan], [0.0, 1.0]])), "do not rise"),
        ((np.zeros((3, 1)), np.zeros(2), np.zeros((2, 1))), "do not rise"),
        ((np.zeros((3, 1)), np.zeros((1, 1)), np.zeros((2, 1))), "2 bins of 2-jet, but shares of 1 of them"),
    ],
)
def test_edges_that_cannot_be(edges, text, plain, network):
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(plain, axis=NuisanceAxis(network, standardisation(), edges))
