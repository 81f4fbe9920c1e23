"""The command that scores a folder: what it writes, and how it refuses bad folders."""

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion_test import run_scoring
from ingestion_test.score_table import summary_table
from ingestion_test.scoring import bootstrap, score_sets
from tests.ingestion_test.prediction_folders import HAND_RESULTS, random_results, write_folder

ROOT = Path(__file__).resolve().parents[2]


def _without(name):
    return lambda folder: (folder / name).unlink()


def _with(name, text):
    return lambda folder: (folder / name).write_text(text)


def _result(**changed):
    return _with("result_1.json", json.dumps(HAND_RESULTS[1] | changed))


@pytest.mark.parametrize(
    ("spoil", "file", "message"),
    [
        (_without("test_settings.json"), "test_settings.json", "is missing"),
        (_without("ingestion_duration.json"), "ingestion_duration.json", "is missing"),
        (_without("result_0.json"), "result_0.json", "is missing"),
        (_with("result_2.json", "{}"), "result_2.json", "only 2 ground_truth_mus"),
        (_with("result_0.json", '{"mu_hats": [1.'), "result_0.json", "is no JSON"),
        (_with("result_0.json", "[]"), "result_0.json", "must be a JSON object"),
        (_with("test_settings.json", "{}"), "test_settings.json", "'ground_truth_mus' must be a list"),
        (_with("test_settings.json", '{"ground_truth_mus": ["1", 2]}'), "test_settings.json", "has '1' at index 0"),
        (_with("ingestion_duration.json", '{"ingestion_duration": null}'), "ingestion_duration.json", "not None"),
        (_result(p16=None), "result_1.json", "'p16' must be a list"),
        (_result(mu_hats=[]), "result_1.json", "'mu_hats' must be a list of numbers that is not empty"),
        (_result(p84=[2.0] * 3), "result_1.json", "3 numbers in 'p84', 4 in 'mu_hats'"),
        (_result(p84=[2.0, math.nan, 2.0, 2.0]), "result_1.json", "'p84' has nan at index 1"),
        (_result(p84=[2.0, 2.0, math.inf, 2.0]), "result_1.json", "'p84' has inf at index 2"),
        (_result(delta_mu_hats=[0, 0, 0, 1e60]), "result_1.json", "'delta_mu_hats' has 1e+60 at index 3"),
        (_result(p16=[True] * 4), "result_1.json", "'p16' has True at index 0"),
        (_result(p16=["1.0"] * 4), "result_1.json", "'p16' has '1.0' at index 0"),
    ],
)
def test_bad_predictions(tmp_path, capsys, spoil, file, message):
    folder = write_folder(tmp_path / "predictions")
    spoil(folder)
    assert run_scoring.main(["--prediction", str(folder), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder / file}")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_output_that_cannot_be_written(tmp_path, capsys):
    folder = write_folder(tmp_path / "predictions")
    (tmp_path / "file").write_text("")
    assert run_scoring.main(["--prediction", str(folder), "--output", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_full_disk_leaves_the_old_scores(tmp_path, capsys, monkeypatch):
    folder = write_folder(tmp_path)
    (folder / "scores.json").write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert run_scoring.main(["--prediction", str(folder), "--output", str(folder)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (folder / "scores.json").read_text() == "old"
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize("phase_2", [False, True])
def test_script_from_another_folder(tmp_path, phase_2):
    mus, results = random_results()
    write_folder(tmp_path / "predictions", mus, results)
    command = [sys.executable, "-W", "error", ROOT / "ingestion_test" / "run_scoring.py", "--prediction", "predictions"]
    command += ["--output", "new/out", *(["--phase-2"] if phase_2 else [])]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    scores = score_sets(mus, results)
    drawn = bootstrap(scores) if phase_2 else None
    assert process.stdout.startswith(summary_table(scores, bootstrap=drawn))
    written = json.loads((tmp_path / "new" / "out" / "scores.json").read_text())
    assert written["quantiles_score"] == scores.quantiles_score
    assert ("bootstrap_coverage_mean" in written) == phase_2
    report = (tmp_path / "new" / "out" / "detailed_results.html").read_text(encoding="utf-8")
    assert ("1000 bootstraps of the sets" in report) == phase_2


def test_a_reference_stands_for_missing_settings(tmp_path):
    """As in the official program; with its short flags."""
    folder, reference = write_folder(tmp_path / "predictions"), tmp_path / "reference" / "settings"
    reference.mkdir(parents=True)
    flags = ["-p", str(folder), "-o", str(tmp_path / "out"), "-r", str(reference.parent)]
    assert run_scoring.main(flags) == 0
    expected = (tmp_path / "out" / "scores.json").read_bytes()
    (folder / "test_settings.json").rename(reference / "data.json")
    assert run_scoring.main(flags) == 0
    assert (tmp_path / "out" / "scores.json").read_bytes() == expected
    assert run_scoring.main(flags[:4]) == 2
