"""What the command lines share: types of their arguments, and the flags that say who does the work."""

from __future__ import annotations

import argparse

from .machine import cores
from .processes import MAX_PROCESSES

#: A week.
MAX_MINUTES = 7 * 24 * 60

#: The largest seed that numpy's RandomState takes.
MAX_SEED = 2**32 - 1


def add_workers_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --workers and --scheduler, of which one is `workers` as `tasks.as_completed` takes it."""
    add = parser.add_mutually_exclusive_group().add_argument
    default = str(cores())  # a text, which argparse tells from the same number given with --scheduler
    add("--workers", type=processes, default=default, metavar="N", help="processes (default: one per core)")
    add(
        "--scheduler",
        dest="workers",
        metavar="ADDRESS",
        help="dask scheduler, or mpi, whose workers do the work instead",
    )


def count(text: str) -> int:
    """An argparse type: a whole number of at least 1."""
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def processes(text: str) -> int:
    """An argparse type: a number of processes of this machine."""
    number = count(text)
    if number > MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f"{text} is more than {MAX_PROCESSES} processes")
    return number


def seed(text: str) -> int:
    """An argparse type: a seed that numpy's RandomState takes."""
    number = _whole(text)
    if not 0 <= number <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_SEED}")
    return number


def minutes(text: str) -> float:
    """An argparse type: a number of minutes, which may be 0."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= number <= MAX_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_MINUTES}")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
