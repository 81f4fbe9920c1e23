"""How well fits went: the distributions of what a submission hands over."""

import math

import numpy as np

from ingestion_test.fit_quality import distributions, pulls_beside_truth
from ingestion_test.ingestion import JOURNAL_FILE, RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.nuisance import NUISANCE_NAMES, NUISANCE_PARAMETERS, draw_nuisance_parameters
from ingestion_test.run_scoring import score_folder
from ingestion_test.schema import PREDICTION_KEYS, RESULT_LISTS
from ingestion_test.true_nuisance import errors_against_truth
from runtime.files import write_json
from tests.ingestion_test.test_report import Page

TES, SOFT_MET = NUISANCE_PARAMETERS[0], NUISANCE_PARAMETERS[2]
PREDICTION = {"mu_hat": 1.0, "delta_mu_hat": 0.5, "p16": 0.5, "p84": 1.5}


def outcomes(size=200, shift=0.0):
    """Fits whose errors are 0.5, and whose -2 ln L is that of 20 standard normal numbers."""
    random = np.random.default_rng(3)
    made = []
    for item in RunSettings(1, size).plan():
        values = draw_nuisance_parameters(item.seed, NUISANCE_NAMES)
        further = {"twice_nll": float(np.sum(random.standard_normal(20) ** 2)), "degrees_of_freedom": 20.0}
        for parameter, value in ((TES, (values["tes"] - 1) / 0.01), (SOFT_MET, math.log(values["soft_met"]))):
            further[f"pull_{parameter.name}"] = value + 0.5 * (random.standard_normal() + shift)
            further[f"pull_error_{parameter.name}"] = 0.5
        prediction = PREDICTION | {"mu_hat": item.mu + 0.2 * random.standard_normal()}
        made.append(Outcome(item, prediction, 0.0, 0.0, further))
    return made


def test_each_distribution_stands_beside_its_expectation():
    shown = distributions(outcomes(), NUISANCE_NAMES)
    assert [distribution.title for distribution in shown] == ["Goodness of fit", "tes", "soft_met"]
    reached = np.array([outcome.further["twice_nll"] for outcome in outcomes()])
    assert f"mean {reached.mean():.1f} ± {reached.std() / 200**0.5:.1f}" in shown[0].text
    assert "20 degrees of freedom, mean 20, deviation 6.3" in shown[0].text
    assert float(shown[0].text.split("p-value ")[1].split()[0]) > 0.01
    assert all(distribution.svg.startswith("<svg") for distribution in shown)


def test_pulls_are_compared_with_the_truth():
    for shift in (0.0, 1.0):
        residuals = pulls_beside_truth(outcomes(shift=shift), NUISANCE_NAMES, TES)
        assert abs(residuals.mean() - shift) < 0.25
        assert abs(residuals.std() - 1) < 0.2
    assert len(pulls_beside_truth(outcomes(), ("jes",), TES)) == 0


def test_submissions_that_say_nothing_have_none(tmp_path):
    plain = [Outcome(item, PREDICTION, 0.0, 0.0) for item in RunSettings(1, 3).plan()]
    assert distributions(plain, NUISANCE_NAMES) == []
    report = scored(tmp_path, [])
    assert "Fit quality" not in report.text
    assert "true tes" not in report.text
    assert report.embedded["sets"][0]["nuisance"] == {}


def scored(folder, done, size=20):
    """The report of a run of one set, whose journal has the outcomes `done`."""
    settings = RunSettings(1, size)
    write_json(folder / "test_settings.json", settings.official())
    result = {name: [PREDICTION[key]] * size for name, key in zip(RESULT_LISTS, PREDICTION_KEYS)}
    write_json(folder / "result_0.json", result)
    write_json(folder / "ingestion_duration.json", {"ingestion_duration": 0})
    if done:
        journal = Journal(folder / JOURNAL_FILE, {"systematics": list(NUISANCE_NAMES)}, resume=False)
        for outcome in done:
            journal.add(outcome, 0.0)
    score_folder(folder, folder)
    return Page((folder / "detailed_results.html").read_text(encoding="utf-8"))


def test_the_report_shows_what_a_run_s_journal_knows(tmp_path):
    done = outcomes(20)
    report = scored(tmp_path, done[::-1])
    for title, plots in (
        ("Fit quality", distributions(done, NUISANCE_NAMES)),
        ("Against the true nuisance parameters", errors_against_truth(done, NUISANCE_NAMES)),
    ):
        assert title in report.text
        for plot in plots:
            assert f"{plot.title}. {plot.text}" in report.text
    shown = report.embedded["sets"][0]["nuisance"]
    assert list(shown) == list(NUISANCE_NAMES)
    for outcome in done:  # in their own order, not in the journal's
        values, row = draw_nuisance_parameters(outcome.experiment.seed, NUISANCE_NAMES), outcome.experiment.index
        assert [shown[name][row] for name in NUISANCE_NAMES] == [round(values[name], 6) for name in NUISANCE_NAMES]
        assert "".join(f"{values[name]:.4f}" for name in NUISANCE_NAMES) in report.text


def test_a_journal_of_other_pseudo_experiments_is_not_taken_for_the_truth(tmp_path):
    assert scored(tmp_path, outcomes(20)[:-1]).embedded["sets"][0]["nuisance"] == {}
