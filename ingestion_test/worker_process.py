"""The process of a submission: it fits the model or unpickles it, and predicts (docs/protocol.md#submissions)."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import reprlib
import signal
import sys
import time
import traceback
import types
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from runtime.children import end_with_parent
from runtime.errors import ChallengeError, shortage
from runtime.files import replaced
from runtime.streams import secure_streams

from . import chained_assignment, fits
from .callables import TrainSet, taken_warnings, warn, warn_of_threads
from .event_frames import TestSets, open_test_sets
from .jobs import Job, Measured, Outcome, Ready, WorkerError
from .official.systematics import systematics
from .pseudo_experiments import PseudoExperiment
from .result_files import ESTIMATE_LIMIT, is_finite
from .schema import PREDICTION_KEYS
from .submissions import hides_a_module, load_model, set_path
from .surroundings import Surroundings, forgive_warnings

#: State of numpy's global stream when a model is made.
_FIT_SEED = 31415

#: Key under which the official program notes in a prediction which one it is.
_INDEX = "test_set_index"


def main(connection: Connection, job: Job) -> None:
    """Body of a worker process."""
    try:
        _enter_own_group()
        secure_streams()
        if job.log is not None:
            _redirect_output(job.log)
        else:  # what is printed is there even if the process is ended
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        forgive_warnings()
        chained_assignment.watch()
        start = _cpu_seconds()
        model = _fitted_model(job) if job.fits else _unpickled_model(job)
        connection.send(Ready(taken_warnings(), _cpu_seconds() - start))
        if job.fits and job.model_file is not None:
            return
        test_sets = None if job.test_events is None else open_test_sets(job.test_events)
        earlier = Predictions()
        while True:
            request = connection.recv()
            if isinstance(request, PseudoExperiment):
                assert test_sets is not None, "pseudo-experiments are made of test events"
                connection.send(_predict(model, test_sets, job, request, earlier))
            else:
                connection.send(_measured(model, request))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the parent is gone, or wants us to be
    except Exception as error:
        with contextlib.suppress(OSError):  # the log is on the disk that is full
            traceback.print_exc()
        answer = WorkerError(_reason(error))
        answer.warnings = taken_warnings()
        connection.send(answer)


def _enter_own_group() -> None:
    """Form a process group, which ends with the parent, and which the terminal lets print as if in its foreground."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked until here by `workers`
    end_with_parent(lambda: os.killpg(0, signal.SIGKILL))
    for number in (signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)


def _reason(error: Exception) -> str:
    if isinstance(error, (ChallengeError, WorkerError)):
        return str(error)
    return shortage(error) or f"{type(error).__name__}: {error}"


def _redirect_output(log: Path) -> None:
    """Send all that this process prints, native libraries included, to the end of the file `log`."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
        # As in the image, whatever the user's encoding is; a TextIO to mypy, which need not have it.
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def _fitted_model(job: Job) -> Any:
    # In the official program the process that fits is the main one, which may still choose how it starts others.
    multiprocessing.set_start_method(None, force=True)
    # Nor has that one seeded numpy's stream, which any seed stands for; with a fixed one a run can be repeated.
    np.random.seed(_FIT_SEED)
    fits.announce(job)
    _pose_as_the_official_program(job)
    set_path(job.submission)
    if hides_a_module(job.submission):
        warn(
            "the submission has a module ingestion_test: here it finds this program's, on Codabench its own; rename it"
        )
    before = Surroundings.of_this_process()
    with _blame("import of model.py"):
        make_model = load_model(job.submission)
    train_set = TrainSet(job.data)
    with _blame("Model()"):
        model = make_model(get_train_set=train_set, systematics=systematics)
    with _blame("Model.fit"):
        model.fit()
    train_set.is_fitting = False
    fits.record(job, model)
    if job.model_file is not None:
        warn_of_threads("fit")
        with replaced(job.model_file, "wb") as file:
            file.write(pickle.dumps(before.changes()) + _pickled(model))
    return model


def _pose_as_the_official_program(job: Job) -> None:
    """Give this process the command line of the official script, and a main module with what that one has read of it.

    The main module has no file: whatever the submission starts has nothing to import again. The process that fits is
    the main one there, with no parent, and alone has read its flags.
    """
    from .run_ingestion import parser  # which imports this module

    main_module = types.ModuleType("__main__")
    main_module.__dict__["parser"] = parser
    if job.fits:
        multiprocessing.current_process().name = "MainProcess"
        multiprocessing.process._parent_process = None  # type: ignore[attr-defined]
        main_module.__dict__["args"] = parser.parse_args(job.command)
    sys.modules["__main__"] = main_module
    sys.argv = ["run_ingestion.py", *job.command]


def _pickled(model: Any) -> bytes:
    try:
        return pickle.dumps(model)
    except Exception as error:
        raise WorkerError(
            f"the fitted model cannot be pickled ({type(error).__name__}: {error}), as parallel runs on Codabench do: "
            "keep open files, device handles and lambdas out of its attributes, or use --workers 1"
        ) from error


def _unpickled_model(job: Job) -> Any:
    _pose_as_the_official_program(job)
    set_path(job.submission)
    assert job.model_file is not None, "the process that fits has pickled the model"
    with open(job.model_file, "rb") as file:  # written by this run's own fitting process
        pickle.load(file).repeat()
        if job.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = job.gpu
        load_model(job.submission)
        with _blame("unpickling the fitted model"):
            return pickle.load(file)


def _predict(model: Any, test_sets: TestSets, job: Job, experiment: PseudoExperiment, earlier: Predictions) -> Outcome:
    start, cpu_start = time.perf_counter(), _cpu_seconds()
    with _blame_for_changes():
        test_set = test_sets(experiment, job.systematics)
    middle, cpu_middle = time.perf_counter(), _cpu_seconds()
    with _blame("Model.predict"):
        prediction = model.predict(test_set)
    seconds, end = time.perf_counter() - middle, _cpu_seconds()
    earlier.add(prediction)
    checked, further = checked_prediction(prediction, experiment.index), further_numbers(prediction)
    if not job.fits:
        _check_that_it_can_be_sent(prediction)
    warn_of_threads("predict")
    cpu = {"cpu_predict": end - cpu_middle, "seconds_cpu": end - cpu_start}
    return Outcome(experiment, checked, middle - start, seconds, further, taken_warnings(), **cpu)


@contextlib.contextmanager
def _blame_for_changes() -> Iterator[None]:
    """Name what a submission may have done where the events of a pseudo-experiment, which only it meets, fail."""
    try:
        yield
    except Exception as error:
        if shortage(error) or isinstance(error, (ChallengeError, OSError)):
            raise
        raise WorkerError(
            f"the test set cannot be made ({type(error).__name__}: {error}): the submission has changed how numpy, "
            "pandas or Python work (numpy.seterr, options, replaced functions), on which Codabench relies, too"
        ) from error


def _cpu_seconds() -> float:
    """CPU time of this process, of all its threads, and of the processes that it has started and that have ended."""
    return sum(os.times()[:4])


class Predictions:
    """What `predict` has returned: an object that comes again overwrites, on Codabench, what it held before."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}

    def add(self, prediction: Any) -> None:
        """Keep a prediction, and warn if it was there before."""
        if id(prediction) in self._objects:
            warn(
                "Model.predict returns the same object again: on Codabench, where it is kept until a set is written, "
                "earlier results become those of the last call; return a new dict each time"
            )
        self._objects[id(prediction)] = prediction


def _measured(model: Any, test_set: dict[str, Any]) -> Measured:
    if not hasattr(model, "measurement"):
        raise WorkerError("the submission's Model has no method measurement (docs/explain.md#other-submissions)")
    with _blame("Model.measurement"):
        content = model.measurement(test_set)
    if not isinstance(content, bytes):
        raise WorkerError(f"Model.measurement returned {type(content).__name__}, not bytes")
    return Measured(content, taken_warnings())


@contextlib.contextmanager
def _blame(call: str) -> Iterator[None]:
    """Turn what the submission raises into a `WorkerError` that names the call; the traceback goes to the log."""
    try:
        yield
    except (ChallengeError, WorkerError):
        raise
    except SystemExit as error:
        raise WorkerError(
            f"{call} called sys.exit({'' if error.code is None else error.code}): on Codabench the program ends there, "
            f"with exit code {error.code if isinstance(error.code, int) else int(error.code is not None)} and without "
            "results; return from the function, or raise an exception"
        ) from error
    except BaseException as error:
        text = "a text that cannot be shown"
        with contextlib.suppress(Exception):
            text = str(error)
        raise WorkerError(f"{call} raised {type(error).__name__}: {text}{_hint(text)}") from error


def _hint(text: str) -> str:
    """What to know of an error that the image's pandas does not raise."""
    if "read-only" not in text or int(pd.__version__.split(".")[0]) < 3:
        return ""
    return (
        f" (arrays of a frame cannot be written to in the pandas {pd.__version__} here, but in the image's pandas 2: "
        "write to a copy, or try the image's versions with `make score IMAGE=1`)"
    )


def checked_prediction(prediction: Any, index: int = 0) -> dict[str, float]:
    """The four numbers of a prediction, as the official program can write and score them.

    Arguments:
        prediction: what `predict` has returned: a dict, or what can be written to and read from as one.
        index: number of the pseudo-experiment, which the official program writes into it.

    Raises:
        WorkerError: not a dict, a key is missing, or a value is no number that JSON can hold and that can be scored.
    """
    try:
        prediction[_INDEX] = index
    except Exception:
        raise WorkerError(f"Model.predict returned {type(prediction).__name__}, not a dict") from None
    numbers = {}
    for key in PREDICTION_KEYS:
        try:
            value = numbers[key] = prediction[key]
        except Exception:
            wanted = ", ".join(PREDICTION_KEYS)
            raise WorkerError(f'Model.predict returned no "{key}"; it must return {wanted}') from None
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise WorkerError(
                f'Model.predict returned "{key}" as {type(value).__name__}, which Codabench cannot write as JSON or '
                "score; return a plain number: float(...)"
            )
        if not is_finite(value):
            raise WorkerError(
                f'Model.predict returned {reprlib.repr(value)} as "{key}"; scores need finite numbers below '
                f"{ESTIMATE_LIMIT:g}"
            )
    return {key: _plain(value) for key, value in numbers.items()}


def _plain(number: float) -> float:
    """Without numpy's type; whole numbers stay such, as in the official files."""
    return int(number) if isinstance(number, int) else float(number)


def further_numbers(prediction: Any) -> dict[str, float]:
    """The finite numbers of a prediction beyond the challenge's four; the official program takes no notice of them."""
    if not isinstance(prediction, (Mapping, pd.Series)):
        return {}
    return {
        key: float(value)
        for key, value in prediction.items()
        if isinstance(key, str) and key not in (*PREDICTION_KEYS, _INDEX) and is_finite(value)
    }


def _check_that_it_can_be_sent(prediction: Any) -> None:
    try:
        pickle.dumps(prediction)
    except Exception as error:
        raise WorkerError(
            f"what Model.predict returned cannot be pickled ({type(error).__name__}: {error}), as parallel runs on "
            "Codabench do: return plain numbers alone"
        ) from error
