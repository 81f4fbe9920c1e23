"""Derived features; `test_systematics` compares them with the official program."""

import numpy as np

from ingestion_test.derived import DIJET, derived_features
from ingestion_test.schema import DERIVED, PRIMARIES, UNDEFINED
from ingestion_test.sources import OfficialFolder


def columns(frame):
    return {name: frame[name].to_numpy() for name in PRIMARIES}


def test_derived_columns_of_the_official_file(official_sample):
    """The file's own derived columns were computed before rounding: agreement to its 3 decimals."""
    rows = OfficialFolder(official_sample).train_set()
    ours = derived_features(columns(rows))
    theirs = rows[list(DERIVED)].to_numpy()
    assert np.mean(np.isclose(ours, theirs, rtol=1e-3, atol=1e-2)) > 0.999


def test_two_jets_are_needed_for_what_is_computed_of_two(events):
    features = dict(zip(DERIVED, derived_features(columns(events)).T))
    few = events["PRI_n_jets"].to_numpy() < 2
    for name in DERIVED:
        np.testing.assert_array_equal(features[name] == UNDEFINED, few & (name in DIJET), err_msg=name)


def test_a_given_array_is_filled(events):
    out = np.zeros((len(events), len(DERIVED)), np.float32)
    assert derived_features(columns(events), out) is out
    np.testing.assert_array_equal(out, derived_features(columns(events)))


def test_numbers_with_more_decimals_are_computed_alike(events):
    """Azimuths and pseudorapidities of 3 decimals are looked up; what is no such number is computed."""
    values = columns(events)
    among_others = {name: np.append(values[name], values[name][:1]) for name in PRIMARIES}
    among_others["PRI_lep_eta"][-1] += np.float32(0.0004)
    np.testing.assert_array_equal(derived_features(among_others)[:-1], derived_features(values))
