"""The processes of a submission in a run: one fits it, one or many predict (docs/protocol.md#submissions)."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from runtime.errors import ChallengeError
from runtime.machine import carried, cores
from runtime.tasks import Workers, as_completed

from .jobs import Job, Measured, Outcome, Ready, WorkerError
from .pseudo_experiments import PseudoExperiment
from .workers import LOOK_SECONDS, Prediction, Worker

#: Function from pseudo-experiments to their outcomes, as they come.
Predictor: TypeAlias = Callable[[Sequence[PseudoExperiment]], Iterator[Outcome]]

#: Function of a text.
Tell: TypeAlias = Callable[[str], None]


class SubmissionError(ChallengeError):
    """A submission failed, or a process of it died.

    Arguments:
        reason: what failed.
        advice: where its output is, and how to go on.
    """

    def __init__(self, reason: str, advice: str = ""):
        super().__init__(reason + advice)
        self.reason = reason


class Listener(Protocol):
    """What is told how far the processes are."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def fitted(self, seconds_cpu: float) -> None:
        """A process has fitted the model, in so many seconds of CPU time."""

    def warning(self, text: str) -> None:
        """Codabench would do something else with this submission."""


@contextlib.contextmanager
def predictor(job: Job, workers: Workers, size: int, listener: Listener) -> Iterator[Predictor]:
    """Fit a submission; what predicts with it as long as the block lasts.

    Arguments:
        job: its `Job`, which does not fit.
        workers: number of processes, at most `size` and what the machine carries. With 1 the process that fits
            predicts too, as in the official serial run; with more the model is pickled to each, as in the official
            parallel run. Or what does the tasks as `runtime.tasks.as_completed` takes it: then each thread of its
            workers has such a process.
        size: number of pseudo-experiments.
        listener: what is told of steps and, once each, of warnings.

    Raises:
        SubmissionError: it fails, in the block as well.
        ChallengeError: as `runtime.tasks.as_completed`.
    """
    warn = functools.cache(listener.warning)
    with contextlib.ExitStack() as stack:
        if isinstance(workers, int):
            processes = _start(job, carried(min(workers, size)), listener, warn, stack)
            yield functools.partial(_by_processes, job, processes, warn)
        else:
            _fit(job, True, listener, warn, stack)
            yield functools.partial(_by_executor, job, workers, warn)


def predict_alone(job: Job, experiment: PseudoExperiment, listener: Listener) -> Outcome:
    """Fit and predict one pseudo-experiment in a process; `job` fits and pickles to no file.

    Raises:
        SubmissionError: the submission fails.
    """
    warn = functools.cache(listener.warning)
    with contextlib.closing(Worker(job, cores())) as worker:
        _received(worker, job, warn)
        worker.give(experiment)
        return cast(Outcome, _received(worker, job, warn))


@contextlib.contextmanager
def measuring(job: Job, listener: Listener) -> Iterator[Callable[[dict[str, Any]], bytes]]:
    """Fit a submission; function from test sets to what its `Model.measurement` returns, as long as the block lasts.

    Arguments:
        job, listener: as for `predict_alone`.

    Raises:
        SubmissionError: the submission fails, in the block as well, or has no such method.
    """
    warn = functools.cache(listener.warning)
    with contextlib.closing(Worker(job, cores())) as worker:
        _received(worker, job, warn)

        def measure(test_set: dict[str, Any]) -> bytes:
            worker.ask(test_set)
            return cast(Measured, _received(worker, job, warn)).content

        yield measure


def visible_gpus() -> list[str]:
    """Names of the GPUs that workers are spread over, as CUDA_VISIBLE_DEVICES takes them."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return [name.strip() for name in listed.split(",") if name.strip()]
    # CUDA counts those that are there, whatever their devices are called.
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def _fit(job: Job, pickled: bool, listener: Listener, warn: Tell, stack: contextlib.ExitStack) -> Worker | None:
    """The process that has fitted the model, and pickled it if need be; None if that was done before."""
    assert job.model_file is not None, "the model of a run has a file"
    if job.model_file.exists():
        listener.step("taking the model that this run has fitted before")
        return None
    listener.step("fitting the model")
    worker = Worker(replace(job, fits=True, model_file=job.model_file if pickled else None), cores())
    stack.callback(worker.close)
    listener.fitted(cast(Ready, _received(worker, job, warn)).seconds_cpu)
    return worker


def _start(job: Job, number: int, listener: Listener, warn: Tell, stack: contextlib.ExitStack) -> list[Worker]:
    """Processes that hold the fitted model or are about to unpickle it; `stack` ends them."""
    fitting = _fit(job, number > 1, listener, warn, stack)
    if fitting is not None and number == 1:
        return [fitting]
    gpus: Sequence[str | None] = visible_gpus() or [None]
    threads = max(1, cores() // number)
    workers = []
    for place in range(number):
        workers.append(Worker(replace(job, gpu=gpus[place % len(gpus)]), threads))
        stack.callback(workers[-1].close)
    return workers


def _by_processes(
    job: Job, workers: Sequence[Worker], warn: Tell, experiments: Sequence[PseudoExperiment]
) -> Iterator[Outcome]:
    waiting = list(experiments)[::-1]
    while waiting or any(worker.experiment for worker in workers):
        for worker in workers:
            if worker.idle and waiting:
                worker.give(waiting.pop())
        # One that has nothing left to do may even die.
        busy = {worker.connection: worker for worker in workers if not worker.idle}
        ready = cast(list[Connection], wait(busy, LOOK_SECONDS))
        for connection in ready or [connection for connection, worker in busy.items() if worker.is_dead]:
            message = _received(busy[connection], job, warn)
            if isinstance(message, Outcome):
                yield message


def _by_executor(job: Job, workers: Workers, warn: Tell, experiments: Sequence[PseudoExperiment]) -> Iterator[Outcome]:
    for _, outcome in as_completed([Prediction(job, experiment) for experiment in experiments], workers):
        for text in outcome.warnings:
            warn(text)
        if isinstance(outcome, WorkerError):
            raise _mendable(outcome, job, outcome.experiment)
        yield outcome


def _received(worker: Worker, job: Job, warn: Tell) -> Outcome | Measured | Ready:
    experiment = worker.experiment
    message: Outcome | Measured | Ready | WorkerError
    try:
        message = worker.receive()
    except WorkerError as error:
        message = error
    for text in message.warnings:
        warn(text)
    if isinstance(message, WorkerError):
        raise _mendable(message, job, experiment) from None
    return message


def _mendable(error: WorkerError, job: Job, experiment: PseudoExperiment | None) -> SubmissionError:
    """A `WorkerError` as what a user reads; `experiment` is what the worker was at, None before the first."""
    reason = str(error) if experiment is None else f"{experiment}: {error}"
    if job.log is None:  # a single pseudo-experiment, whose output is on the terminal
        return SubmissionError(reason)
    advice = f"; its output is in {job.log}"
    if experiment is not None:
        advice += f"; add --only {experiment.set_index}:{experiment.index} to run it alone"
    return SubmissionError(reason, advice)
