"""How well fits went: the distributions of what a submission hands over."""

import math

import numpy as np

from ingestion_test.fit_quality import distributions, pulls_beside_truth
from ingestion_test.ingestion import JOURNAL_FILE, RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.nuisance import NUISANCE_NAMES, NUISANCE_PARAMETERS, draw_nuisance_parameters
from ingestion_test.run_scoring import of_pseudo_experiments
from ingestion_test.true_nuisance import errors_against_truth

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
        made.append(Outcome(item, PREDICTION, 0.0, 0.0, further))
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
    assert of_pseudo_experiments(tmp_path) == {}


def test_a_run_s_journal_is_read(tmp_path):
    journal = Journal(tmp_path / JOURNAL_FILE, {"systematics": list(NUISANCE_NAMES)}, resume=False)
    for outcome in outcomes(20):
        journal.add(outcome, 0.0)
    sections = of_pseudo_experiments(tmp_path)
    assert sections["Fit quality"] == distributions(outcomes(20), NUISANCE_NAMES)
    assert sections["Against the true nuisance parameters"] == errors_against_truth(outcomes(20), NUISANCE_NAMES)
