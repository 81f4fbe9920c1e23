"""Cost of the official file: parts of a file, and the line through their measurements."""

import numpy as np
import pytest

from benchmarks import real_file
from benchmarks.real_file import extrapolated, first_rows, table
from ingestion_test.sources import OfficialFolder


def _point(rows, memory=100.0):
    return {"rows": rows, "seconds": 1.0, "cpu": rows / 1e6, "own": memory, "mapped": rows / 1e3}


def test_extrapolation_is_linear_in_the_rows():
    points = [_point(1_000_000, 90.0), _point(10_000_000, 80.0)]
    cost = extrapolated("templates", points, 100_000_000)
    assert cost == pytest.approx({"cpu": 100.0, "own": 80.0, "mapped": 1e5, "seconds": None})
    rows = table({"templates": points}).rows
    assert [row[-1] for row in rows] == ["", "", "extrapolated"]
    assert [row[-1] for row in table({"training_events": points[:1]}).rows] == [""]


def test_kept_numbers_need_their_folder(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["real_file", "--kept"])
    with pytest.raises(SystemExit):
        real_file.main()
    assert "name its folder with --docs" in capsys.readouterr().err


def test_first_rows_are_a_data_folder(data_folder, tmp_path):
    part = OfficialFolder(first_rows(data_folder, 1200, tmp_path / "part"))
    assert part.total_rows == 1200
    whole = OfficialFolder(data_folder).train_events(0, 300)[0]
    np.testing.assert_array_equal(part.train_events(540, 840)[0], whole)
