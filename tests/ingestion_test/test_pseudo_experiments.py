"""Pseudo-experiments against the official program."""

import json

import numpy as np
import pytest

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import (
    draw_rows,
    experiment_test_set,
    ground_truth_mus,
    make_test_set,
    plan,
    process_scales,
)
from ingestion_test.schema import FEATURES, PROCESSES
from ingestion_test.sources import OfficialFolder
from tests.conftest import MASSES, OFFICIAL, SAME_SINH, assert_official


@pytest.mark.parametrize("number", range(6))
def test_equals_the_official_program(number, official_sample):
    reference = json.loads((OFFICIAL / "pseudo_experiments.json").read_text())
    test_set = reference["test_sets"][number]
    rows = np.load(OFFICIAL / "pseudo_experiments.npz")
    test_events = OfficialFolder(official_sample).test_events()
    experiment = plan(3, 2, seed=2718)[number]
    data = experiment_test_set(test_events, experiment, NUISANCE_NAMES)["data"]
    assert list(data) == reference["columns"]
    assert len(data) == test_set["rows"]
    assert_official(data.iloc[:100], rows[f"head_{number}"])
    assert_official(data.iloc[-20:], rows[f"tail_{number}"])
    values = data.to_numpy().astype(np.float64)
    for name, mean, deviation, ours in zip(FEATURES, test_set["mean"], test_set["std"], values.T):
        loose = name in MASSES and not SAME_SINH  # see `assert_official`
        assert ours.mean() == pytest.approx(mean, rel=1e-12, abs=1e-6 * deviation if loose else 1e-12), name
        assert ours.std() == pytest.approx(deviation, rel=1e-6 if loose else 1e-9), name
    assert np.bincount(data["PRI_n_jets"].astype(int), minlength=9).tolist() == test_set["njets"]


def test_true_mus_of_the_official_program():
    reference = json.loads((OFFICIAL / "pseudo_experiments.json").read_text())
    assert ground_truth_mus(3, 2718) == reference["ground_truth_mus"]


def test_seeds_and_order_of_the_plan():
    experiments = plan(4, 5, seed=100)
    assert {(e.set_index, e.index): e.seed for e in experiments} == {
        (i, j): 100 + 5 * i + j for i in range(4) for j in range(5)
    }
    pairs = [(i, j) for i in range(4) for j in range(5)]
    np.random.RandomState(100).shuffle(pairs)
    assert [(e.set_index, e.index) for e in experiments] == pairs


@pytest.mark.slow
@pytest.mark.parametrize("switched_on", [(), ("tes", "soft_met"), ("ttbar_scale", "bkg_scale"), NUISANCE_NAMES])
def test_events_equal_the_organisers_package(switched_on, data_folder):
    """The package draws tes and jes from narrower priors, so it is given our values; the rest is the same."""
    package = pytest.importorskip("HiggsML.systematics", reason="the organisers' package is not installed")
    as_frames = pytest.importorskip(
        "benchmarks.pseudo_experiment", reason="the organisers' package is not installed"
    ).as_frames
    test_events = OfficialFolder(data_folder).test_events()
    names = ("ttbar_scale", "diboson_scale", "bkg_scale")
    for seed in (5, 31415):
        nuisance = draw_nuisance_parameters(seed, switched_on)
        ours = make_test_set(test_events, 1.7, nuisance, seed)["data"]
        rows = package.get_bootstrapped_dataset(
            as_frames(test_events), mu=1.7, seed=seed, **{name: nuisance[name] for name in names}
        )
        theirs = package.get_systematics_dataset(rows, nuisance["tes"], nuisance["jes"], nuisance["soft_met"])["data"]
        assert list(ours) == list(theirs)
        np.testing.assert_array_equal(ours.to_numpy(), theirs.to_numpy())


def test_background_scale_reaches_only_scaled_processes():
    assert process_scales(2.0, bkg_scale=1.01) == {"ztautau": 1.01, "diboson": 1, "ttbar": 1, "htautau": 2.0}
    assert process_scales(0.5, 1.1, 0.5, 2.0) == {"ztautau": 2.0, "diboson": 1.0, "ttbar": 2.2, "htautau": 0.5}


def test_yields_are_poisson_around_the_scaled_weights(data_folder):
    test_events = OfficialFolder(data_folder).test_events()
    scales = process_scales(3.0, bkg_scale=0.99)
    mean = sum(scales[process] * test_events.process(process)[1].sum(dtype=float) for process in PROCESSES)
    sizes = [len(draw_rows(test_events, scales, seed)) for seed in range(60)]
    assert abs(np.mean(sizes) - mean) < 4 * np.sqrt(mean / 60)


def test_test_set_is_what_a_model_expects(data_folder):
    test_events = OfficialFolder(data_folder).test_events()
    test_set = make_test_set(test_events, 1.0, draw_nuisance_parameters(1, ()), 1)
    assert list(test_set) == ["weights", "data"]
    assert list(test_set["data"]) == list(FEATURES)
    assert (test_set["data"].dtypes == np.float32).all()
    assert (test_set["weights"] == 1).all()
    assert test_set["weights"].index.equals(test_set["data"].index)
