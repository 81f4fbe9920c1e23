"""What the fit of a submission is told and says, and fitted models that are used again."""

import json
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ingestion_test import fits
from ingestion_test.ingestion import RunSettings, run
from ingestion_test.jobs import Job
from ingestion_test.run_scoring import score_folder
from ingestion_test.sources import OfficialFolder
from tests.submissions import good, predicting, write

IDENTITY = {"data": "events", "sum_weights": 1.0, "submission": "code"}


@pytest.fixture
def job_of(tmp_path, monkeypatch):
    """Function that makes the `Job` of a run in the folder of that name."""
    monkeypatch.setenv("HIGGSML_CACHE", str(tmp_path / "cache"))

    def make(name, minutes=None):
        (tmp_path / name).mkdir()
        model, log = tmp_path / name / "model.pkl", tmp_path / name / "log"
        job = Job(tmp_path, tmp_path, tmp_path, (), model, True, log, fit_minutes=minutes)
        return replace(job, fit_cache=fits.cache_folder(IDENTITY, minutes))

    return make


def _fit(job, reusable=True, text="made"):
    """What the process that fits leaves."""
    fits.record(job, SimpleNamespace(fit_summary={"Tables": text}, fit_is_reusable=reusable))
    job.model_file.write_bytes(b"model")


def test_the_time_is_told(job_of, monkeypatch):
    monkeypatch.setenv(fits.MINUTES_VARIABLE, "7")
    fits.announce(job_of("one"))
    assert os.environ[fits.MINUTES_VARIABLE] == "7"
    fits.announce(job_of("two", 0.5))
    assert os.environ[fits.MINUTES_VARIABLE] == "0.5"


def test_a_reusable_fit_is_taken_from_the_cache(job_of, tmp_path):
    first, second = job_of("first"), job_of("second")
    assert not fits.restore(first)
    _fit(first)
    fits.keep(first)
    assert not fits.restore(first)  # it has its own
    assert fits.restore(second)
    assert second.model_file.read_bytes() == b"model"
    assert fits.summary(tmp_path / "second") == {"Tables": "made"}


def test_with_another_time_it_is_fitted_anew(job_of, monkeypatch):
    first = job_of("first")
    _fit(first)
    fits.keep(first)
    assert not fits.restore(job_of("second", 3.0))
    monkeypatch.setenv(fits.MINUTES_VARIABLE, "3")
    assert job_of("third").fit_cache == job_of("fourth", 3.0).fit_cache


def test_any_other_fit_is_not_kept(job_of):
    first = job_of("first")
    _fit(first, reusable=False)
    fits.keep(first)
    assert not fits.restore(job_of("second"))


def test_a_model_that_says_nothing_leaves_no_file(job_of, tmp_path):
    job = job_of("one")
    fits.record(job, SimpleNamespace())
    assert fits.summary(tmp_path / "one") == {}
    assert not (tmp_path / "one" / fits.FIT_FILE).exists()
    fits.record(replace(job, log=None), SimpleNamespace(fit_summary={"a": "b"}))


def test_a_cache_that_cannot_be_written_does_no_harm(job_of, tmp_path):
    (tmp_path / "cache").write_text("a file")
    first = job_of("first")
    _fit(first)
    fits.keep(first)
    assert not fits.restore(job_of("second"))


def test_a_damaged_file_of_a_fit_says_nothing(tmp_path):
    for content in ("", "[]", json.dumps({"summary": 3})):
        (tmp_path / fits.FIT_FILE).write_text(content)
        assert fits.summary(tmp_path) == {}


def test_a_run_tells_the_time_and_its_report_says_what_fit_did(tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("HIGGSML_CACHE", str(tmp_path / "cache"))
    fit = 'self.fit_summary = {"Tables": "made in " + os.environ["HIGGSML_FIT_MINUTES"] + " minutes"}'
    submission, output = write(tmp_path / "submission", predicting(good(), fit=fit)), tmp_path / "output"
    settings = RunSettings(num_sets=1, num_experiments=2, fit_minutes=0.5)
    run(settings, OfficialFolder(data_folder), submission, output)
    assert fits.summary(output) == {"Tables": "made in 0.5 minutes"}
    score_folder(output, output)
    assert "made in 0.5 minutes" in (output / "detailed_results.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("keeps_fit", [True, False])
def test_a_run_that_keeps_no_fit_neither_takes_nor_leaves_one(keeps_fit, tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("HIGGSML_CACHE", str(tmp_path / "cache"))
    fit = "self.fit_is_reusable, self.fit_summary = True, {}"
    submission = write(tmp_path / "submission", predicting(good(), fit=fit))
    settings = RunSettings(num_sets=1, num_experiments=2, keeps_fit=keeps_fit)
    run(settings, OfficialFolder(data_folder), submission, tmp_path / "output", workers=2)
    assert any((tmp_path / "cache").glob("fit-*/model.pkl")) is keeps_fit
