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
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd

from runtime.children import end_with_parent
from runtime.errors import ChallengeError, shortage
from runtime.files import replaced

from .jobs import Job, Outcome, WorkerError
from .pseudo_experiments import PseudoExperiment, experiment_test_set
from .result_files import ESTIMATE_LIMIT, is_finite
from .schema import PREDICTION_KEYS
from .sources import OfficialFolder, TestEvents, open_test_events
from .submissions import load_model_class
from .systematics import systematics


class TrainSet:
    """The callable `get_train_set` that a model is given; it can be pickled with the model."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, train_size: Any = None, selected_indices: Any = None) -> pd.DataFrame:
        """The training events, as `OfficialFolder.train_set`."""
        return OfficialFolder(self.folder).train_set(train_size, selected_indices)


def main(connection: Connection, job: Job) -> None:
    """Body of a worker process."""
    try:
        _enter_own_group()
        if job.log is not None:
            _redirect_output(job.log)
        if job.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = job.gpu
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
        connection.send(WorkerError(_reason(error)))


def _enter_own_group() -> None:
    """Form a process group, which ends with the parent, and which the terminal lets print as if in its foreground."""
    os.setpgid(0, 0)
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
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIO to mypy, which need not have it


def _fitted_model(job: Job) -> Any:
    # In the official program the process that fits is the main one, which may still choose how it starts others.
    multiprocessing.set_start_method(None, force=True)
    model_class = load_model_class(job.submission)
    with _blame("Model()"):
        model = model_class(get_train_set=TrainSet(job.data), systematics=systematics)
    with _blame("Model.fit"):
        model.fit()
    if job.model_file is not None:
        with replaced(job.model_file, "wb") as file:
            file.write(_pickled(model))
    return model


def _pickled(model: Any) -> bytes:
    try:
        return pickle.dumps(model)
    except Exception as error:
        raise WorkerError(
            f"the fitted model cannot be pickled ({type(error).__name__}: {error}), as parallel runs on Codabench do: "
            "keep open files, device handles and lambdas out of its attributes, or use --workers 1"
        ) from error


def _unpickled_model(job: Job) -> Any:
    load_model_class(job.submission)
    assert job.model_file is not None, "the process that fits has pickled the model"
    with _blame("unpickling the fitted model"), open(job.model_file, "rb") as file:
        return pickle.load(file)  # written by this run's own fitting process


def _predict(model: Any, test_events: TestEvents, job: Job, experiment: PseudoExperiment) -> Outcome:
    start = time.perf_counter()
    test_set = experiment_test_set(test_events, experiment, job.systematics)
    middle = time.perf_counter()
    with _blame("Model.predict"):
        prediction = model.predict(test_set)
    return Outcome(experiment, checked_prediction(prediction), middle - start, time.perf_counter() - middle)


@contextlib.contextmanager
def _blame(call: str) -> Iterator[None]:
    """Turn what the submission raises into a `WorkerError` that names the call; the traceback goes to the log."""
    try:
        yield
    except Exception as error:
        raise WorkerError(f"{call} raised {type(error).__name__}: {error}") from error


def checked_prediction(prediction: Any) -> dict[str, float]:
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
            raise WorkerError(
                f'Model.predict returned {reprlib.repr(value)} as "{key}"; scores need finite numbers below '
                f"{ESTIMATE_LIMIT:g}"
            )
    return {key: float(prediction[key]) for key in PREDICTION_KEYS}
