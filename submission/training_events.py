"""The challenge's training events, as the official `get_train_set` gives them: which rows, checked, as arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .arrays import BoolArray, Columns, FloatArray, IntArray
from .features import PRIMARIES
from .templates import PROCESSES

#: Their number is found by asking for one row of so many: the official callable does not tell it.
_ONE_OF = 100

#: What no momentum or weight reaches.
_LARGEST = 1e9

#: Column by which the events are found again that `systematics` leaves.
_ROW = "row"


class EventsError(ValueError):
    """There are no usable training events; the message says what is wrong with them."""


@dataclass(frozen=True)
class Events:
    """Training events.

    Arguments:
        primaries: float32 array (events, 16), columns as `features.PRIMARIES`.
        weights: float64 array (events,); they sum to the expected number of events.
        process: int array (events,), place in `templates.PROCESSES`.
    """

    primaries: FloatArray
    weights: FloatArray
    process: IntArray

    def __len__(self) -> int:
        return len(self.weights)

    def part(self, rows: slice | BoolArray) -> "Events":
        """Some of the events."""
        return Events(self.primaries[rows], self.weights[rows], self.process[rows])

    @classmethod
    def of(cls, frame: Any) -> "Events":
        """The events of what `get_train_set` returned.

        Raises:
            EventsError: it is no DataFrame, a column is missing, a number is not finite, a weight is negative or all
                are 0, or a process is unknown.
        """
        _require_frame(frame)
        missing = [name for name in (*PRIMARIES, "weights", "detailed_labels") if name not in frame]
        if missing:
            raise EventsError(f"the training events lack the columns {', '.join(missing)}")
        primaries = np.empty((len(frame), len(PRIMARIES)), dtype=np.float32)
        for place, name in enumerate(PRIMARIES):
            primaries[:, place] = _numbers(frame, name)
        weights = _numbers(frame, "weights").astype(np.float64)
        if not (np.abs(primaries) < _LARGEST).all() or not (np.abs(weights) < _LARGEST).all():
            raise EventsError("a training event has a number that is not finite or too large")
        if (weights < 0).any() or not weights.sum() > 0:
            raise EventsError("the training events have negative weights, or none but 0")
        process = pd.Index(PROCESSES).get_indexer(frame["detailed_labels"])
        if (process < 0).any():
            raise EventsError(f"a training event is of another process than {', '.join(PROCESSES)}")
        return cls(primaries, weights, process.astype(np.int8))


@dataclass(frozen=True)
class TrainingRows:
    """The rows that `get_train_set` knows, in `stride` disjoint parts that are spread over all of them.

    Arguments:
        get_train_set: the official callable.
        total: number of rows.
        stride: number of parts; part k has the rows k, k + stride, k + 2 stride ...
    """

    get_train_set: Callable[..., Any]
    total: int
    stride: int

    @classmethod
    def of(cls, get_train_set: Callable[..., Any], rows: int) -> "TrainingRows":
        """Those of `get_train_set`, in parts of at most `rows` rows.

        Raises:
            EventsError: `get_train_set` fails.
        """
        # The callable rounds down, so that no row is counted that is not there.
        total = _ONE_OF * len(_called(get_train_set, train_size=1 / _ONE_OF))
        return cls(get_train_set, total, max(1, -(-total // rows)))

    def parts(self, *numbers: int) -> Events:
        """The events of some parts.

        Raises:
            EventsError: `get_train_set` fails, or as `Events.of`.
        """
        rows = np.sort(np.concatenate([np.arange(number, self.total, self.stride) for number in numbers]))
        return Events.of(_called(self.get_train_set, selected_indices=rows))


def _numbers(frame: pd.DataFrame, name: str) -> FloatArray:
    values: FloatArray = frame[name].to_numpy()
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise EventsError(f"{name} of the training events is no column of numbers")
    return values


def _called(get_train_set: Callable[..., Any], **arguments: Any) -> Any:
    try:
        frame = get_train_set(**arguments)
    except Exception as error:  # whatever it may be: it is not ours
        raise EventsError(f"get_train_set raised {type(error).__name__}: {error}") from error
    _require_frame(frame)
    return frame


def _require_frame(frame: object) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise EventsError(f"get_train_set returned {type(frame).__name__}, not a DataFrame")


def shifted(systematics: Callable[..., Any], events: Events, point: FloatArray, seed: int) -> tuple[Columns, IntArray]:
    """Events as the detector shows them with other nuisance parameters.

    Arguments:
        systematics: the official callable.
        events: `Events`.
        point: array (3,): tes, jes and soft_met (GeV).
        seed: of the soft MET noise; the same seed gives each event the same noise, in units of soft_met.

    Returns:
        the features of the events that are left, by name, and their rows in `events`.

    Raises:
        EventsError: `systematics` fails, or gives something else.
    """
    frame = pd.DataFrame(events.primaries, columns=list(PRIMARIES))
    frame[_ROW] = np.arange(len(frame))
    tes, jes, soft_met = map(float, point)
    try:
        result = systematics(frame, tes=tes, jes=jes, soft_met=soft_met, seed=seed)
        rows = result[_ROW].to_numpy(dtype=np.int64)
    except Exception as error:  # whatever it may be: it is not ours
        raise EventsError(f"systematics raised {type(error).__name__}: {error}") from error
    return result, rows
