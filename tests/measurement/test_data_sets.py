"""Data sets: files of events, and the finite sample that a pseudo-experiment is drawn from."""

import dataclasses
import re

import numpy as np
import pytest

from ingestion_test.derived import derived_features
from ingestion_test.ingestion import RunSettings, run
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import DERIVED, FEATURES, PRIMARIES
from ingestion_test.sources import OfficialFolder
from measurement.data_sets import expected_counts, experiment, finite_sample, measured_by, read_events
from runtime.errors import ChallengeError
from submission import codec
from tests.measurement.measurements import measurement
from tests.submissions import good, predicting, write

NUISANCE = {"tes": 1.02, "jes": 0.97, "soft_met": 0.0, "ttbar_scale": 1.1, "diboson_scale": 0.7, "bkg_scale": 1.001}


def by_tau_pt(test_set):
    """A measurement in 20 bins of the tau's transverse momentum."""
    bins = np.clip((test_set["data"]["PRI_had_pt"].to_numpy() - 26) // 4, 0, 19).astype(int)
    return dataclasses.replace(measurement(), counts=np.bincount(bins, np.asarray(test_set["weights"]), 20))


def test_pseudo_experiments_scatter_around_what_the_sample_expects(data_folder):
    events, settings = OfficialFolder(data_folder).test_events(), RunSettings(1, 1)
    chosen = settings.experiment(0, 0)
    sets = [by_tau_pt(make_test_set(events, chosen.mu, NUISANCE, seed)).counts for seed in range(40)]
    sample = finite_sample(
        by_tau_pt, by_tau_pt(make_test_set(events, chosen.mu, NUISANCE, 0)), events, chosen.mu, NUISANCE
    )
    expected, same = sample.counts
    assert (expected == same).all(), "without soft MET there is no noise"
    pulls = (np.mean(sets, axis=0) - expected) / np.sqrt(np.maximum(expected, 1) / len(sets))
    assert np.abs(pulls).max() < 4.5
    assert pulls.std() < 1.6
    assert np.var(sets, axis=0).sum() == pytest.approx(expected.sum(), rel=0.2)
    # The rows' weights are far above 1, so a row is drawn many times.
    assert (sample.variance > 3 * expected)[expected > 0].all()


def test_soft_met_is_drawn_twice(data_folder):
    events, chosen = OfficialFolder(data_folder).test_events(), RunSettings(1, 1).experiment(0, 0)
    one = by_tau_pt(make_test_set(events, chosen.mu, NUISANCE, 0))

    def by_met(test_set):
        bins = np.clip(test_set["data"]["PRI_met"].to_numpy() // 5, 0, 19).astype(int)
        return dataclasses.replace(one, counts=np.bincount(bins, np.asarray(test_set["weights"]), 20))

    first, second = expected_counts(by_met, one, events, chosen.mu, NUISANCE | {"soft_met": 3.0})
    assert (first != second).any()
    assert first.sum() == pytest.approx(second.sum())


def test_bins_that_depend_on_the_data_have_no_sample(data_folder):
    events, chosen = OfficialFolder(data_folder).test_events(), RunSettings(1, 1).experiment(0, 0)
    other = measurement(relative_variance=0.05)
    templates = dataclasses.replace(
        other.likelihood.templates, coefficients=2 * other.likelihood.templates.coefficients
    )
    other = dataclasses.replace(other, likelihood=dataclasses.replace(other.likelihood, templates=templates))
    assert finite_sample(by_tau_pt, other, events, chosen.mu, NUISANCE) is None


def test_an_experiment_knows_its_truth(data_folder):
    source, settings = OfficialFolder(data_folder), RunSettings(2, 3, systematics=("tes",))
    chosen = settings.experiment(1, 2)
    data_set = experiment(by_tau_pt, source, settings, chosen)
    assert data_set.truth.mu == chosen.mu
    assert data_set.truth.values["tes"] != 1.0
    assert data_set.truth.values["ttbar_scale"] == 1.0
    assert "soft_met" not in data_set.truth.pulls
    assert str(chosen) in data_set.title


def test_a_submission_is_asked_in_a_process_of_its_own(data_folder, tmp_path):
    (tmp_path / "content").write_bytes(codec.encode(measurement()))
    files = predicting(good())
    source = (
        files["model.py"]
        + f"\n    def measurement(self, test_set):\n        return open({str(tmp_path / 'content')!r}, 'rb').read()\n"
    )
    folder = write(tmp_path / "submission", files | {"model.py": source})
    with measured_by(folder, OfficialFolder(data_folder), tmp_path / "work") as measure:
        np.testing.assert_array_equal(measure({"data": None}).counts, measurement().counts)
        (tmp_path / "content").write_bytes(b"something else")
        with pytest.raises(ChallengeError, match=r"no submission\.estimator\.Measurement: it is damaged"):
            measure({"data": None})


def test_a_model_that_a_run_has_fitted_is_not_fitted_again(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HIGGSML_CACHE", str(tmp_path / "cache"))
    (tmp_path / "content").write_bytes(codec.encode(measurement()))
    fit = f"self.fit_summary, self.fit_is_reusable = {{}}, True; open({str(tmp_path / 'fits')!r}, 'a').write('once ')"
    files = predicting(good(), fit)
    files["model.py"] += (
        f"\n    def measurement(self, test_set):\n        return open({str(tmp_path / 'content')!r}, 'rb').read()\n"
    )
    folder, source = write(tmp_path / "submission", files), OfficialFolder(data_folder)
    run(RunSettings(1, 2, ()), source, folder, tmp_path / "run", workers=2)
    with measured_by(folder, source, tmp_path / "work") as measure:
        np.testing.assert_array_equal(measure({"data": None}).counts, measurement().counts)
    assert (tmp_path / "fits").read_text() == "once "
    with measured_by(folder, source, tmp_path / "other", fit_minutes=1.0):
        assert (tmp_path / "fits").read_text() == "once once "


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("", "the submission's Model has no method measurement"),
        ("    def measurement(self, test_set):\n        return 3\n", "Model.measurement returned int, not bytes"),
        ("    def measurement(self, test_set):\n        return 1 / 0\n", "Model.measurement raised ZeroDivisionError"),
    ],
)
def test_submissions_that_cannot_be_asked(method, text, data_folder, tmp_path):
    files = predicting(good())
    folder = write(tmp_path / "submission", files | {"model.py": files["model.py"] + "\n" + method})
    with (
        measured_by(folder, OfficialFolder(data_folder), tmp_path / "work") as measure,
        pytest.raises(ChallengeError, match=text),
    ):
        measure({"data": None})


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("columns", ["primaries", "features"])
def test_files_of_events(suffix, columns, events, tmp_path):
    frame = events[list(PRIMARIES)].iloc[:50].reset_index(drop=True)
    derived = derived_features({name: frame[name].to_numpy() for name in PRIMARIES})
    if columns == "features":
        frame = frame.assign(**dict(zip(DERIVED, derived.T)), weights=2.0)
    path = tmp_path / f"events.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    data, weights = read_events(path)
    assert list(data) == list(FEATURES)
    np.testing.assert_allclose(data[list(DERIVED)], derived, rtol=1e-5)
    assert (weights == (2.0 if columns == "features" else 1.0)).all()


def test_files_that_hold_no_events(events, tmp_path):
    frame = events[list(PRIMARIES)].iloc[:5]
    cases = {
        "a.txt": (None, "is neither a .parquet nor a .csv file of events, nor SET:INDEX"),
        "b.csv": (None, "cannot be read"),
        "c.csv": (frame.drop(columns="PRI_met"), "lacks the columns PRI_met"),
        "d.csv": (frame.assign(PRI_met="a"), "PRI_met are no numbers"),
        "e.csv": (frame.assign(DER_pt_h=1.0), "lacks the columns DER_mass_transverse_met_lep"),
    }
    for name, (content, text) in cases.items():
        if content is not None:
            content.to_csv(tmp_path / name, index=False)
        with pytest.raises(ChallengeError, match=re.escape(text)):
            read_events(tmp_path / name)
    (tmp_path / "f.parquet").write_bytes(b"nothing")
    with pytest.raises(ChallengeError, match="cannot be read"):
        read_events(tmp_path / "f.parquet")
