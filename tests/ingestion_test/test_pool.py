"""The processes of a submission: those of this machine, and those of a cluster's workers."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion_test.cli import main
from ingestion_test.ingestion import JOURNAL_FILE, Progress, RunSettings, run
from ingestion_test.jobs import Job
from ingestion_test.pool import SubmissionError, predict_alone, predictor, visible_gpus
from ingestion_test.sources import OfficialFolder
from runtime import cluster
from runtime.errors import ChallengeError
from runtime.machine import cores
from tests.submissions import COMPLETE, good, predicting, write
from tests.tasks import dask_cluster

SETTINGS = RunSettings(num_sets=2, num_experiments=2, seed=7)

pytestmark = [
    pytest.mark.slow,
    # A dying worker and a closing cluster leave what the garbage collector finds.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def address():
    """Address of a dask scheduler with two workers that may start processes."""
    with dask_cluster(workers=2) as scheduler:
        yield scheduler.scheduler_address


def _run(tmp_path, data_folder, files, name, workers, **options):
    folder = write(tmp_path / "submission", files)
    return run(SETTINGS, OfficialFolder(data_folder), folder, tmp_path / name, workers=workers, **options)


def _results(folder):
    return {path.name: path.read_bytes() for path in folder.glob("result_*.json")}


def test_pseudo_experiments_are_the_same_from_a_cluster(tmp_path, data_folder, address):
    _run(tmp_path, data_folder, COMPLETE, "local", workers=1)
    _run(tmp_path, data_folder, COMPLETE, "cluster", workers=address)
    assert len(_results(tmp_path / "local")) == 2
    assert _results(tmp_path / "local") == _results(tmp_path / "cluster")
    assert not (tmp_path / "cluster" / ".work").exists()


def test_a_second_run_in_the_same_folder_has_its_own_model(tmp_path, data_folder, address):
    for value in (2.5, 1.5):
        files = predicting(good("self.value"), fit=f"self.value = {value}")
        outcomes = _run(tmp_path, data_folder, files, "again", workers=address)
        assert {outcome.prediction["mu_hat"] for outcome in outcomes} == {value}
        (tmp_path / "again" / JOURNAL_FILE).unlink()


def test_a_failing_submission_is_named_and_the_run_taken_up(tmp_path, data_folder, address):
    mended = tmp_path / "mended"
    fragile = predicting(
        "self.calls = getattr(self, 'calls', 0) + 1\n"
        f"        if self.calls == 2 and not os.path.exists({str(mended)!r}): raise RuntimeError('not yet')\n"
        "        " + good("float(test_set['data']['PRI_met'].mean())")
    )
    with pytest.raises(ChallengeError, match=r"set \d, pseudo-experiment \d .*RuntimeError: not yet"):
        _run(tmp_path, data_folder, fragile, "output", workers=address)
    mended.touch()
    _run(tmp_path, data_folder, fragile, "output", workers=address, resume=True)
    _run(tmp_path, data_folder, fragile, "undisturbed", workers=1)
    assert _results(tmp_path / "output") == _results(tmp_path / "undisturbed")


def test_a_dask_worker_that_dies_in_a_prediction_loses_nothing(tmp_path, data_folder, address):
    mark = tmp_path / "died"
    deadly = predicting(
        f"mark = {str(mark)!r}\n"
        "        if not os.path.exists(mark): open(mark, 'w').close(); os.kill(os.getppid(), signal.SIGKILL)\n"
        "        " + good("float(test_set['data']['PRI_met'].mean())")
    )
    _run(tmp_path, data_folder, deadly, "output", workers=address)
    _run(tmp_path, data_folder, deadly, "undisturbed", workers=1)
    assert mark.exists()
    assert _results(tmp_path / "output") == _results(tmp_path / "undisturbed")


def test_command_line_names_a_scheduler_that_is_not_there(tmp_path, data_folder, monkeypatch, capsys):
    folder = write(tmp_path / "submission", COMPLETE)
    flags = ["score", "--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    assert main([*flags, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*flags, "--scheduler", "tcp://127.0.0.1:9", "--workers", str(cores())])
    assert "not allowed with argument" in capsys.readouterr().err


def test_workers_that_may_not_start_processes_say_so(tmp_path, data_folder):
    with (
        dask_cluster(workers=1, daemon=True) as scheduler,
        pytest.raises(ChallengeError, match="DASK_DISTRIBUTED__WORKER__DAEMON=False"),
    ):
        _run(tmp_path, data_folder, COMPLETE, "daemons", workers=scheduler.scheduler_address)


def test_any_executor_will_do(tmp_path, data_folder):
    """Each of its workers has a process of the submission, which ends with the worker or at the next run."""
    _run(tmp_path, data_folder, COMPLETE, "local", workers=1)
    with ThreadPoolExecutor(2) as executor:
        _run(tmp_path, data_folder, COMPLETE, "threads", workers=executor)
    assert _results(tmp_path / "local") == _results(tmp_path / "threads")


# Processes of this machine --------------------------------------------------------------------------------------------


def _job(tmp_path, data_folder, files):
    source, events = OfficialFolder(data_folder), tmp_path / "events"
    events.mkdir()
    source.test_events(events)
    folder = write(tmp_path / "submission", files)
    return Job(folder, source.folder, events, ("tes",), tmp_path / "model.pkl", False, tmp_path / "log")


def test_steps_are_told_and_a_model_is_fitted_once(tmp_path, data_folder):
    job, steps = _job(tmp_path, data_folder, COMPLETE), []
    listener = Progress()
    listener.step = steps.append
    for _ in range(2):
        with predictor(job, 2, 4, listener) as predict:
            outcomes = list(predict(SETTINGS.plan()))
        assert sorted(outcome.experiment.seed for outcome in outcomes) == [7, 8, 9, 10]
    assert steps == ["fitting the model", "taking the model that this run has fitted before"]
    assert (tmp_path / "log").read_text().count("fitted") == 1


def test_there_are_no_more_processes_than_pseudo_experiments(tmp_path, data_folder):
    files = predicting("print('pid', os.getpid()); " + good())
    job = _job(tmp_path, data_folder, files)
    with predictor(job, 100, 1, Progress()) as predict:
        assert len(list(predict(SETTINGS.plan()[:1]))) == 1
    assert not job.model_file.exists()  # the process that fitted has predicted


def test_a_failure_says_what_failed_apart_from_what_to_do(tmp_path, data_folder):
    job = _job(tmp_path, data_folder, predicting("raise ValueError('oh')"))
    first = SETTINGS.plan()[0]
    with pytest.raises(SubmissionError) as error, predictor(job, 1, 4, Progress()) as predict:
        list(predict(SETTINGS.plan()))
    assert error.value.reason == f"{first}: Model.predict raised ValueError: oh"
    assert str(error.value).startswith(f"{error.value.reason}; its output is in {tmp_path / 'log'}; add --only ")
    with pytest.raises(SubmissionError) as error:
        predict_alone(replace(job, model_file=None, fits=True, log=None), first, Progress())
    assert str(error.value) == error.value.reason == f"{first}: Model.predict raised ValueError: oh"


def test_processes_end_with_the_block(tmp_path, data_folder):
    files = predicting(good(), fit=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))")
    with predictor(_job(tmp_path, data_folder, files), 1, 4, Progress()):
        pid = int((tmp_path / "pid").read_text())
        assert os.path.exists(f"/proc/{pid}")
    assert not os.path.exists(f"/proc/{pid}")


def test_gpus_are_named_as_the_environment_says(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(Path, "glob", lambda _, pattern: [Path("/dev/nvidia3")])  # a container's only one
    assert visible_gpus() == ["0"]


def test_workers_get_the_gpus_in_turn(tmp_path, data_folder, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    files = predicting("print('gpu', os.environ['CUDA_VISIBLE_DEVICES']); import time; time.sleep(1); " + good())
    _run(tmp_path, data_folder, files, "output", workers=2)
    assert {"gpu 4", "gpu 6"} <= set((tmp_path / "output" / "submission.log").read_text().splitlines())
