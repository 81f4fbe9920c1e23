"""Estimators on events that they were not made for: what is counted, what is thrown, and the table."""

import json

import numpy as np
import pytest

from experiments import robustness
from experiments.__main__ import main
from ingestion_test.official.systematics import systematics
from ingestion_test.schema import PROCESSES
from ingestion_test.sources import OfficialFolder
from submission import artifacts


@pytest.fixture(scope="module")
def estimator():
    return artifacts.load()


def test_counts_of_the_templates_are_covered(estimator, monkeypatch):
    monkeypatch.setattr(robustness, "THROWS", 200)
    nominal = estimator.likelihood.templates.nominal
    numbers = robustness.reached(estimator, nominal, nominal / 20)
    assert abs(numbers["bias"]) < 0.35  # soft_met is 0 in them
    assert numbers["coverage"] == pytest.approx(0.7, abs=0.06)
    assert numbers["invalid"] == 0
    assert numbers["bias_error"] == pytest.approx(1 / np.sqrt(1200), rel=0.1)
    assert numbers["coverage_error"] == pytest.approx(np.sqrt(0.7 * 0.3 / 1200), rel=0.1)
    exact = robustness.reached(estimator, nominal, 0 * nominal)["bias_of_samples"]  # of the templates' sample
    assert np.sqrt(numbers["bias_of_samples"] ** 2 - exact**2) == pytest.approx(np.sqrt(1 / 20), rel=0.3)
    more = nominal.copy()
    more[PROCESSES.index("htautau")] *= 1.5
    moved = robustness.reached(estimator, more, more / 20)
    assert moved["bias"] > numbers["bias"] + 1
    assert moved["coverage"] < numbers["coverage"] - 0.2
    undescribed = robustness.reached(estimator, nominal * np.linspace(0.5, 1.5, nominal.shape[1]), nominal)
    assert undescribed["invalid"] == 1
    assert undescribed["width"] == pytest.approx(2.9, abs=0.01)


def test_events_are_counted_with_their_shift(estimator, simulated_folder, tmp_path):
    source = OfficialFolder(simulated_folder, test_share=0)
    shift = robustness.Shift("strong", tes=1.05, soft_met=1e-9)
    task = robustness._Count(shift, str(simulated_folder), {"a": estimator}, tmp_path, "x")
    counts, variance = task().of["a"]
    events = source.train_set(train_size=None, selected_indices=None)
    shifted = systematics(events, tes=1.05)
    expected = estimator.histogram.counts(shifted, shifted["weights"].to_numpy(dtype=float))
    np.testing.assert_allclose(counts.sum(axis=0), expected, rtol=1e-3, atol=20)
    assert counts[PROCESSES.index("htautau")].sum() < counts[PROCESSES.index("ztautau")].sum()
    squares = estimator.histogram.counts(shifted, shifted["weights"].to_numpy(dtype=float) ** 2)
    np.testing.assert_allclose(variance.sum(), squares.sum(), rtol=1e-3)
    np.testing.assert_array_equal(task().of["a"][0], counts)


@pytest.mark.slow
def test_the_command(simulated_folder, tmp_path, monkeypatch, shown):
    monkeypatch.setattr(robustness, "THROWS", 10)
    monkeypatch.setattr(robustness.simulation, "cached_folder", lambda *_, **__: simulated_folder)
    page = tmp_path / "docs" / "results.md"
    page.parent.mkdir()
    page.write_text("<!-- robustness -->\n<!-- /robustness -->\n")
    flags = ["--no-flows", str(artifacts.FOLDER), "--rows", "20000", "--output", str(tmp_path / "out")]
    assert main(["robustness", *flags, "--docs", str(page.parent)]) == 0
    result = json.loads((tmp_path / "out" / "robustness.json").read_text())
    labels = [row["label"] for row in result["methods"]["default"]]
    assert labels == [shift.label for shift in robustness.SHIFTS]
    assert result["methods"]["default"] == result["methods"]["no-flows"], "the same artifacts"
    checksum = artifacts.load_manifest()["sha256"]
    assert result["shipped"] == result["no_flows"] == checksum
    assert result["data"] == OfficialFolder(simulated_folder, test_share=0).fingerprint()
    assert robustness.sections(result)["robustness"] in page.read_text()
    assert "world hard" in shown()
    assert (tmp_path / "docs" / "results" / "robustness.png").stat().st_size > 5000


@pytest.mark.parametrize("flag", ["--artifacts", "--no-flows"])
def test_artifacts_that_are_not_there_are_named_before_anything_is_computed(flag, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(robustness.simulation, "cached_folder", lambda *_, **__: pytest.fail("events are made"))
    assert main(["robustness", flag, str(tmp_path / "nowhere")]) == 2
    message = capsys.readouterr().err
    assert "nowhere" in message
    assert f"{flag} takes their folder" in message
