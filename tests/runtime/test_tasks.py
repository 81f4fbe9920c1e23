"""Lists of tasks: the same results from processes of this machine and from a dask cluster, whoever dies."""

import functools
import os
import signal
import time
from pathlib import Path

import dask
import numpy as np
import pytest
import torch
from dask.distributed import LocalCluster

from ingestion_test.cli import main
from ingestion_test.ingestion import JOURNAL_FILE, RunSettings, run
from ingestion_test.sources import OfficialFolder
from runtime import tasks
from runtime.errors import ChallengeError
from runtime.tasks import as_completed, completed
from submission import artifacts
from tests.submissions import COMPLETE, good, predicting, write
from training.neyman import throw_all

SETTINGS = RunSettings(num_sets=2, num_experiments=2, seed=7)

# A dying worker and a closing cluster leave what the garbage collector finds.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def cluster():
    """Address of a dask scheduler on 127.0.0.1 with two workers that may start processes."""
    with (
        dask.config.set({"distributed.worker.daemon": False, "distributed.scheduler.allowed-failures": 3}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
        ) as made,
    ):
        yield made.scheduler_address


def _square(number):
    return number**2


def _die_once(folder, number):
    """The first process that gets here kills itself; the task then finds that this was done."""
    mark = Path(folder) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _fail():
    raise ChallengeError("this cannot be mended by trying again")


def _list(function, numbers):
    return [functools.partial(function, number) for number in numbers]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_are_in_the_order_of_the_tasks(workers):
    assert completed(_list(_square, range(7)), workers, "squares", "number") == [n**2 for n in range(7)]
    assert completed([], workers, "nothing", "number") == []


def test_a_cluster_gives_the_same(cluster):
    assert completed(_list(_square, range(7)), cluster, "squares", "number") == [n**2 for n in range(7)]


@pytest.fixture(scope="module")
def likelihood():
    return artifacts.load().likelihood


def _throws(likelihood, workers):
    mu = np.linspace(0.1, 3, 12_000)
    throws = throw_all(likelihood, mu, "check", 1, workers)
    return np.stack([throws.mu_hat, throws.sigma])


def test_throws_are_the_same_to_the_bit_whoever_makes_them(likelihood, cluster):
    alone = _throws(likelihood, 1)
    for workers in (2, 4, cluster):
        np.testing.assert_array_equal(alone, _throws(likelihood, workers))


def test_tasks_of_a_process_that_dies_are_done_again(tmp_path, caplog):
    tasks = _list(functools.partial(_die_once, str(tmp_path)), range(8))
    assert completed(tasks, 2, "tasks", "task") == list(range(8))
    assert "a worker process died" in caplog.text


def test_tasks_of_a_dask_worker_that_dies_are_done_again(tmp_path, cluster):
    tasks = _list(functools.partial(_die_once, str(tmp_path)), range(8))
    assert completed(tasks, cluster, "tasks", "task") == list(range(8))
    assert (tmp_path / "died").exists()


def test_processes_that_die_again_and_again_end_the_work():
    with pytest.raises(ChallengeError, match=r"died 4 times.*fewer --workers"):
        completed([_die, _die], 2, "deaths", "death")


def _nap(folder, number):
    time.sleep(15)
    (Path(folder) / str(number)).touch()


def _naps(first, folder):
    """Results of a task that is done at once and of many that are not."""
    return as_completed([first, *_list(functools.partial(_nap, str(folder)), range(5))], 2)


def test_an_error_ends_what_is_running_and_what_waits(tmp_path):
    with pytest.raises(ChallengeError, match="cannot be mended"):
        list(_naps(_fail, tmp_path))
    assert not list(tmp_path.iterdir())


def test_results_that_nobody_wants_are_not_waited_for(tmp_path):
    naps = _naps(functools.partial(_square, 3), tmp_path)
    assert next(naps) == (0, 9)
    naps.close()  # as an interruption does
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_is_raised(workers):
    with pytest.raises(ChallengeError, match="cannot be mended"):
        completed([_fail, _fail], workers, "failures", "failure")


def test_what_a_task_raises_on_a_cluster_is_raised(cluster):
    with pytest.raises(ChallengeError, match="cannot be mended"):
        completed([_fail], cluster, "failures", "failure")


# Pseudo-experiments --------------------------------------------------------------------------------------------------


def _run(tmp_path, data_folder, files, name, workers, **options):
    folder = write(tmp_path / "submission", files)
    return run(SETTINGS, OfficialFolder(data_folder), folder, tmp_path / name, workers=workers, **options)


def _results(folder):
    return {path.name: path.read_bytes() for path in folder.glob("result_*.json")}


def test_pseudo_experiments_are_the_same_from_a_cluster(tmp_path, data_folder, cluster):
    _run(tmp_path, data_folder, COMPLETE, "local", workers=1)
    _run(tmp_path, data_folder, COMPLETE, "cluster", workers=cluster)
    assert len(_results(tmp_path / "local")) == 2
    assert _results(tmp_path / "local") == _results(tmp_path / "cluster")
    assert not (tmp_path / "cluster" / ".work").exists()


def test_a_second_run_in_the_same_folder_has_its_own_model(tmp_path, data_folder, cluster):
    for value in (2.5, 1.5):
        files = predicting(good("self.value"), fit=f"self.value = {value}")
        outcomes = _run(tmp_path, data_folder, files, "again", workers=cluster)
        assert {outcome.prediction["mu_hat"] for outcome in outcomes} == {value}
        (tmp_path / "again" / JOURNAL_FILE).unlink()


def test_a_failing_submission_is_named_and_the_run_taken_up(tmp_path, data_folder, cluster, monkeypatch):
    mended = tmp_path / "mended"
    fragile = predicting(
        "self.calls = getattr(self, 'calls', 0) + 1\n"
        f"        if self.calls == 2 and not os.path.exists({str(mended)!r}): raise RuntimeError('not yet')\n"
        "        " + good("float(test_set['data']['PRI_met'].mean())")
    )
    with pytest.raises(ChallengeError, match=r"set \d, pseudo-experiment \d .*RuntimeError: not yet.*--resume"):
        _run(tmp_path, data_folder, fragile, "output", workers=cluster)
    mended.touch()
    _run(tmp_path, data_folder, fragile, "output", workers=cluster, resume=True)
    _run(tmp_path, data_folder, fragile, "undisturbed", workers=1)
    assert _results(tmp_path / "output") == _results(tmp_path / "undisturbed")


def test_a_dask_worker_that_dies_in_a_prediction_loses_nothing(tmp_path, data_folder, cluster):
    mark = tmp_path / "died"
    deadly = predicting(
        f"mark = {str(mark)!r}\n"
        "        if not os.path.exists(mark): open(mark, 'w').close(); os.kill(os.getppid(), signal.SIGKILL)\n"
        "        " + good("float(test_set['data']['PRI_met'].mean())")
    )
    _run(tmp_path, data_folder, deadly, "output", workers=cluster)
    _run(tmp_path, data_folder, deadly, "undisturbed", workers=1)
    assert mark.exists()
    assert _results(tmp_path / "output") == _results(tmp_path / "undisturbed")


def test_command_line_names_a_scheduler_that_is_not_there(tmp_path, data_folder, monkeypatch, capsys):
    folder = write(tmp_path / "submission", COMPLETE)
    flags = ["score", "--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(tasks, "ANSWER_SECONDS", 1)
    assert main([*flags, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*flags, "--scheduler", "tcp://127.0.0.1:9", "--workers", str(os.cpu_count())])
    assert "not allowed with argument" in capsys.readouterr().err


# A cluster that is none -----------------------------------------------------------------------------------------------


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr(tasks, "ANSWER_SECONDS", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://1"):
        with pytest.raises(ChallengeError, match=r"no dask scheduler answers at .*start one with `dask scheduler`"):
            list(as_completed([_fail], address))


def test_a_scheduler_that_goes_away():
    with LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50) as made:
        naps = as_completed(_list(time.sleep, [0.2] * 50), made.scheduler_address)
        next(naps)
        made.close()
        with pytest.raises(ChallengeError, match=r"has gone away: start it again \(what is done is kept\)"):
            list(naps)


def test_all_workers_go_away(monkeypatch, caplog):
    with LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50) as made:
        naps = as_completed(_list(time.sleep, [0.2] * 50), made.scheduler_address)
        next(naps)
        monkeypatch.setattr(tasks, "ANSWER_SECONDS", 1)
        monkeypatch.setattr(tasks, "WORKER_SECONDS", 3)
        made.scale(0)
        with pytest.raises(ChallengeError, match=r"has had no worker for 3 s: start some with .*what is done is kept"):
            list(naps)
    assert "has no workers any more; waiting for new ones" in caplog.text


def test_a_task_of_dask_has_one_thread_even_if_its_worker_came_late():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert tasks._call(torch.get_num_threads) == 1
    finally:
        torch.set_num_threads(threads)


def test_no_worker(monkeypatch):
    monkeypatch.setattr(tasks, "WORKER_SECONDS", 1)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=":0", silence_logs=50) as made,
        pytest.raises(ChallengeError, match="has no worker after 1 s"),
    ):
        list(as_completed([_fail], made.scheduler_address))


def test_workers_that_may_not_start_processes_say_so(tmp_path, data_folder):
    with (
        dask.config.set({"distributed.worker.daemon": True}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
        ) as made,
        pytest.raises(ChallengeError, match="DASK_DISTRIBUTED__WORKER__DAEMON=False"),
    ):
        _run(tmp_path, data_folder, COMPLETE, "daemons", workers=made.scheduler_address)
