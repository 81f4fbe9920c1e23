"""What the networks read of an event."""

import numpy as np
import pytest

from ingestion_test.official.systematics import systematics
from ingestion_test.schema import FEATURES as ALL
from ingestion_test.schema import UNDEFINED
from submission import features as features_module
from submission.features import (
    CATEGORIES,
    COORDINATES,
    FEATURES,
    LOGARITHMIC,
    Standardisation,
    categories,
    coordinates,
    features,
)
from tests.conftest import make_events


@pytest.fixture(scope="module")
def by_category():
    events = systematics(make_events(4000, seed=3))
    which = categories(events)
    return {name: events[which == number].reset_index(drop=True) for number, name in enumerate(CATEGORIES)}


@pytest.mark.parametrize(("category", "size"), [("1-jet", 20), ("2-jet", 27)])
def test_exactly_the_defined_features(category, size, by_category):
    events = by_category[category]
    events = events[events["PRI_n_jets"] == (1 if category == "1-jet" else 2)]
    defined = [name for name in ALL if name != "PRI_n_jets" and (events[name] != UNDEFINED).all()]
    assert set(FEATURES[category]) == set(defined)
    assert len(FEATURES[category]) == size


def test_a_jet_that_counts_but_has_no_momentum(by_category):
    """Three jets of which the subleading is taken away: the third, softer one, is still in PRI_n_jets."""
    assert (by_category["1-jet"]["PRI_n_jets"] > 1).any()
    assert (by_category["2-jet"]["PRI_jet_subleading_pt"] > 0).all()


@pytest.mark.parametrize("category", CATEGORIES)
def test_values_follow_their_names(category, by_category):
    """Whatever the order of the columns, and with further ones."""
    events = by_category[category]
    values = features(events[list(reversed(events.columns))].assign(extra=1.0), category)
    for place, name in enumerate(FEATURES[category]):
        expected = np.log(events[name] + 1) if name in LOGARITHMIC else events[name]
        np.testing.assert_allclose(values[:, place], expected, rtol=1e-6, err_msg=name)
    assert np.isfinite(values).all()
    with pytest.raises(KeyError, match="PRI_had_pt"):
        features(events.drop(columns="PRI_had_pt"), category)


@pytest.mark.parametrize("category", CATEGORIES)
def test_coordinates_do_not_see_the_axes(category, by_category):
    """Turning an event about the beam, reflecting it, or swapping the beams changes nothing."""
    events = by_category[category]
    before = coordinates(events, category)
    assert before.shape == (len(events), len(COORDINATES[category]))
    phis = [name for name in events if name.endswith("_phi")]
    etas = [name for name in events if name.endswith("_eta")]
    turned, reflected, swapped = events.copy(), events.copy(), events.copy()
    turned[phis] = np.mod(events[phis] + 1.0 + np.pi, 2 * np.pi) - np.pi
    reflected[phis] = -events[phis]
    swapped[etas] = -events[etas]
    for changed in (turned, reflected, swapped):
        difference = np.abs(coordinates(changed, category) - before)
        angle = np.array([name.endswith("dphi") for name in COORDINATES[category]])
        difference[:, angle] = np.minimum(difference[:, angle], np.abs(2 * np.pi - difference[:, angle]))
        assert difference.max() < 1e-4


@pytest.mark.parametrize("category", CATEGORIES)
def test_coordinates_hold_the_masses(category, by_category):
    """Nothing but the orientation is lost: the visible mass can be computed from them."""
    events = by_category[category]
    c = dict(zip(COORDINATES[category], coordinates(events, category).astype(float).T))
    pt2 = 2 * np.exp(c["log_lep_pt"] + c["log_had_pt"])
    mass = np.sqrt(pt2 * (np.cosh(c["lep_eta"] - c["had_eta"]) - np.cos(c["lep_dphi"])))
    np.testing.assert_allclose(mass, events["DER_mass_vis"], rtol=2e-3, atol=0.5)


@pytest.mark.parametrize("category", CATEGORIES)
def test_features_block_by_block_are_those_of_all_events_to_the_bit(category, by_category, monkeypatch):
    events = by_category[category]
    expected = features(events, category)
    standardisation = Standardisation.of(FEATURES[category], expected)
    monkeypatch.setattr(features_module, "_BLOCK", 100)
    np.testing.assert_array_equal(standardisation.features(events), standardisation(expected))


def test_standardisation():
    random = np.random.default_rng(0)
    values = random.normal([3.0, -1.0], [2.0, 0.1], (1000, 2)).astype(np.float32)
    weights = random.uniform(0.5, 2, 1000)
    result = Standardisation.of(("a", "b"), values, weights)(values)
    np.testing.assert_allclose(np.average(result, axis=0, weights=weights), 0, atol=1e-5)
    np.testing.assert_allclose(np.average(result**2, axis=0, weights=weights), 1, atol=1e-5)
    with pytest.raises(ValueError, match="b has the same value in all events"):
        Standardisation.of(("a", "b"), values * [1, 0])
