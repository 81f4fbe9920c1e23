"""What the benchmarks compute from what they measure."""

import numpy as np
import pytest

from benchmarks import real_file, scaling
from benchmarks.fit import REDUCED, migrad, reduced, throw
from benchmarks.real_file import extrapolated, first_rows, table
from benchmarks.timing import ratios, side_by_side
from ingestion_test.sources import OfficialFolder
from submission import artifacts
from submission.likelihood import Likelihood


def _point(rows, own=100.0):
    return {"rows": rows, "seconds": 1.0, "cpu": rows / 1e6, "own": own, "mapped": rows / 1e3}


def test_extrapolation_is_linear_in_the_rows_up_to_the_last_ones_read():
    points = [_point(1_000_000, 90.0), _point(10_000_000, 80.0)]
    cost = extrapolated("templates", points, 100_000_000)
    assert cost == pytest.approx({"cpu": 100.0, "own": 80.0, "mapped": 1e5, "seconds": None})
    assert extrapolated("networks", points)["cpu"] == pytest.approx(16 / 0.45 / 0.7)
    rows = table({"templates": points}).rows
    assert [row[-1] for row in rows] == ["", "", "extrapolated"]
    assert [row[-1] for row in table({"sub_datasets": points[:1]}).rows] == [""]


def test_kept_numbers_need_their_folder(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["real_file", "--kept"])
    with pytest.raises(SystemExit):
        real_file.main()
    assert "name its folder with --docs" in capsys.readouterr().err


def test_what_further_pseudo_experiments_add(tmp_path):
    runs = [{"number": n, "scoring, s": 3 + 0.5 * n, "memory, MiB": 9.0} for n in (1, 10, 100)]
    assert [(row["number"], row["scoring, s"], row["memory, MiB"]) for row in scaling.further(runs)] == [
        (9, 4.5, 9.0),
        (99, 49.5, 9.0),
    ]
    scaling.figure(tmp_path / "scaling.png", runs, runs)
    assert (tmp_path / "scaling.png").stat().st_size > 5000


def test_first_rows_are_a_data_folder(data_folder, tmp_path):
    part = OfficialFolder(first_rows(data_folder, 1200, tmp_path / "part"))
    assert part.total_rows == 1200
    whole = OfficialFolder(data_folder).train_events(0, 300)[0]
    np.testing.assert_array_equal(part.train_events(540, 840)[0], whole)


def test_calls_take_turns_and_the_first_turn_does_not_count():
    order = []
    calls = {name: (lambda number, name=name: order.append((name, number)) or number, 2) for name in "ab"}
    _, results = side_by_side(calls, 3)
    assert order == [("a", 0), ("b", 0), *((name, number) for number in range(3) for name in "ab")]
    assert results == {"a": [0, 1, 2], "b": [0, 1, 2]}
    table_of_ratios = ratios({"a": np.array([1.0, 2.0]), "b": np.array([1.0, 1.0])}, "a")
    assert table_of_ratios.rows == [("a", "1500.000", "1.00 (1.00 to 1.00)"), ("b", "1000.000", "0.75 (0.50 to 1.00)")]


def test_iminuit_finds_the_same_minimum():
    likelihood = artifacts.load().likelihood
    for one in (likelihood, Likelihood(reduced(likelihood.templates), REDUCED)):
        counts = throw(one, 2, np.random.default_rng(3))
        fit = one.fit(counts)
        for row, mu_hat, sigma in zip(counts, fit.mu_hat, fit.sigma):
            assert migrad(one, row, derivatives=True) == pytest.approx(mu_hat, abs=0.05 * sigma)
