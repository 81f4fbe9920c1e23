"""Calls that take turns, so that other load on the machine hits all alike."""

import time

import numpy as np


def side_by_side(calls, rounds, clock=time.process_time):
    """Seconds of calls that take turns.

    Arguments:
        calls: dict from a name to a function of the round's number and the number of data sets that one call treats.
        rounds: turns that count; one before them warms caches up.
        clock: what counts, CPU seconds or those of the wall.

    Returns:
        (seconds, results): dicts from each name to an array (rounds,), per data set, and to what was returned, a list.
    """
    seconds, results = ({name: [] for name in calls} for _ in range(2))
    for number in range(-1, rounds):
        for name, (call, count) in calls.items():
            start = clock()
            result = call(max(number, 0))
            if number >= 0:
                seconds[name].append((clock() - start) / count)
                results[name].append(result)
    return {name: np.array(values) for name, values in seconds.items()}, results


def table(seconds, first, unit="CPU ms"):
    """Medians in milliseconds, and their ratios to those of `first` with the range over the rounds, as text."""
    lines = [f"{'':28} {unit:>10}   ratio (range over the rounds)"]
    for name, values in seconds.items():
        ratio = values / seconds[first]
        spread = f"{np.median(ratio):7.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
        lines.append(f"{name:28} {1e3 * np.median(values):10.3f}   {spread}")
    return "\n".join(lines)
