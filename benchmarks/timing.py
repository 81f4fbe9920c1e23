"""Calls that take turns, so that other load on the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from runtime.tables import Table
from submission.arrays import FloatArray

#: A function of the round's number, and the number of data sets that one call treats.
Call = tuple[Callable[[int], Any], int]


def side_by_side(
    calls: Mapping[str, Call], rounds: int, clock: Callable[[], float] = time.process_time
) -> tuple[dict[str, FloatArray], dict[str, list[Any]]]:
    """Seconds of calls that take turns.

    Arguments:
        calls: by their names.
        rounds: turns that count; one before them warms caches up.
        clock: what counts, CPU seconds or those of the wall.

    Returns:
        (seconds, results): dicts from each name to an array (rounds,), per data set, and to what was returned, a list.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    results: dict[str, list[Any]] = {name: [] for name in calls}
    for number in range(-1, rounds):
        for name, (call, count) in calls.items():
            start = clock()
            result = call(max(number, 0))
            if number >= 0:
                seconds[name].append((clock() - start) / count)
                results[name].append(result)
    return {name: np.array(values) for name, values in seconds.items()}, results


def spread(values: FloatArray, digits: int = 2) -> str:
    """Median and range of the rounds, array (rounds,), as text.

    >>> spread(np.array([1.0, 1.5, 1.1]))
    '1.10 (1.00 to 1.50)'
    """
    median, least, most = (f"{number:.{digits}f}" for number in (np.median(values), np.min(values), np.max(values)))
    return f"{median} ({least} to {most})"


def ratios(seconds: Mapping[str, FloatArray], first: str, unit: str = "CPU ms") -> Table:
    """Medians in milliseconds, and their ratios to those of `first` with the range over the rounds."""
    rows = [
        (name, f"{1e3 * np.median(values):.3f}", spread(values / seconds[first])) for name, values in seconds.items()
    ]
    return Table(("", unit, "ratio (range over the rounds)"), rows)
