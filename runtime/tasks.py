"""Work that is a list of independent tasks, done by the workers of an executor.

Executors are those of `concurrent.futures`: `processes` has one for this machine, `cluster` those for many. Every task
is done by one thread, wherever it is done, so that its result is the same everywhere. What a worker that dies was doing
is done again.
"""

from __future__ import annotations

import itertools
import logging
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Generic, TypeAlias, TypeVar

from tqdm import tqdm

from . import cluster
from .children import THREAD_VARIABLES
from .errors import ChallengeError
from .machine import carried
from .processes import Processes
from .threads import one_thread, one_thread_from_now_on

Result = TypeVar("Result")
Task: TypeAlias = Callable[[], Result]

#: Who does the work: so many processes of this machine, with 1 this one; the workers of the dask scheduler at an
#: address; with "mpi" the other processes of this MPI program; or those of an executor.
Workers: TypeAlias = int | str | Executor

#: Worker processes that may die before the work is given up.
MOST_DEATHS = 3

#: Tasks per process that an executor of this machine has at a time, or whose results wait for their turn.
AHEAD = 2

_log = logging.getLogger(__name__)


def completed(tasks: Sequence[Task[Result]], workers: Workers, label: str, unit: str) -> list[Result]:
    """Results of `tasks`, in their order; arguments and errors as `as_completed`.

    Arguments:
        label, unit: of the progress bar.
    """
    results: dict[int, Result] = {}
    with tqdm(total=len(tasks), desc=label, unit=unit, disable=None) as bar:
        for number, result in as_completed(tasks, workers):
            results[number] = result
            bar.update()
    return [results[number] for number in range(len(tasks))]


def as_completed(tasks: Sequence[Task[Result]], workers: Workers) -> Iterator[tuple[int, Result]]:
    """Results of `tasks` as they come; they do not depend on `workers`.

    Arguments:
        tasks: functions without arguments; those of more than one worker can be pickled, and those of a cluster find
            the files that they name under the same path.
        workers: who does them.

    Returns:
        iterator over pairs: place in `tasks`, and result.

    Raises:
        ChallengeError: worker processes die again and again, no scheduler answers or it goes away, its workers cannot
            do such tasks; or whatever a task raises.
    """
    if isinstance(workers, str):
        return _on_cluster(tasks, workers)
    if isinstance(workers, Executor):
        return _results(dict(enumerate(map(_OneThread, tasks))), workers, len(tasks))
    if min(workers, len(tasks)) <= 1:
        return _here(tasks)
    return _in_processes(tasks, workers)


def in_order(tasks: Sequence[Task[Result]], workers: int) -> Iterator[Result]:
    """Results of `tasks` in their order; only a few more than were taken are there at a time, for what needs memory.

    Arguments:
        tasks: functions without arguments, which can be pickled.
        workers: number of processes; with 1 the tasks are done in this one.

    Raises:
        ChallengeError: worker processes die again and again; or whatever a task raises.
    """
    here = min(workers, len(tasks)) <= 1
    return (result for _, result in (_here(tasks) if here else _in_processes(tasks, workers, ordered=True)))


class _OneThread(Generic[Result]):
    """A task as a worker of an executor does it; such a worker may have come later than the others."""

    def __init__(self, task: Task[Result]):
        self.task = task

    def __call__(self) -> Result:
        one_thread_from_now_on()
        return self.task()


def _here(tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    for number, task in enumerate(tasks):
        with one_thread():
            result = task()
        yield number, result


def _in_processes(tasks: Sequence[Task[Result]], workers: int, ordered: bool = False) -> Iterator[tuple[int, Result]]:
    """As `as_completed`, by processes of one thread each; where `ordered`, in the order of `tasks`."""
    waiting, deaths = dict(enumerate(tasks)), 0
    while waiting:
        number_of_processes = carried(min(workers, len(waiting)))
        try:
            with Processes(number_of_processes, dict.fromkeys(THREAD_VARIABLES, "1")) as executor:
                for number, result in _results(dict(waiting), executor, AHEAD * number_of_processes, ordered=ordered):
                    del waiting[number]
                    yield number, result
        except BrokenExecutor:
            deaths += 1
            if deaths > MOST_DEATHS:
                raise ChallengeError(
                    f"worker processes died {deaths} times, as they do when memory runs out: try fewer --workers"
                ) from None
            _log.warning("a worker process died; the %d tasks that are left are begun again", len(waiting))


def _on_cluster(tasks: Sequence[Task[Result]], address: str) -> Iterator[tuple[int, Result]]:
    with cluster.connected(address) as (executor, look):
        yield from _results(dict(enumerate(map(_OneThread, tasks))), executor, len(tasks), look)


def _results(
    tasks: Mapping[int, Task[Result]],
    executor: Executor,
    ahead: int,
    look: Callable[[float], None] = lambda silence: None,
    ordered: bool = False,
) -> Iterator[tuple[int, Result]]:
    """Pairs of number and result of `tasks`, by an executor that is given `ahead` of them at a time.

    Arguments:
        look: called from time to time while there is no result, as `cluster.Connection` says.
        ordered: whether results come in the order of `tasks`; then `ahead` counts those that wait for their turn.
    """
    waiting = iter(tasks.items())
    numbers: dict[Future[Result], int] = {}  # of what was submitted, in that order
    finished: queue.SimpleQueue[Future[Result]] = queue.SimpleQueue()
    while True:
        for number, task in itertools.islice(waiting, ahead - len(numbers)):
            future = executor.submit(task)
            numbers[future] = number
            future.add_done_callback(finished.put)
        if not numbers:
            return
        future = next(iter(numbers)) if ordered else _first(finished, look)
        yield numbers.pop(future), future.result()


def _first(finished: queue.SimpleQueue[Future[Result]], look: Callable[[float], None]) -> Future[Result]:
    begin = time.monotonic()
    while True:
        try:
            return finished.get(timeout=cluster.ANSWER_SECONDS)
        except queue.Empty:
            look(time.monotonic() - begin)
