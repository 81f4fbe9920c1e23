"""`build` and `verify` from end to end, through each of their doors."""

import signal
import subprocess
import sys
import time
from unittest import mock

import pytest

import higgsml
from ingestion_test.jobs import Outcome
from ingestion_test.pseudo_experiments import PseudoExperiment
from ingestion_test.submissions import PROJECT
from submission import __main__ as door
from tests.submissions import good, predicting, write
from tests.zips import write_zip
from upload import __main__ as upload
from upload import trial


@pytest.mark.slow
def test_our_own_upload(tmp_path, capsys):
    assert upload.main(["build", str(tmp_path / "a.zip")]) == 0
    assert capsys.readouterr().out.endswith(f"MB; next: python -m upload verify {tmp_path / 'a.zip'}\n")
    assert upload.main(["verify", str(tmp_path / "a.zip")]) == 0
    *lines, tables, test, last = capsys.readouterr().out.splitlines()
    assert [line[:2] for line in lines] == ["1.", "2.", "3.", "4.", "5."]
    assert all(" ... ok: " in line for line in lines)
    assert "predicted 3 pseudo-experiments" in lines[-1]
    assert "fitted in 0 s" not in lines[-1]  # as a fit from the cache would be
    # The events are of another world, so that a refit is shown.
    assert tables.startswith("   fit: Tables: made from 70,000 training events in ")
    assert test.startswith("   fit: Test of the shipped tables: p = ")
    assert "a.zip is ready. Next: https://www.codabench.org" in last


def test_the_zip_of_a_folder(tmp_path, capsys):
    folder = write(tmp_path / "mine", predicting(good()))
    assert upload.main(["build", str(tmp_path / "a.zip"), "--submission", str(folder)]) == 0
    assert "a.zip: 0.00 MB; next: python -m upload verify" in capsys.readouterr().out
    assert upload.main(["verify", str(folder)]) == 2
    assert f"`python -m upload build --submission {folder}` makes its zip" in capsys.readouterr().err


@pytest.mark.slow
def test_a_failing_run_is_reported(tmp_path, capsys):
    files = predicting("raise ValueError('on Codabench')")
    assert upload.main(["verify", str(write_zip(tmp_path / "a.zip", files))]) == 2
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "1. model.py at the root, nothing useless beside it ... ok: 1 files, 0.0 MB"
    assert shown.out.splitlines()[-1].endswith("... failed")
    assert "Model.predict raised ValueError: on Codabench; `python -m ingestion_test score" in shown.err
    assert "--resume" not in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("main", [upload.main, door.main, higgsml.main])
def test_all_doors_lead_to_the_same(main, tmp_path, capsys):
    assert main(["verify", str(tmp_path / "a.zip")]) == 2
    assert "error: no such file" in capsys.readouterr().err
    assert main(["build", str(tmp_path / "no" / "a.zip")]) == 2
    assert "No such file or directory; give another place" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fit", "predictions", "warned"),
    [(1, (9.0, 2.0, 8.0), False), (7250, (1.0, 1.0, 1.0), True), (1, (30.0, 25.0, 22.0), True)],
)
def test_what_takes_longer_than_the_final_phase_is_warned_of(fit, predictions, warned, monkeypatch, tmp_path):
    """By CPU time; of what a process loads at its first prediction it says nothing."""

    def run(*_, progress):
        progress.fitted(fit)
        return [Outcome(PseudoExperiment(0, 0, 0, 1.0), {}, 60.0, 60.0, seconds_cpu=seconds) for seconds in predictions]

    monkeypatch.setattr(trial, "run", run)
    monkeypatch.setattr(trial, "OfficialFolder", str)
    monkeypatch.setattr(trial.simulation, "write_folder", lambda *_, **__: tmp_path)
    text = trial.try_out(tmp_path / "a.zip")
    assert f"fitted in {fit:.3g} s of CPU time" in text
    assert f"{min(predictions):.3g} s of CPU time each" in text
    assert ("warning: the final phase (10,000" in text) is warned


def test_what_a_fit_says_is_shown(monkeypatch, tmp_path):
    def run(_settings, _source, _path, output, _workers, progress):
        output.mkdir()
        (output / "fit.json").write_text('{"summary": {"Found": "this\\nand that"}, "reusable": true}')
        progress.warning("something")
        return [Outcome(PseudoExperiment(0, 0, 0, 1.0), {}, 1.0, 1.0, seconds_cpu=1.0)]

    monkeypatch.setattr(trial, "run", run)
    monkeypatch.setattr(trial, "OfficialFolder", str)
    monkeypatch.setattr(trial.simulation, "write_folder", lambda *_, **__: tmp_path)
    assert trial.try_out(tmp_path / "a.zip").splitlines()[1:] == [
        "   fit: Found: this and that",
        "   warning: something",
    ]


def test_a_run_that_does_not_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 0.1)
    assert upload.main(["verify", str(write_zip(tmp_path / "a.zip", predicting(good())))]) == 2
    assert "the run was not over after" in capsys.readouterr().err


def test_an_interruption(tmp_path, capsys):
    path = str(write_zip(tmp_path / "a.zip", predicting(good())))
    with mock.patch("upload.trial.run", side_effect=KeyboardInterrupt):
        assert upload.main(["verify", path]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.slow
def test_an_interruption_ends_the_submission(tmp_path):
    """As Ctrl-C does, in the midst of its fit."""
    mark = tmp_path / "begun"
    files = predicting(good(), fit=f"import time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    command = [sys.executable, "-m", "submission", "verify", str(write_zip(tmp_path / "a.zip", files))]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # A test run in the background of a shell ignores it, and so would the processes that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        end = time.monotonic() + 300
        while not (mark.exists() and mark.read_text()):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"interrupted\n"
        assert process.wait() == 130
    assert not _exists(int(mark.read_text()))


def _exists(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
