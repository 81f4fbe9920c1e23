"""A worker seen from its parent: what it answers, and how it ends."""

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion_test import workers
from ingestion_test.jobs import Job, Ready, WorkerError
from ingestion_test.pseudo_experiments import plan
from ingestion_test.sources import OfficialFolder
from ingestion_test.workers import Prediction, Worker
from runtime.children import THREAD_VARIABLES
from tests.submissions import good, predicting, write

EXPERIMENTS = plan(1, 2, seed=7)


@pytest.fixture(scope="module")
def test_events(data_folder, tmp_path_factory):
    """Folder of the test events."""
    folder = tmp_path_factory.mktemp("events")
    OfficialFolder(data_folder).test_events(folder)
    return folder


@pytest.fixture
def job(tmp_path, data_folder, test_events):
    """Function from a submission to the `Job` that fits it and predicts with it."""

    def make(files):
        folder = write(tmp_path / "submission", files)
        return Job(folder, data_folder, test_events, (), model_file=None, fits=True, log=tmp_path / "log")

    return make


def _wait_for(condition):
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_answers_when_it_is_ready_and_with_outcomes(job):
    with closing(Worker(job(predicting(good("float(len(test_set['data']))"))), threads=1)) as worker:
        assert not worker.idle
        assert isinstance(worker.receive(), Ready)
        assert worker.idle
        for experiment in EXPERIMENTS:
            worker.give(experiment)
            assert (worker.idle, worker.experiment) == (False, experiment)
            outcome = worker.receive()
            assert outcome.experiment == experiment
            assert outcome.prediction["mu_hat"] > 0
            assert outcome.seconds_events > 0
            assert (worker.idle, worker.experiment) == (True, None)


def test_it_ends_with_all_that_it_has_started(job, tmp_path):
    child = "import subprocess, pathlib; self.child = subprocess.Popen(['sleep', '600']).pid; "
    files = predicting(good(), fit=f"{child} pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(self.child))")
    worker = Worker(job(files), threads=1)
    assert isinstance(worker.receive(), Ready)
    child = int((tmp_path / "pid").read_text())
    worker.close()
    assert worker.is_dead
    _wait_for(lambda: not _runs(child))


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by signal 9, as the system does when memory runs out"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by signal 11$"),
        ("os._exit(3)", "ended unexpectedly with exit code 3"),
    ],
)
def test_how_it_died(body, text, job):
    with closing(Worker(job(predicting(good(), fit=body)), threads=1)) as worker:
        with pytest.raises(WorkerError, match=text):
            worker.receive()
        worker.give(EXPERIMENTS[0])  # which a dead one does not get
        with pytest.raises(WorkerError, match=text):
            worker.receive()


@pytest.mark.parametrize(
    ("said", "values"),
    [({}, "333"), ({"OMP_NUM_THREADS": "1"}, "111"), ({"MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "5"}, "552")],
)
def test_threads_are_those_of_the_environment_or_as_given(said, values, job, monkeypatch):
    """What is said of one library holds for those of which nothing is said: torch would follow MKL's number."""
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    files = predicting(good(f"float(''.join(os.environ[name] for name in {THREAD_VARIABLES}))"))
    with closing(Worker(job(files), threads=3)) as worker:
        worker.receive()
        worker.give(EXPERIMENTS[0])
        assert worker.receive().prediction["mu_hat"] == float(values)


def test_a_task_of_a_cluster_keeps_its_process_for_the_next_one(job):
    """As long as it is the same run's."""
    fits = job(predicting(good("float(os.getpid())")))
    tasks = [pickle.loads(pickle.dumps(Prediction(fits, experiment))) for experiment in EXPERIMENTS]
    try:
        processes = {task().prediction["mu_hat"] for task in tasks}
        assert len(processes) == 1
        other = Prediction(replace(fits, run="another"), EXPERIMENTS[0])()
        assert other.prediction["mu_hat"] not in processes
        assert not _runs(int(processes.pop()))
    finally:
        workers._drop_worker()


def test_a_task_of_a_cluster_answers_with_what_went_wrong(job):
    answer = Prediction(job(predicting("raise ValueError('oh')")), EXPERIMENTS[0])()
    assert isinstance(answer, WorkerError)
    assert str(answer) == "Model.predict raised ValueError: oh"
    assert answer.experiment == EXPERIMENTS[0]
    assert workers._kept.worker is None


def test_variables_of_this_process_are_as_before(job, monkeypatch):
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with closing(Worker(job(predicting(good())), threads=3)):
        assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_ctrl_c_while_a_process_starts_is_one_word(seconds, data_folder, tmp_path):
    """A terminal interrupts all processes of the command, those that are still importing too."""
    folder = write(tmp_path / "submission", predicting(good(), fit="import time; time.sleep(600)"))
    flags = ["--submission", str(folder), "--data", str(data_folder), "--output", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-m", "ingestion_test", "score", *flags, "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test run in the background of a shell ignores it, and so would the processes that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        shown = ""
        while "fitting the model" not in shown:
            shown = process.stdout.readline()
            assert shown, process.stderr.read()
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=120)[1] == "interrupted\n"
        assert process.returncode == 130
