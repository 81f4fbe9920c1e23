"""Executors of other machines: a dask cluster and what can become of it, and the processes of an MPI program."""

import functools
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime import cluster
from runtime.errors import ChallengeError
from runtime.tasks import as_completed, completed
from submission import artifacts
from tests.tasks import dask_cluster, die, die_once, fail, listed, square
from training.neyman import throw_all

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    # A dying worker and a closing cluster leave what the garbage collector finds.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def address():
    """Address of a dask scheduler with two workers."""
    with dask_cluster(workers=2) as scheduler:
        yield scheduler.scheduler_address


def test_a_cluster_gives_the_same(address):
    assert completed(listed(square, range(7)), address, "squares", "number") == [n**2 for n in range(7)]
    assert completed([], address, "nothing", "number") == []


@pytest.fixture(scope="module")
def likelihood():
    return artifacts.load().likelihood


def _throws(likelihood, workers):
    throws = throw_all(likelihood, np.linspace(0.1, 3, 12_000), "check", 1, workers)
    return np.stack([throws.mu_hat, throws.sigma])


def test_throws_are_the_same_to_the_bit_whoever_makes_them(likelihood, address):
    alone = _throws(likelihood, 1)
    for workers in (2, 4, address):
        np.testing.assert_array_equal(alone, _throws(likelihood, workers))


def test_tasks_have_one_thread_each(address):
    assert completed([torch.get_num_threads] * 3, address, "threads", "task") == [1, 1, 1]


def test_tasks_of_a_worker_that_dies_are_done_again(tmp_path, address):
    mortal = listed(functools.partial(die_once, str(tmp_path)), range(8))
    assert completed(mortal, address, "tasks", "task") == list(range(8))
    assert (tmp_path / "died").exists()


def test_what_a_task_raises_is_raised(address):
    with pytest.raises(ChallengeError, match="cannot be mended"):
        completed([fail], address, "failures", "failure")


def test_what_nobody_wants_any_more_is_cancelled(address):
    naps = as_completed(listed(time.sleep, [0, *[20] * 10]), address)
    begin = time.monotonic()
    assert next(naps) == (0, None)
    naps.close()
    assert time.monotonic() - begin < 15


# A cluster that is none -----------------------------------------------------------------------------------------------


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    for nowhere in ("tcp://127.0.0.1:9", "nonsense://1"):
        with pytest.raises(ChallengeError, match=r"no dask scheduler answers at .*start one with `dask scheduler`"):
            list(as_completed([fail], nowhere))


def test_a_scheduler_that_goes_away():
    with dask_cluster(workers=1) as scheduler:
        naps = as_completed(listed(time.sleep, [0.2] * 50), scheduler.scheduler_address)
        next(naps)
        scheduler.close()
        with pytest.raises(ChallengeError, match=r"has gone away: start it again"):
            list(naps)


def test_all_workers_go_away(monkeypatch, caplog):
    with dask_cluster(workers=1) as scheduler:
        naps = as_completed(listed(time.sleep, [0.2] * 50), scheduler.scheduler_address)
        next(naps)
        monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
        monkeypatch.setattr(cluster, "WORKER_SECONDS", 3)
        scheduler.scale(0)
        with pytest.raises(ChallengeError, match=r"has had no worker for 3 s: start some with "):
            list(naps)
    assert "has no workers any more; waiting" in caplog.text


def test_workers_that_come_back_go_on(monkeypatch, caplog):
    with dask_cluster(workers=1) as scheduler:
        naps = as_completed(listed(time.sleep, [0.2] * 30), scheduler.scheduler_address)
        next(naps)
        monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.3)
        scheduler.scale(0)
        time.sleep(2)
        scheduler.scale(1)
        assert len(list(naps)) == 29


def test_no_worker(monkeypatch):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 1)
    with (
        dask_cluster(workers=0) as scheduler,
        pytest.raises(ChallengeError, match="has no worker after 1 s"),
    ):
        list(as_completed([fail], scheduler.scheduler_address))


def test_workers_that_die_again_and_again():
    with (
        dask_cluster(workers=1) as scheduler,
        pytest.raises(ChallengeError, match=r"died again and again at the same task"),
    ):
        list(as_completed([die], scheduler.scheduler_address))


# MPI ------------------------------------------------------------------------------------------------------------------

_PROGRAM = """
from runtime.errors import ChallengeError
from runtime.tasks import as_completed, completed
from tests.tasks import fail, listed, square
print(completed(listed(square, range(7)), "mpi", "squares", "number"))
try:
    list(as_completed([fail], "mpi"))
except ChallengeError as error:
    print(error)
"""


def test_processes_of_an_mpi_program_give_the_same():
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:/usr/bin:/bin")
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", "-c", _PROGRAM]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.splitlines() == ["[0, 1, 4, 9, 16, 25, 36]", "this cannot be mended by trying again"]


def test_no_mpi(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ChallengeError, match=r"--scheduler mpi needs MPI and mpi4py .*pip install mpi4py"):
        list(as_completed([fail], "mpi"))
