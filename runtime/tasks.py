"""Work that is a list of independent tasks: over processes of this machine, or over a dask cluster.

Every task is done by one thread, wherever it is done, so that its result is the same everywhere. What a worker that
dies was doing is done again.
"""

import concurrent.futures
import contextlib
import itertools
import logging
import multiprocessing
import sys
import time
from concurrent.futures.process import BrokenProcessPool

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from .children import THREAD_VARIABLES, end_with_parent, environment
from .errors import ChallengeError

#: Processes that one machine is asked for at the most.
MAX_PROCESSES = 1024

#: Worker processes that may die before the work is given up.
MOST_DEATHS = 3

#: Seconds in which a dask scheduler must answer, and for which it may have no worker; silence is looked into after the
#: first.
ANSWER_SECONDS, WORKER_SECONDS = 10, 120

#: Seconds between two looks for results of a dask cluster.
LOOK_SECONDS = 0.1

#: Tasks per worker that a pool has at a time, or whose results wait for their turn.
AHEAD = 2

_log = logging.getLogger(__name__)


def completed(tasks, workers, label, unit):
    """Results of `tasks`, in their order; arguments and errors as `as_completed`.

    Arguments:
        label, unit: of the progress bar.

    Returns:
        list.
    """
    results = [None] * len(tasks)
    with tqdm(total=len(tasks), desc=label, unit=unit, disable=None) as bar:
        for number, result in as_completed(tasks, workers):
            results[number] = result
            bar.update()
    return results


def as_completed(tasks, workers):
    """Results of `tasks` as they come; they do not depend on `workers`.

    Arguments:
        tasks: list of functions without arguments; those of more than one worker can be pickled, and those of a cluster
            find the files that they name under the same path.
        workers: number of processes of this machine, with 1 the tasks are done in this one; or the address of a dask
            scheduler, a text.

    Returns:
        iterator over pairs: place in `tasks`, and result.

    Raises:
        ChallengeError: worker processes die again and again, no scheduler answers or it goes away, its workers cannot
            do such tasks; or whatever a task raises.
    """
    if isinstance(workers, str):
        return _on_cluster(tasks, workers)
    if min(workers, len(tasks)) <= 1:
        return _here(tasks)
    return _in_processes(tasks, workers, dict.fromkeys(THREAD_VARIABLES, "1"))


def in_order(tasks, workers):
    """Results of `tasks` in their order; only a few more than were taken are there at a time, for what needs memory.

    Unlike those of `as_completed`, tasks have the threads that they would have in this process.

    Arguments:
        tasks: list of functions without arguments, which can be pickled.
        workers: number of processes; with 1 the tasks are done in this one.

    Returns:
        iterator.

    Raises:
        ChallengeError: worker processes die again and again; or whatever a task raises.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        return (task() for task in tasks)
    return (result for _, result in _in_processes(tasks, workers, {}, ordered=True))


def _here(tasks):
    for number, task in enumerate(tasks):
        with _one_thread():
            result = task()
        yield number, result


@contextlib.contextmanager
def _one_thread():
    """One thread for numpy's linear algebra, whose sums depend on their number, and for torch, if that is imported."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    try:
        with threadpool_limits(1):
            if torch:
                torch.set_num_threads(1)
            yield
    finally:
        if torch:
            torch.set_num_threads(threads)


def _in_processes(tasks, workers, variables, ordered=False):
    """As `as_completed`, by processes with the environment `variables`; where `ordered`, in the order of `tasks`."""
    left, deaths = dict(enumerate(tasks)), 0
    while left:
        try:
            for number, result in _in_pool(dict(left), workers, variables, ordered):
                del left[number]
                yield number, result
        except BrokenProcessPool:
            deaths += 1
            if deaths > MOST_DEATHS:
                raise ChallengeError(
                    f"worker processes died {deaths} times, as they do when memory runs out: try fewer --workers"
                ) from None
            _log.warning("a worker process died; the %d tasks that are left are begun again", len(left))


def _in_pool(tasks, workers, variables, ordered):
    """As `_in_processes` for a dict from number to task, by a pool that breaks if one of its processes dies.

    It ends with this generator, whatever its processes are doing then.
    """
    workers = min(workers, len(tasks))
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(workers, spawn, end_with_parent)
    waiting, futures = iter(tasks.items()), {}
    try:
        while True:
            with environment(variables):
                more = itertools.islice(waiting, AHEAD * workers - len(futures))
                futures |= {pool.submit(task): number for number, task in more}
            if not futures:
                break
            first = concurrent.futures.FIRST_COMPLETED
            for future in [next(iter(futures))] if ordered else concurrent.futures.wait(futures, None, first).done:
                yield futures.pop(future), future.result()
    except BaseException:
        for process in list(pool._processes.values()):  # Python 3.14 has a method for it
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _on_cluster(tasks, address):
    distributed = _dask()
    with _client(distributed, address) as client:
        _check_workers(client, address)
        futures = client.map(_call, tasks, pure=False)
        numbers = {future.key: number for number, future in enumerate(futures)}
        try:
            for future in _watched(distributed.as_completed(futures), client, address):
                yield numbers[future.key], future.result()
        except distributed.KilledWorker:
            raise ChallengeError(
                f"workers of the dask cluster at {address} died again and again at the same task, as they do when "
                "memory runs out: give them more, or start fewer of them on a machine (what is done is kept)"
            ) from None
        except concurrent.futures.CancelledError:
            raise ChallengeError(
                f"the dask scheduler at {address} has gone away: start it again (what is done is kept)"
            ) from None
        finally:
            client.cancel(futures)


def _dask():
    try:
        from dask import distributed
    except ImportError as error:
        raise ChallengeError(f"--scheduler needs dask.distributed ({error}): pip install distributed") from None
    return distributed


def _client(distributed, address):
    try:
        return distributed.Client(address, timeout=ANSWER_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise ChallengeError(
            f"no dask scheduler answers at {address} ({error}): start one with `dask scheduler`, and give the address "
            "that it prints"
        ) from None


def _check_workers(client, address):
    """Wait for a worker; make sure that the scheduler and all workers there are can import this project."""
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise ChallengeError(
            f"the dask scheduler at {address} has no worker after {WORKER_SECONDS} s: start some with "
            f"`dask worker {address}`, in this project's folder"
        ) from None
    try:
        client.run_on_scheduler(_known)
        client.run(_one_thread_per_task)
    except Exception as error:
        raise ChallengeError(
            f"dask scheduler or workers at {address} cannot import this project ({error}): start both with its virtual "
            "environment, and its folder in PYTHONPATH"
        ) from None


def _watched(finished, client, address):
    """The futures of `finished`, dask's `as_completed`, as long as there are workers, or soon will be again."""
    since, warned = time.monotonic(), False
    while not finished.is_empty():
        if finished.has_ready():
            yield next(finished)
            since, warned = time.monotonic(), False
            continue
        time.sleep(LOOK_SECONDS)
        alone = time.monotonic() - since
        if alone < ANSWER_SECONDS:
            continue
        with contextlib.suppress(OSError):  # a scheduler that has gone away cancels the futures
            if client.nthreads():
                since, warned = time.monotonic(), False
                continue
        if not warned:
            _log.warning("the dask scheduler at %s has no workers any more; waiting for new ones", address)
            warned = True
        if alone > WORKER_SECONDS:
            raise ChallengeError(
                f"the dask scheduler at {address} has had no worker for {WORKER_SECONDS} s: start some with "
                f"`dask worker {address}`, in this project's folder (what is done is kept)"
            )


def _known():
    """Whoever gets this function by its name can import this project."""


def _one_thread_per_task():
    """Make a dask worker use one thread per task, as `_one_thread`; by its name a worker imports this module."""
    import torch

    torch.set_num_threads(1)
    threadpool_limits(1)


def _call(task):
    _one_thread_per_task()  # this worker may have come later than the others
    return task()
