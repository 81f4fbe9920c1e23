"""What a model is given to call, and the warnings about what it does that Codabench would take otherwise."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .sources import OfficialFolder

#: Texts of this process in the order in which they came, and how many of them were taken by `taken_warnings`.
_warnings: list[str] = []
_taken = 0


def warn(text: str) -> None:
    """Have whoever started the submission read, once, what Codabench would do."""
    if text not in _warnings:
        _warnings.append(text)


def taken_warnings() -> tuple[str, ...]:
    """The warnings that have come since the last call."""
    global _taken
    new, _taken = tuple(_warnings[_taken:]), len(_warnings)
    return new


def warn_of_threads(call: str) -> None:
    """Warn of what still runs after a call and would keep Python from ending; daemons and executors would not."""
    for thread in threading.enumerate():
        of_executor = getattr(getattr(thread, "_target", None), "__module__", type(thread).__module__)
        if thread is threading.main_thread() or thread.daemon or of_executor.startswith("concurrent."):
            continue
        warn(
            f"the thread {thread.name} still runs after {call}: on Codabench the program ends only when it does, and a "
            "run that takes too long has no results; let it end, or start it as a daemon"
        )


class TrainSet:
    """The callable `get_train_set` that a model is given (docs/protocol.md#train-set).

    As the official one it takes keywords only, cannot be pickled while the model is fitted, and is of no use where it
    was unpickled, in the processes of a parallel run.

    Arguments:
        folder: folder in the official format.

    Attributes:
        is_fitting: whether the model is still to be fitted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Path | None = folder
        self.is_fitting = True

    def __call__(self, *, train_size: Any = None, selected_indices: Any = None) -> pd.DataFrame:
        """The training events, as `OfficialFolder.train_set`."""
        if self._folder is None:
            raise AttributeError(
                "get_train_set is not there in the processes that predict in parallel, on Codabench as here: call it "
                "in fit"
            )
        if not self.is_fitting:
            warn("predict calls get_train_set: on Codabench, where several processes predict, it is an AttributeError")
        source = OfficialFolder(self._folder)
        if selected_indices is not None:
            _warn_of_rows(selected_indices, source.train_rows)
        return source.train_set(train_size=train_size, selected_indices=selected_indices)

    def __getstate__(self) -> dict[str, Any]:
        if self.is_fitting:
            raise TypeError(
                "get_train_set cannot be pickled or copied while the model is fitted, on Codabench as here, as it "
                "holds an open file: do not send the model to other processes in fit"
            )
        return {"_folder": None, "is_fitting": False}


def _warn_of_rows(selected_indices: Any, train_rows: int) -> None:
    indices = np.asarray(selected_indices)
    if indices.dtype.kind not in "iufb":
        return
    if indices.dtype.kind in "fb":
        warn(f"selected_indices are of type {indices.dtype}: Codabench takes them for whole numbers, too")
    outside = np.count_nonzero((indices < 0) | (indices >= train_rows))
    if outside:
        warn(
            f"{outside} of {indices.size} selected_indices are not in 0 ... {train_rows - 1}: Codabench, too, leaves "
            "out those beyond the last training row, and takes negative ones from the test rows"
        )
