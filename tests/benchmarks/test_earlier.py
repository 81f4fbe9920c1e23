"""This version beside another one of the history: here, itself."""

import pytest

from benchmarks import earlier


def test_a_version_beside_itself_makes_the_same_test_sets(data_folder, monkeypatch):
    if not earlier.is_there("HEAD"):
        pytest.skip("there is no git history here")
    monkeypatch.setattr(earlier, "cached_folder", lambda: data_folder)
    rows = earlier.compare("HEAD", earlier.archive("HEAD"), rounds=1).rows
    assert [row[0] for row in rows] == ["generation", "prediction", "both"]
    ratios = [float(row[3].split()[0]) for row in rows]
    assert 0.05 < min(ratios) <= max(ratios) < 20


def test_a_commit_that_is_not_there_is_said(monkeypatch):
    assert not earlier.is_there("0" * 40)
    monkeypatch.setattr("sys.argv", ["earlier", "--commit", "0" * 40])
    with pytest.raises(SystemExit, match="no git history with the commit 0000000"):
        earlier.main()
