"""Command lines: our own and the official program's."""

import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from unittest import mock

import pytest

from ingestion_test import cli, run_ingestion
from ingestion_test.cli import Bar, main
from ingestion_test.ingestion import RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.pseudo_experiments import PseudoExperiment
from ingestion_test.submissions import PROJECT
from tests.submissions import COMPLETE, write


def _script(name, *flags, cwd):
    command = [sys.executable, str(PROJECT / "ingestion_test" / name), *map(str, flags)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [(), ("--parallel",)])
def test_official_scripts(parallel, tmp_path, data_folder):
    """As the official program is called, from any folder; a second run replaces the first."""
    folder = write(tmp_path / "submission", COMPLETE)
    flags = ["--input", data_folder, "--output", tmp_path / "out", "--submission", folder]
    flags += ["--systematics-tes", "--systematics-soft-met", "--num-pseudo-experiments", 2, "--num-of-sets", 1]
    for seed in (1, 2):
        result = _script("run_ingestion.py", *flags, "--random-seed", seed, *parallel, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    settings = json.loads((tmp_path / "out" / "test_settings.json").read_text())
    assert settings["systematics"] == {name: name in ("tes", "soft_met") for name in NUISANCE_NAMES}
    result = _script(
        "run_scoring.py", "--prediction", tmp_path / "out", "--output", tmp_path / "scored", "--phase-2", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    ours = ["score", "--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "ours")]
    ours += ["--systematics", "tes,soft_met", "--sets", "1", "--experiments", "2", "--seed", "2", "--workers", "1"]
    assert main([*ours, "--phase-2"]) == 0
    for name in ("result_0.json", "test_settings.json"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert (tmp_path / "ours" / "scores.json").read_bytes() == (tmp_path / "scored" / "scores.json").read_bytes()


def test_official_short_flags_and_numbers(tmp_path, monkeypatch):
    """Without numbers five sets of two pseudo-experiments, as in the official script."""
    monkeypatch.setattr(run_ingestion, "OfficialFolder", str)
    monkeypatch.setattr(run_ingestion, "run", run := mock.Mock())
    assert run_ingestion.main(["-i", "events", "-o", str(tmp_path), "-s", "mine", "--systematics-jes"]) == 0
    (settings, source, submission, output, workers), options = run.call_args
    assert settings == RunSettings(5, 2, ("jes",))
    expected = ("events", "mine", tmp_path, 1, {"replace_old": True})
    assert (source, submission, Path(output), workers, options) == expected


@pytest.mark.slow
def test_score_shows_table_and_report(tmp_path, data_folder, shown, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "submission", COMPLETE)
    flags = ["--data", os.path.relpath(data_folder), "--submission", "submission", "--output", "out", "--workers", "1"]
    flags += ["--sets", "2", "--experiments", "6", "--systematics", "none", "--phase-2"]
    assert main(["score", *flags]) == 0
    lines = shown().splitlines()
    table = next(number for number, line in enumerate(lines) if "RMSE" in line)
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert f"{scores['interval']:.4f}" in lines[table + 1]
    assert lines[table + 2].startswith("1000 bootstraps")
    assert lines[-1] == "report      out/detailed_results.html"


def test_progress_without_a_terminal_is_lines(capsys, monkeypatch):
    times = iter((100.0, 102.0, 107.0, 112.0, 117.0, 122.0, 127.0, 132.0))
    monkeypatch.setattr(cli, "time", types.SimpleNamespace(monotonic=lambda: next(times)))
    outcome = Outcome(PseudoExperiment(0, 0, 0, 1.0), {"p16": 0.9, "p84": 1.3}, 0.1, 0.1)
    with Bar() as bar:
        bar.start(23, [outcome] * 4)
        for _ in range(19):
            bar.outcome(outcome)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == [f"{done}/23" for done in (6, 9, 12, 15, 18, 21, 23)]
    assert lines[0] == "... 6/23 pseudo-experiments, coverage 1.000, interval 0.400, 00:17 left"  # 2 took 2 s
    assert lines[-1].endswith(", coverage 1.000, interval 0.400, in 00:32")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with Bar() as bar:
        bar.start(2, [])
    assert "0/2" in terminal.getvalue()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["score", "--sets", "0"], "0 is less than 1"),
        (["score", "--systematics", "tes,foo"], "no nuisance parameter foo: all, none, or some of tes,jes"),
        (["score", "--only", "3"], "'3' is not SET:INDEX"),
        (["score", "--seed", "-1"], "-1 is not between 0 and"),
        (["score", "--workers", "two"], "'two' is not a whole number"),
        (["nonsense"], "invalid choice"),
    ],
)
def test_wrong_flags(flags, text, capsys):
    with pytest.raises(SystemExit) as error:
        main(flags)
    assert error.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--data", "nowhere"], "error: no such folder"),
        (["--data", "DATA", "--submission", "nowhere"], "error: no such submission"),
        (["--data", "DATA", "--submission", ""], "error: --submission is empty"),
        (["--data", "DATA", "--resume"], "error: --resume needs --output"),
    ],
)
def test_what_the_user_can_mend_is_one_line(flags, text, data_folder, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["score", *(str(data_folder) if flag == "DATA" else flag for flag in flags)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(text)
    assert error.count("\n") == 1


def test_too_many_processes(tmp_path, capsys):
    assert main(["simulate", "--output", str(tmp_path / "out"), "--workers", "2000"]) == 2
    assert capsys.readouterr().err == "error: 2000 workers are too many: use 1024 or fewer\n"
