"""Tasks for the tests of executors, which can be pickled, and a dask cluster that does them."""

import contextlib
import functools
import os
import signal
import time
from pathlib import Path

import dask
from dask.distributed import LocalCluster

from runtime.errors import ChallengeError


@contextlib.contextmanager
def dask_cluster(workers, daemon=False):
    """A dask scheduler on 127.0.0.1 with so many workers of one thread; if not `daemon`, they may start processes."""
    configuration = {"distributed.worker.daemon": daemon, "distributed.scheduler.allowed-failures": 3}
    options = {"host": "127.0.0.1", "dashboard_address": ":0", "silence_logs": 50}
    with dask.config.set(configuration), LocalCluster(n_workers=workers, threads_per_worker=1, **options) as cluster:
        yield cluster


def listed(function, numbers):
    """A task for each number."""
    return [functools.partial(function, number) for number in numbers]


def square(number):
    return number**2


def die_once(folder, number):
    """The first process that gets here with a 3 kills itself; the task then finds that this was done."""
    mark = Path(folder) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise ChallengeError("this cannot be mended by trying again")


def nap(folder, number):
    """A task that takes long and leaves a file."""
    time.sleep(15)
    (Path(folder) / str(number)).touch()


def environment_variable(name):
    """What the environment of the process that does the task says."""
    return os.environ.get(name)
