"""Processes that hold a model: one fits it, one or many predict with it (docs/protocol.md#submissions)."""

import contextlib
import multiprocessing
import multiprocessing.util
import os
import pickle
import reprlib
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from runtime.children import THREAD_VARIABLES, end_with_parent, environment
from runtime.errors import ChallengeError, shortage
from runtime.files import replaced

from .pseudo_experiments import PseudoExperiment, experiment_test_set
from .result_files import ESTIMATE_LIMIT, is_finite
from .schema import PREDICTION_KEYS
from .sources import OfficialFolder, open_test_events
from .submissions import load_model_class
from .systematics import systematics

#: Seconds after which a worker that says nothing is looked at.
LOOK_SECONDS = 1

_context = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Job:
    """What a worker process needs to know.

    Arguments:
        submission: folder with `model.py`.
        data: folder with the official data file, for `get_train_set`.
        test_events: folder that `OfficialFolder.test_events` has filled.
        systematics: names of the nuisance parameters that are drawn.
        model_file: file that the fitted model is pickled to by the process that fits, and unpickled from by the
            others; None if the process that fits also predicts.
        fits: whether this process fits the model.
        log: file that takes what the submission prints; None: the terminal.
        gpu: what CUDA_VISIBLE_DEVICES is set to, None to leave it.
        run: text that no other call of `ingestion.run` has, so that a cluster's worker never keeps another's process.
    """

    submission: Path
    data: Path
    test_events: Path
    systematics: tuple[str, ...]
    model_file: Path | None
    fits: bool
    log: Path | None
    gpu: str | None = None
    run: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a pseudo-experiment: the prediction, and the seconds for its events and for `predict`."""

    experiment: PseudoExperiment
    prediction: dict[str, float]
    seconds_events: float
    seconds_predict: float


class WorkerError(Exception):
    """A worker could not do its work; the message says what, the submission's log says where.

    Attributes:
        experiment: the `PseudoExperiment` that a cluster's worker was at.
    """

    experiment: PseudoExperiment | None = None


class TrainSet:
    """The callable `get_train_set` that a model is given; it can be pickled with the model."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, train_size=None, selected_indices=None):
        """The training events, as `OfficialFolder.train_set`."""
        return OfficialFolder(self.folder).train_set(train_size, selected_indices)


class Worker:
    """A process that runs `Job`, seen from the process that started it.

    As in the official program it may start others: with them it is a process group, which ends as a whole.

    Arguments:
        job: its `Job`.
        threads: number of threads for numerical libraries, unless the environment says one.
    """

    def __init__(self, job, threads):
        self.connection, theirs = _context.Pipe()
        self.process = _context.Process(target=_main, args=(theirs, job))
        with environment(dict.fromkeys(THREAD_VARIABLES, str(threads)), keep=True):
            self.process.start()
        theirs.close()
        self.experiment = None
        self.idle = False
        #: Function that ends it; called at the end of this process too, which would wait for it.
        self.close = multiprocessing.util.Finalize(self, _end, (self.connection, self.process), exitpriority=0)

    def give(self, experiment):
        """Hand the worker its next `PseudoExperiment`."""
        self.experiment, self.idle = experiment, False
        with contextlib.suppress(ConnectionError):  # a dead worker is noticed at `receive`
            self.connection.send(experiment)

    def receive(self):
        """The worker's next message: None ("ready") or an `Outcome`.

        Raises:
            WorkerError: the submission failed, or the process died.
        """
        try:
            while not self.connection.poll(LOOK_SECONDS):
                if self.is_dead and not self.connection.poll():
                    raise EOFError
            message = self.connection.recv()
        except (EOFError, OSError):  # an OSError where it died in the middle of a message
            self.process.join()
            raise WorkerError(_death(self.process.exitcode)) from None
        if isinstance(message, WorkerError):
            raise message
        self.experiment, self.idle = None, True
        return message

    @property
    def is_dead(self):
        """Whether the process has ended; the connection tells if no process that it has started holds the other end."""
        return self.process.exitcode is not None


def _end(connection, process):
    """End a worker's process and those that it has started, whatever they are doing."""
    connection.close()
    with contextlib.suppress(OSError):  # no group: at its very beginning, or all over
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


@dataclass(frozen=True)
class Prediction:
    """A task of a cluster's worker: one pseudo-experiment, by a process that the worker keeps for the next one.

    Arguments:
        job: a `Job` whose model is fitted.
        experiment: the `PseudoExperiment`.

    Returns:
        `Outcome`, or the `WorkerError` of what went wrong, with `experiment`.
    """

    job: Job
    experiment: PseudoExperiment

    def __call__(self):
        """The `Outcome`, or the `WorkerError` that says why there is none."""
        try:
            worker = _kept_worker(self.job)
            worker.give(self.experiment)
            return worker.receive()
        except WorkerError as error:
            _drop_worker()
            error.experiment = self.experiment
            return error


#: The process of each thread of a cluster's worker, and its `Job`.
_kept = threading.local()


def _kept_worker(job):
    if getattr(_kept, "job", None) != job:
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
    return _kept.worker


def _drop_worker():
    worker = getattr(_kept, "worker", None)
    _kept.worker = _kept.job = None
    if worker is not None:
        worker.close()


def _death(exitcode):
    if exitcode is not None and exitcode < 0:
        hint = ", as the system does when memory runs out (fewer --workers need less)" if exitcode == -9 else ""
        return f"the worker process was killed by signal {-exitcode}{hint}"
    return f"the worker process ended unexpectedly with exit code {exitcode}"


def _main(connection, job):
    """Body of a worker process."""
    os.setpgid(0, 0)
    end_with_parent(lambda: os.killpg(0, signal.SIGKILL))
    if job.log is not None:
        _redirect_output(job.log)
    if job.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = job.gpu
    try:
        model = _fitted_model(job) if job.fits else _unpickled_model(job)
        connection.send(None)
        if job.fits and job.model_file is not None:
            return
        test_events = open_test_events(job.test_events)
        while True:
            connection.send(_predict(model, test_events, job, connection.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the parent is gone, or wants us to be
    except Exception as error:
        with contextlib.suppress(OSError):  # the log is on the disk that is full
            traceback.print_exc()
        own = isinstance(error, (ChallengeError, WorkerError))
        connection.send(WorkerError(str(error) if own else shortage(error) or f"{type(error).__name__}: {error}"))


def _redirect_output(log):
    """Send all that this process prints, native libraries included, to the end of the file `log`."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _fitted_model(job):
    model_class = load_model_class(job.submission)
    with _blame("Model()"):
        model = model_class(get_train_set=TrainSet(job.data), systematics=systematics)
    with _blame("Model.fit"):
        model.fit()
    if job.model_file is not None:
        with replaced(job.model_file, "wb") as file:
            file.write(_pickled(model))
    return model


def _pickled(model):
    try:
        return pickle.dumps(model)
    except Exception as error:
        raise WorkerError(
            f"the fitted model cannot be pickled ({type(error).__name__}: {error}), as parallel runs on Codabench do: "
            "keep open files, device handles and lambdas out of its attributes, or use --workers 1"
        ) from error


def _unpickled_model(job):
    load_model_class(job.submission)
    with _blame("unpickling the fitted model"), open(job.model_file, "rb") as file:
        return pickle.load(file)  # written by this run's own fitting process


def _predict(model, test_events, job, experiment):
    start = time.perf_counter()
    test_set = experiment_test_set(test_events, experiment, job.systematics)
    made = time.perf_counter()
    with _blame("Model.predict"):
        prediction = model.predict(test_set)
    return Outcome(experiment, checked_prediction(prediction), made - start, time.perf_counter() - made)


@contextlib.contextmanager
def _blame(what):
    """Turn what the submission raises into a `WorkerError` that names the call; the traceback goes to the log."""
    try:
        yield
    except Exception as error:
        raise WorkerError(f"{what} raised {type(error).__name__}: {error}") from error


def checked_prediction(prediction):
    """The four numbers of a prediction, as the official program can write and score them.

    Raises:
        WorkerError: not a dict, a key is missing, or a value is no number that JSON can hold and that can be scored.
    """
    if not isinstance(prediction, dict):
        raise WorkerError(f"Model.predict returned {type(prediction).__name__}, not a dict")
    for key in PREDICTION_KEYS:
        if key not in prediction:
            raise WorkerError(f'Model.predict returned no "{key}"; it must return {", ".join(PREDICTION_KEYS)}')
        value = prediction[key]
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise WorkerError(
                f'Model.predict returned "{key}" as {type(value).__name__}, which Codabench cannot write as JSON; '
                "return a plain number: float(...)"
            )
        if not is_finite(value):
            said = reprlib.repr(value)
            raise WorkerError(
                f'Model.predict returned {said} as "{key}"; scores need finite numbers below {ESTIMATE_LIMIT:g}'
            )
    return {key: float(prediction[key]) for key in PREDICTION_KEYS}
