"""Systematics and derived features against the official program."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from ingestion_test.official.systematics import systematics
from ingestion_test.schema import DATA_FILE, DERIVED, FEATURES, PRIMARIES, UNDEFINED
from tests.conftest import MASSES, OFFICIAL, SAME_SINH, assert_official

SETTINGS = [
    {},
    {"tes": 1.03},
    {"jes": 0.95},
    {"soft_met": 2.5},
    {"tes": 0.97, "jes": 1.04, "soft_met": 1.0, "seed": 7},
    {"tes": 1.05, "dopostprocess": False},
]


def witness():
    """The callable of the organisers' package."""
    return pytest.importorskip("HiggsML.systematics", reason="the organisers' package is not installed").systematics


@pytest.mark.parametrize("number", range(6))
def test_equals_the_official_program(number, official_sample):
    reference = json.loads((OFFICIAL / "systematics.json").read_text())
    case, first = reference["cases"][number], np.load(OFFICIAL / "systematics.npz")
    rows = pd.read_parquet(official_sample / DATA_FILE)
    labels, weights = rows.pop("labels"), rows.pop("weights").astype(np.float64)
    rows.pop("detailed_labels")
    result = systematics({"data": rows, "weights": weights, "labels": labels}, **case["arguments"])
    assert list(result["data"]) == reference["columns"]
    _assert_rows(result["data"], case, first[f"head_{number}"])
    np.testing.assert_allclose(result["weights"][:100], first[f"weights_{number}"], rtol=1e-6)
    assert result["weights"].sum() == pytest.approx(case["sum_weights"], rel=1e-6)
    np.testing.assert_array_equal(result["labels"], first[f"labels_{number}"])
    frame = systematics(pd.read_parquet(official_sample / DATA_FILE), **case["arguments"])
    assert list(frame) == reference["frame_columns"]
    _assert_rows(frame[list(FEATURES)], case, first[f"head_{number}"])


def _assert_rows(data, case, head):
    """All rows are the official ones by their checksum; where sinh is computed otherwise, those without the masses."""
    assert len(data) == case["rows"]
    assert_official(data.iloc[: len(head)].to_numpy(), head)
    assert _checksum(data.drop(columns=list(MASSES))) == case["sha256_without_masses"]
    if SAME_SINH:
        assert _checksum(data) == case["sha256"]
    np.testing.assert_allclose(data.to_numpy().mean(axis=0, dtype=float), case["mean"], rtol=1e-5)


def _checksum(data):
    values = np.ascontiguousarray(data.to_numpy() + np.float32(0))  # -0 is 0
    assert values.dtype == np.float32
    return hashlib.sha256(values.tobytes()).hexdigest()


@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_the_organisers_package(settings, events):
    ours, theirs = systematics(events, **settings), witness()(events.copy(), **settings)
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
        assert ours[name].dtype == theirs[name].dtype


def test_double_precision_input_is_computed_in_double_and_stored_in_single(events):
    double = events.astype(dict.fromkeys([*PRIMARIES, "weights"], np.float64))
    ours, theirs = systematics(double, tes=1.02, jes=0.99), witness()(double.copy(), tes=1.02, jes=0.99)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
        assert ours[name].dtype == theirs[name].dtype


def test_rows_carry_what_belongs_to_them(events):
    number = np.arange(len(events))
    result = systematics(
        {"data": events[list(PRIMARIES)], "weights": number + 0.5, "number": number, "settings": {"a": 1}}, tes=0.98
    )
    assert list(result) == ["weights", "number", "data", "settings"]
    assert result["settings"] == {"a": 1}
    kept = result["number"].to_numpy()
    assert 0 < len(kept) < len(events)
    np.testing.assert_array_equal(result["weights"], kept + 0.5)
    np.testing.assert_array_equal(result["data"]["PRI_lep_eta"], events["PRI_lep_eta"].to_numpy()[kept])
    assert list(result["data"]) == list(FEATURES)


def test_scales_of_yields_have_no_effect(events):
    scaled = systematics(events, ttbar_scale=2.0, diboson_scale=0.5, bkg_scale=1.5)
    pd.testing.assert_frame_equal(scaled, systematics(events))


def test_input_is_left_as_it_was(events):
    before = events.copy()
    systematics(events, tes=1.1, jes=1.1, soft_met=3.0)
    systematics({"data": events, "weights": events["weights"]}, tes=1.1)
    pd.testing.assert_frame_equal(events, before)


def test_soft_jets_are_removed_one_after_the_other(events):
    event = events.iloc[[0]].copy()
    jets = {"PRI_n_jets": 3, "PRI_jet_all_pt": 77.0, "PRI_jet_leading_pt": 26.0, "PRI_jet_subleading_pt": 25.5}
    event[list(jets)] = np.float32(list(jets.values()))
    event[["PRI_lep_pt", "PRI_had_pt"]] = np.float32(50)
    result = systematics(event).iloc[0]
    assert (result["PRI_n_jets"], result["PRI_jet_all_pt"]) == (1, 25.5)
    assert result["PRI_jet_leading_pt"] == result["PRI_jet_subleading_phi"] == UNDEFINED


@pytest.mark.parametrize("seed", [0, 1])
def test_soft_met_noise_comes_from_its_seed(events, seed):
    first, again = (systematics(events, soft_met=2.0, seed=seed) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["PRI_met"].equals(systematics(events, soft_met=2.0, seed=seed + 1)["PRI_met"])


def test_soft_met_noise_without_a_seed_is_another_one_each_time(events):
    first, again = (systematics(events, soft_met=2.0, seed=None)["PRI_met"] for _ in range(2))
    assert not first.equals(again)
    lists = [systematics(events, soft_met=2.0, seed=[1, 2]) for _ in range(2)]
    pd.testing.assert_frame_equal(*lists)


@pytest.mark.parametrize(
    ("data_set", "text"),
    [
        (None, "must be a DataFrame or a dict, not NoneType"),
        ([1], "not list"),
        ({"weights": []}, 'without the key "data"'),
        ({"data": pd.DataFrame()}, 'without the key "weights"'),
        (pd.DataFrame({"PRI_met": [1.0]}), "lacks the columns PRI_lep_pt"),
    ],
)
def test_bad_input(data_set, text):
    with pytest.raises(ValueError, match=text):
        systematics(data_set)


def test_no_events(events):
    assert systematics(events.iloc[:0]).shape == (0, 19 + len(DERIVED))
