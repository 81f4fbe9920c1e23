"""What further events and pseudo-experiments cost."""

import numpy as np
import pytest

from benchmarks import large_runs, scaling
from ingestion_test.sources import OfficialFolder
from submission import artifacts


def test_what_further_pseudo_experiments_add(tmp_path):
    runs = [{"number": n, "scoring, s": 3 + 0.5 * n, "memory, MiB": 9.0} for n in (1, 10, 100)]
    assert [(row["number"], row["scoring, s"], row["memory, MiB"]) for row in scaling.further(runs)] == [
        (9, 4.5, 9.0),
        (99, 49.5, 9.0),
    ]
    scaling.figure(tmp_path / "scaling.png", runs, runs)
    assert (tmp_path / "scaling.png").stat().st_size > 5000


def test_the_table_has_cost_and_slope_of_the_further_ones():
    rows = [{"number": n, "fit, s": 0.002 * n, "memory, MiB": 9.0} for n in (10, 100)]
    assert scaling.table("bins", rows).rows[1] == ["100", "0.200", "9.000", "2.0000", "1.00"]


def test_bins_are_spread_over_the_shipped_ones():
    likelihood = artifacts.load().likelihood
    bins = likelihood.templates.bins
    twice = scaling.with_bins(likelihood, 2 * bins).templates.coefficients
    np.testing.assert_array_equal(twice, np.repeat(likelihood.templates.coefficients, 2, axis=2))
    few = scaling.with_bins(likelihood, 3).templates.coefficients
    np.testing.assert_array_equal(few, likelihood.templates.coefficients[:, :, [0, bins // 3, 2 * bins // 3]])
    assert [row["number"] for row in scaling.by_bins((30, 540), rounds=1)] == [30, 540]


def test_a_run_is_as_long_as_its_longest_part():
    costs = large_runs.Costs(work=0.3, row=1e-8, message=0.001, line=0.002, scoring=0.0005)
    assert costs.shared(10_000_000) == pytest.approx(0.33)
    runs = [(36_000, 10_000_000, 2), (36_000, 10_000_000, 1000)]
    few, many = large_runs.calculated_table(costs, runs).rows
    assert few[3:10] == ("1.65", "0.01", "0.02", "0.01", "1.65", "workers", "165")
    assert many[3:10] == ("0.00", "0.01", "0.02", "0.01", "0.03", "journal", "165")


def test_what_large_runs_are_calculated_from_is_measured(tmp_path):
    assert 0 < large_runs.message_seconds(20) < 1
    assert 0 < large_runs.journal_seconds(tmp_path / "journal.jsonl", 20) < 1
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 21


def test_a_further_row_costs_a_draw_little(data_folder, monkeypatch):
    monkeypatch.setattr(large_runs, "cached_folder", lambda: data_folder)
    rows, seconds = large_runs.seconds_per_row()
    assert rows == OfficialFolder(data_folder).test_rows
    assert abs(seconds) < 1e-5
