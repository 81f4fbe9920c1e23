"""Runs from end to end: what they write, how they go wrong, how they are taken up again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ingestion_test.cli import main
from ingestion_test.ingestion import JOURNAL_FILE, RunSettings, run
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.official.systematics import systematics
from ingestion_test.pseudo_experiments import experiment_test_set, plan
from ingestion_test.run_scoring import score_folder
from ingestion_test.schema import METADATA_FILE
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from runtime.errors import ChallengeError
from runtime.output import output_folder
from tests.conftest import write_folder
from tests.submissions import COMPLETE, good, predicting, write

SETTINGS = RunSettings(num_sets=2, num_experiments=2, seed=7)

RESULTS = ("result_0.json", "result_1.json", "test_settings.json")


def _run(tmp_path, data_folder, files, settings=SETTINGS, name="output", **options):
    folder = write(tmp_path / "submission", files)
    return run(settings, OfficialFolder(data_folder), folder, tmp_path / name, **options)


def _results(folder):
    return {name: (folder / name).read_bytes() for name in RESULTS}


def test_results_are_those_of_the_model_whatever_the_number_of_workers(tmp_path, data_folder):
    serial = _run(tmp_path, data_folder, COMPLETE, name="serial")
    _run(tmp_path, data_folder, COMPLETE, name="parallel", workers=3)
    assert _results(tmp_path / "serial") == _results(tmp_path / "parallel")
    assert [(o.experiment.set_index, o.experiment.index) for o in serial] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    result = json.loads((tmp_path / "serial" / "result_1.json").read_text())
    assert list(result) == ["mu_hats", "delta_mu_hats", "p16", "p84"]
    source = OfficialFolder(data_folder)
    train = source.train_set()
    shifted = systematics(train, tes=1.02)
    mass = float((shifted["DER_mass_vis"] * shifted["weights"]).sum() / shifted["weights"].sum())
    for experiment in plan(2, 2, 7):
        test_set = experiment_test_set(source.test_events(), experiment, NUISANCE_NAMES)
        if experiment.set_index == 1:
            by_hand = float(test_set["data"]["DER_mass_vis"].mean()) / mass
            assert result["mu_hats"][experiment.index] == pytest.approx(by_hand, rel=1e-6)
    assert json.loads((tmp_path / "serial" / "ingestion_duration.json").read_text()) == {"ingestion_duration": 0}
    assert "fitted" in (tmp_path / "serial" / "submission.log").read_text()
    assert not (tmp_path / "serial" / ".work").exists()


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (predicting("raise ZeroDivisionError('oh')"), r"Model\.predict raised ZeroDivisionError: oh"),
        (predicting("return 3"), r"returned int, not a dict"),
        (predicting('return {"mu_hat": 1.0}'), r'returned no "delta_mu_hat"'),
        (predicting(good("float('nan')")), r'returned nan as "mu_hat"'),
        (predicting(good().replace('"mu_hat": 1.0', '"mu_hat": "1.0"')), r'"mu_hat" as str, which Codabench cannot'),
        (predicting(good("np.float32(1)"), head="import numpy as np"), r'"mu_hat" as float32, which Codabench cannot'),
        (predicting("os.kill(os.getpid(), signal.SIGKILL)"), r"killed by signal 9, as the system does when memory"),
        (predicting("os._exit(3)"), r"ended unexpectedly with exit code 3"),
        (predicting("os.fork() or signal.pause()\n        os._exit(3)"), r"ended unexpectedly with exit code 3"),
        (predicting(good("1e60")), r'returned 1e\+60 as "mu_hat"; scores need finite numbers below 1e\+50'),
        (predicting(good().replace("1.0", "10**400", 1)), r'returned 1000.* as "mu_hat"'),
    ],
)
def test_a_failing_pseudo_experiment_is_named(files, text, tmp_path, data_folder):
    first = plan(2, 2, 7)[0]
    place = rf"set {first.set_index}, pseudo-experiment {first.index} \(seed {first.seed}\): .*{text}"
    with pytest.raises(ChallengeError, match=place) as error:
        _run(tmp_path, data_folder, files)
    assert f"--only {first.set_index}:{first.index}" in str(error.value)
    assert str(tmp_path / "output" / "submission.log") in str(error.value)


def test_the_traceback_is_in_the_log(tmp_path, data_folder):
    with pytest.raises(ChallengeError):
        _run(tmp_path, data_folder, predicting("raise ZeroDivisionError('oh')"))
    assert "in predict\n    raise ZeroDivisionError('oh')" in (tmp_path / "output" / "submission.log").read_text()


@pytest.mark.parametrize(
    ("files", "workers", "text"),
    [
        (predicting(good(), fit="raise KeyError('x')"), 1, r"Model\.fit raised KeyError: 'x'"),
        (predicting(good(), fit="os._exit(0)"), 1, r"ended unexpectedly with exit code 0"),
        (predicting(good(), fit="self.file = lambda: 0"), 2, r"cannot be pickled .* or use --workers 1"),
        ({"model.py": "class Model: pass"}, 1, r"Model\(\) raised TypeError"),
        (predicting(good(), fit="self.get_train_set(train_size='x')"), 1, r"Model\.fit raised ValueError: train_size"),
    ],
)
def test_a_model_that_cannot_be_fitted(files, workers, text, tmp_path, data_folder):
    with pytest.raises(ChallengeError, match=text):
        _run(tmp_path, data_folder, files, workers=workers)


def test_a_model_that_cannot_be_pickled_runs_in_one_process(tmp_path, data_folder):
    outcomes = _run(tmp_path, data_folder, predicting(good(), fit="self.file = lambda: 0"))
    assert len(outcomes) == 4


def test_crossed_intervals_are_scored_with_a_warning(tmp_path, data_folder, capsys):
    files = predicting('return {"mu_hat": 1.0, "delta_mu_hat": 1.0, "p16": 2.0, "p84": 0.5}')
    folder = write(tmp_path / "submission", files)
    arguments = ["score", "--sets", "1", "--experiments", "1", "--workers", "1", "--data", str(data_folder)]
    assert main([*arguments, "--submission", str(folder), "--output", str(tmp_path / "output")]) == 0
    assert "1 of 1 intervals have p16 > p84" in capsys.readouterr().out
    assert json.loads((tmp_path / "output" / "scores.json").read_text())["interval"] == 1.5


#: Fails at the second prediction of a process unless the file "mended" is beside the output.
FRAGILE = predicting(
    "self.calls = getattr(self, 'calls', 0) + 1\n"
    "        if self.calls == 2 and not os.path.exists(os.environ['MENDED']): raise RuntimeError('not yet')\n"
    "        " + good("float(test_set['data']['PRI_met'].mean())")
)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_resumed_run_ends_with_the_same_files(workers, tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("MENDED", str(tmp_path / "mended"))
    with pytest.raises(ChallengeError, match="RuntimeError: not yet"):
        _run(tmp_path, data_folder, FRAGILE, workers=workers)
    journal = tmp_path / "output" / JOURNAL_FILE
    done = journal.read_text()
    assert done.count("\n") >= 2
    with open(journal, "a") as file:
        file.write('{"set_index": 1, "ind')  # a kill in the middle of a line
    (tmp_path / "mended").touch()
    with pytest.raises(ChallengeError, match="holds a run already: continue it with --resume"):
        _run(tmp_path, data_folder, FRAGILE)
    _run(tmp_path, data_folder, FRAGILE, workers=workers, resume=True)
    assert journal.read_text().startswith(done)
    _run(tmp_path, data_folder, FRAGILE, name="undisturbed")
    assert _results(tmp_path / "output") == _results(tmp_path / "undisturbed")
    _run(tmp_path, data_folder, FRAGILE, resume=True)  # nothing left to do


@pytest.mark.slow
def test_a_model_left_by_another_run_is_not_taken(tmp_path, data_folder):
    """A parallel run fits, fails and leaves its model; a new one in the folder, as the official script starts it."""
    with pytest.raises(ChallengeError):
        _run(tmp_path, data_folder, predicting("raise ValueError"), workers=2)
    (left,) = (tmp_path / "output" / ".work").glob("model-*.pkl")
    (tmp_path / "output" / JOURNAL_FILE).unlink()
    files = predicting(good("self.value"), fit=f"open({str(left)!r}, 'wb').close(); self.value = 2.5")  # a late writer
    outcomes = _run(tmp_path, data_folder, files, workers=2)
    assert {outcome.prediction["mu_hat"] for outcome in outcomes} == {2.5}


#: Starts processes, as a loader of data does, and writes beside itself; fails until "mended" is there.
BUSY = predicting(
    "if not os.path.exists(os.environ['MENDED']): raise RuntimeError('not yet')\n        "
    + good("float((Path(__file__).parent / 'fitted').read_text())"),
    fit="(Path(__file__).parent / 'fitted').write_text(str(sum(ProcessPoolExecutor(2).map(abs, [-1, 2]))))",
    head="from concurrent.futures import ProcessPoolExecutor\nfrom pathlib import Path",
)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_submission_that_starts_processes_and_writes_beside_itself(workers, tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("MENDED", str(tmp_path / "mended"))
    with pytest.raises(ChallengeError, match="not yet"):
        _run(tmp_path, data_folder, BUSY, workers=workers)
    (tmp_path / "mended").touch()
    outcomes = _run(tmp_path, data_folder, BUSY, workers=workers, resume=True)
    assert {outcome.prediction["mu_hat"] for outcome in outcomes} == {3}
    assert sorted(path.name for path in (tmp_path / "submission").iterdir()) == ["model.py"]


@pytest.mark.slow
def test_results_of_an_earlier_run_are_not_scored_against_the_truth_of_another(tmp_path, data_folder):
    output = tmp_path / "output"
    _run(tmp_path, data_folder, predicting(good()))
    score_folder(output, output)
    with pytest.raises(ChallengeError, match="oh"):
        _run(tmp_path, data_folder, predicting("raise ValueError('oh')"), replace(SETTINGS, seed=8), replace_old=True)
    kept = {"submission.log", "pseudo_experiments.jsonl", "test_settings.json", ".lock", ".work"}
    assert {path.name for path in output.iterdir()} == kept
    assert "ValueError: oh" in (output / "submission.log").read_text()
    with pytest.raises(ChallengeError, match="is missing: run the ingestion"):
        score_folder(output, output)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "text"),
    [({"seed": 8}, "another seed"), ({"num_experiments": 3}, "another experiments"), ({}, "another submission")],
)
def test_another_run_is_not_continued(change, text, tmp_path, data_folder):
    _run(tmp_path, data_folder, predicting(good()))
    other = predicting(good("2.0")) if not change else predicting(good())
    with pytest.raises(ChallengeError, match=text):
        _run(tmp_path, data_folder, other, settings=replace(SETTINGS, **change), resume=True)


def test_a_run_on_rescaled_events_is_not_continued(tmp_path, events):
    """The same file of events; what they sum to is in its metadata."""
    data = write_folder(tmp_path / "data", events)
    _run(tmp_path, data, predicting(good()))
    metadata = json.loads((data / METADATA_FILE).read_text())
    (data / METADATA_FILE).write_text(json.dumps(metadata | {"sum_weights": 1000}))
    with pytest.raises(ChallengeError, match="another sum_weights"):
        _run(tmp_path, data, predicting(good()), resume=True)


def test_a_damaged_journal_is_refused(tmp_path, data_folder):
    _run(tmp_path, data_folder, predicting(good()))
    journal = tmp_path / "output" / JOURNAL_FILE
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0], "garbage", *lines[2:]]) + "\n")
    with pytest.raises(ChallengeError, match="is damaged"):
        _run(tmp_path, data_folder, predicting(good()), resume=True)


#: Waits in the third prediction of a process until the file named by GO is there.
SLOW = predicting(
    "self.calls = getattr(self, 'calls', 0) + 1\n"
    "        while self.calls == 3 and not os.path.exists(os.environ['GO']): time.sleep(0.05)\n"
    "        " + good("float(test_set['data']['PRI_met'].mean())"),
    head="import time",
)


def _command(folder, data_folder, output, *more):
    flags = f"score --sets 2 --experiments 2 --seed 7 --workers 1 --submission {folder} --data {data_folder}"
    return [sys.executable, "-m", "ingestion_test", *flags.split(), "--output", str(output), *more]


def _wait_for(condition):
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_run_is_resumed_and_a_second_one_refused(tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    folder, output = write(tmp_path / "submission", SLOW), tmp_path / "output"
    journal = output / JOURNAL_FILE
    first = subprocess.Popen(_command(folder, data_folder, output), cwd=PROJECT, stderr=subprocess.DEVNULL)
    _wait_for(lambda: journal.exists() and journal.read_text().count("\n") >= 2)
    second = subprocess.run(
        _command(folder, data_folder, output, "--resume"), cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert second.returncode == 2
    assert "another run is writing to" in second.stderr
    first.send_signal(signal.SIGKILL)
    first.wait()
    (tmp_path / "go").touch()
    resumed = subprocess.run(
        _command(folder, data_folder, output, "--resume"), cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "report" in resumed.stdout
    _run(tmp_path, data_folder, SLOW, name="undisturbed")
    assert _results(output) == _results(tmp_path / "undisturbed")


@pytest.mark.slow
def test_workers_end_with_a_killed_run(tmp_path, data_folder):
    files = predicting(good(), fit=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); signal.pause()")
    folder = write(tmp_path / "submission", files)
    process = subprocess.Popen(
        _command(folder, data_folder, tmp_path / "output"), cwd=PROJECT, stderr=subprocess.DEVNULL
    )
    _wait_for((tmp_path / "pid").exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    pid = int((tmp_path / "pid").read_text() or 0)  # that of a process in the midst of its fit
    _wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def test_output_that_cannot_be_written(tmp_path, data_folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(ChallengeError, match=r"cannot write to .*file/output: Not a directory"):
        _run(tmp_path, data_folder, predicting(good()), name="file/output")


def test_a_file_elsewhere_is_named_as_itself(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(ChallengeError, match=r"^.*/file/data cannot be used .Not a directory.: mend that"),
        output_folder(tmp_path / "out"),
    ):
        (tmp_path / "file" / "data").read_bytes()


@pytest.mark.slow
def test_only_one_pseudo_experiment(tmp_path, data_folder, capfd):
    folder = write(tmp_path / "submission", COMPLETE)
    flags = [
        "--sets",
        "2",
        "--experiments",
        "2",
        "--seed",
        "7",
        "--data",
        str(data_folder),
        "--submission",
        str(folder),
    ]
    assert main(["score", *flags, "--only", "1:0"]) == 0
    shown = capfd.readouterr().out
    outcomes = _run(tmp_path, data_folder, COMPLETE)
    assert f"set 1, pseudo-experiment 0 (seed 9): mu {outcomes[2].experiment.mu:.4f}" in shown
    assert f"mu_hat {outcomes[2].prediction['mu_hat']:.4f}" in shown
    assert "fitted" in shown
    assert main(["score", *flags, "--only", "2:0"]) == 2
    assert "no pseudo-experiment 2:0" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            lambda: RunSettings(num_sets=10**8),
            "100000000 sets of 100 pseudo-experiments: at most 1,000,000 are possible",
        ),
        (lambda: RunSettings(num_experiments=10**11), "at most 1,000,000 are possible in all; ask for fewer"),
        (
            lambda: RunSettings(seed=2**32 - 1),
            "seed 4294967295: .* numpy takes none above 4294967295; choose a smaller",
        ),
    ],
)
def test_too_much_is_refused_before_anything_is_done(asked, text):
    with pytest.raises(ChallengeError, match=text):
        asked()


def test_a_sample_that_is_too_large_is_refused(tmp_path, capsys):
    assert main(["simulate", "--size", str(10**11), "--output", str(tmp_path / "events")]) == 2
    assert "100,000,000,000 rows is too large: use 1,000,000,000 or fewer" in capsys.readouterr().err
    assert not (tmp_path / "events").exists()
