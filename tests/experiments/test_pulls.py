"""The pulls that mle-nu fits: the table, and what is no training of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import published, pulls
from experiments.__main__ import main
from experiments.methods.mle_nu.calibration import Calibration
from experiments.methods.mle_nu.scorer import pulls_of
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_has_means_slopes_and_spreads_beside_what_is_expected():
    expected = {"mean": {"tes": (0.01, 0.2)}, "deviation": {"tes": 0.5}}
    found = {"mean": {"tes": 0.3}, "slope": {"tes": (-0.05, 0.01)}, "deviation": {"tes": 0.4}}
    text = pulls.table({"experiments": 100, "mu": 1.55, **found, "expected": expected}).markdown()
    assert "| tes | +0.30 | +0.01 ± 0.20 | -0.050 ± 0.010 | 0.40 | 0.50 |" in text
    assert "100 pseudo-experiments" in text
    assert "mean at μ = 1.55" in text


def test_what_is_expected_of_scores_that_respond_to_one_pull_each():
    """Means and deviations of a linear fit of one pull with a Gaussian prior, by their formulas."""
    mean = np.zeros((21, 5))
    mean[1:6] = 0.1 * np.eye(5)
    calibration = Calibration(mean, 0.1 * np.eye(5), events=4000.0)
    np.testing.assert_allclose(calibration.covariance, np.eye(5), atol=1e-12)
    size = 1 / (1 / 5000 + 1 / 4000)
    weight = size * 0.01 / (1 + size * 0.01)
    truth = np.array([pulls_of(draw_nuisance_parameters(number, NUISANCE_NAMES)) for number in range(200)])
    found = pulls.expected(calibration, 5000, 12_000, truth)
    spread = weight * np.sqrt(1 / 4000 + 1 / 12_000) / 0.1  # of the mean, by what all pseudo-experiments share
    single = np.hypot(1 - weight, weight / np.sqrt(5000) / 0.1)  # prior and statistical error
    for name in ("tes", "jes", "ttbar_scale", "diboson_scale"):
        (value, error), deviation = found["mean"][name], found["deviation"][name]
        np.testing.assert_allclose(deviation, single, rtol=0.1)
        np.testing.assert_allclose(error, np.hypot(spread, weight / np.sqrt(5000 * 200) / 0.1), rtol=0.35)
        assert abs(value) < 4 * error


def test_what_the_page_says_of_the_pulls_holds():
    result = json.loads((DOCS / "results" / "pulls.json").read_text(encoding="utf-8"))
    for name, mean in result["mean"].items():
        expected, error = result["expected"]["mean"][name]
        assert abs(mean - expected) < 2 * error, name
    for name in ("tes", "jes"):
        slope, error = result["slope"][name]
        assert slope > 5 * error
        assert slope == pytest.approx(0.5 * result["deviation"][name], rel=0.4)


def test_what_the_page_says_of_the_papers_ratio_holds():
    rows = json.loads((DOCS / "results" / "table2.json").read_text(encoding="utf-8"))["methods"]
    ratio, error = rows["mle-nu"]["relative"]
    assert ratio + 5 * error < published.MLE_NU.interval / published.CNF.interval


def test_a_folder_without_the_training_is_named(tmp_path, capsys):
    assert main(["pulls", "--training", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "--training takes the training of mle-nu" in capsys.readouterr().err
