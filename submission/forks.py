"""Independent tasks, done side by side by copies of this process (`fork`), which share its memory.

Copies need neither pickled tasks nor shared-memory files, and what they were given outlives whoever made it. Where they
cannot be made, this process does the tasks one after the other.
"""

import contextlib
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch

Result = TypeVar("Result")

#: Copies at the most: each has some 100 MB of its own.
_MOST_COPIES = 32

#: Seconds that results are waited for before the clock is looked at.
_LOOK = 5.0

#: Seconds after the end of the time at which a copy that is still at a task is given up.
_GRACE = 30.0


class CopiesDied(RuntimeError):
    """All copies of this process have died, as they do when memory runs out."""


@dataclass(frozen=True)
class _Failure:
    """What a task raised."""

    error: Exception


def cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_completed(
    tasks: Sequence[Callable[[], Result]], copies: int, until: float = float("inf")
) -> Iterator[tuple[int, Result]]:
    """Results of tasks as they come, each done by one thread.

    Arguments:
        tasks: functions without arguments; the results can be pickled.
        copies: of this process, which do them; fewer than two, or where the system refuses: none.
        until: time (`time.monotonic`) from which no task is begun; the results that are missing then do not come.

    Returns:
        iterator over pairs: place in `tasks`, and result. A task of a copy that dies is done again by another one.

    Raises:
        CopiesDied: there is none left.
        Exception: what a task raises.
    """
    team: dict[Connection, Any] = {}
    try:
        # Python 3.12 and later warn of threads at a fork; those of torch and pyarrow are idle here.
        with warnings.catch_warnings(), contextlib.suppress(OSError, AssertionError):
            warnings.simplefilter("ignore", DeprecationWarning)
            for _ in range(min(copies, len(tasks), _MOST_COPIES) if sys.platform == "linux" else 0):
                _add_copy(team, tasks)
        yield from _by_copies(team, len(tasks), until) if len(team) > 1 else _here(tasks, until)
    finally:
        for connection, process in team.items():
            connection.close()
            process.kill()
            process.join()


def _add_copy(team: dict[Connection, Any], tasks: Sequence[Callable[[], Any]]) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    # A copy holds the ends of those before it; with these open they would not see that this process is gone.
    process = context.Process(target=_serve, args=(tasks, theirs, [ours, *team]), daemon=True)
    process.start()
    theirs.close()
    team[ours] = process


def _serve(tasks: Sequence[Callable[[], Any]], connection: Connection, others: Sequence[Connection]) -> None:
    """Body of a copy."""
    for other in others:
        other.close()
    torch.set_num_threads(1)  # the pool of threads is not copied
    with contextlib.suppress(EOFError, OSError):  # this process's end, or that of the one that asked
        while True:
            number = connection.recv()
            try:
                connection.send(tasks[number]())
            except Exception as error:
                connection.send(_Failure(RuntimeError(f"{type(error).__name__}: {error}")))


def _by_copies(team: dict[Connection, Any], tasks: int, until: float) -> Iterator[tuple[int, Any]]:
    waiting, busy = list(range(tasks))[::-1], dict[Connection, int]()
    alive = list(team)
    while True:
        for connection in alive:
            if connection not in busy and waiting and time.monotonic() < until:
                busy[connection] = waiting.pop()
                with contextlib.suppress(OSError):  # one that died is noticed below
                    connection.send(busy[connection])
        if not busy:
            if waiting and not alive:
                raise CopiesDied("the helper processes died, as they do when memory runs out")
            return
        ready = wait(list(busy), _LOOK)
        if not ready and time.monotonic() > until + _GRACE:
            return
        for connection in ready:
            assert isinstance(connection, Connection)
            number = busy.pop(connection)
            try:
                result = connection.recv()
            except (EOFError, OSError):
                alive.remove(connection)
                waiting.append(number)
                continue
            if isinstance(result, _Failure):
                raise result.error
            yield number, result


def _here(tasks: Sequence[Callable[[], Result]], until: float) -> Iterator[tuple[int, Result]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number, task in enumerate(tasks):
            if time.monotonic() >= until:
                return
            yield number, task()
    finally:
        torch.set_num_threads(threads)
