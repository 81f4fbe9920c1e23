"""Processes that hold a model, seen from the process that starts them: how one is given work, and how it ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from runtime.children import THREAD_VARIABLES, environment, refusals_named

from . import worker_process
from .jobs import Job, Measured, Outcome, Ready, WorkerError
from .pseudo_experiments import PseudoExperiment
from .surroundings import image_variables

#: Seconds after which a worker that says nothing is looked at.
LOOK_SECONDS = 1

_context = multiprocessing.get_context("spawn")


class Worker:
    """A process that runs `Job`, seen from the process that started it.

    As in the official program it may start others: with them it is a process group, which ends as a whole.

    Arguments:
        job: its `Job`.
        threads: number of threads for numerical libraries, unless the environment says one.

    Raises:
        ChallengeError: the system refuses the process.
    """

    def __init__(self, job: Job, threads: int):
        with refusals_named():
            self.connection, theirs = _context.Pipe()
        self.process = _context.Process(target=worker_process.main, args=(theirs, job))
        variables = image_variables((job.submission, job.data, job.test_events, job.model_file, job.log))
        said = next(filter(None, map(os.environ.get, THREAD_VARIABLES)), str(threads))  # of one library, for all
        variables |= {name: os.environ.get(name, said) for name in THREAD_VARIABLES}
        with environment(variables), _no_interruption():
            self.process.start()
            #: Function that ends it; called at the end of this process too, which would wait for it.
            self.close = multiprocessing.util.Finalize(self, _end, (self.connection, self.process), exitpriority=0)
        theirs.close()
        self.experiment: PseudoExperiment | None = None
        self.idle = False

    def give(self, experiment: PseudoExperiment) -> None:
        """Hand the worker its next `PseudoExperiment`."""
        self.experiment, self.idle = experiment, False
        with contextlib.suppress(ConnectionError):  # a dead worker is noticed at `receive`
            self.connection.send(experiment)

    def ask(self, test_set: dict[str, Any]) -> None:
        """Have the worker's `Model.measurement` called with a test set."""
        self.idle = False
        with contextlib.suppress(ConnectionError):
            self.connection.send(test_set)

    def receive(self) -> Outcome | Measured | Ready:
        """The worker's next message.

        Raises:
            WorkerError: the submission failed, or the process died.
        """
        try:
            while not self.connection.poll(LOOK_SECONDS):
                if self.is_dead and not self.connection.poll():
                    raise EOFError
            message: Outcome | Measured | Ready | WorkerError = self.connection.recv()
        except (EOFError, OSError):  # an OSError where it died in the middle of a message
            self.process.join()
            raise WorkerError(_death(self.process.exitcode)) from None
        if isinstance(message, WorkerError):
            raise message
        self.experiment, self.idle = None, True
        return message

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended; the connection tells if no process that it has started holds the other end."""
        return self.process.exitcode is not None


@contextlib.contextmanager
def _no_interruption() -> Iterator[None]:
    """Block interruptions here and, until they unblock them, in processes that start here.

    Ctrl-C reaches these until they have a process group of their own (`worker_process`), and their imports would end
    with a traceback. Here a process that has started is to be known before an interruption ends the run.
    """
    multiprocessing.resource_tracker.ensure_running()  # whose own start would end with interruptions unblocked
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _end(connection: Connection, process: BaseProcess) -> None:
    """End a worker's process and those that it has started, whatever they are doing."""
    connection.close()
    with contextlib.suppress(OSError):  # no group: at its very beginning, or all over
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.kill()
    process.join()


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        hint = ", as the system does when memory runs out (fewer --workers need less)" if exitcode == -9 else ""
        return f"the worker process was killed by signal {-exitcode}{hint}"
    hint = ", with which on Codabench the program would end without results" if exitcode == 0 else ""
    return f"the worker process ended unexpectedly with exit code {exitcode}{hint}"


@dataclass(frozen=True)
class Prediction:
    """A task of a cluster's worker: one pseudo-experiment, by a process that the worker keeps for the next one.

    Arguments:
        job: a `Job` whose model is fitted.
        experiment: the `PseudoExperiment`.

    """

    job: Job
    experiment: PseudoExperiment

    def __call__(self) -> Outcome | WorkerError:
        """The `Outcome`, or the `WorkerError` that says why there is none, with the experiment."""
        try:
            worker = _kept_worker(self.job)
            worker.give(self.experiment)
            outcome = worker.receive()
            assert isinstance(outcome, Outcome), "a worker that was given a pseudo-experiment answers with its outcome"
            return outcome
        except WorkerError as error:
            _drop_worker()
            error.experiment = self.experiment
            return error


class _Kept(threading.local):
    """The process of each thread of a cluster's worker, and its `Job`."""

    worker: Worker | None = None
    job: Job | None = None


_kept = _Kept()


def _kept_worker(job: Job) -> Worker:
    if _kept.worker is not None and _kept.job == job:
        return _kept.worker
    _drop_worker()
    try:
        worker = Worker(job, threads=1)
    except AssertionError as error:  # of multiprocessing, for a daemonic parent
        raise WorkerError(
            f"a dask worker cannot start the process of a submission ({error}): start the workers with "
            "DASK_DISTRIBUTED__WORKER__DAEMON=False in their environment"
        ) from None
    _kept.worker, _kept.job = worker, job
    worker.receive()
    return worker


def _drop_worker() -> None:
    worker, _kept.worker, _kept.job = _kept.worker, None, None
    if worker is not None:
        worker.close()
