"""Work that is a list of independent tasks, over the processes of this machine."""

import contextlib
import multiprocessing
import os

import torch
from tqdm import tqdm


def completed(tasks, workers, label, unit):
    """Results of `tasks`, in their order; they do not depend on the number of workers.

    Arguments:
        tasks: list of functions without arguments; those of more than one worker can be pickled.
        workers: processes; with 1 the tasks are done here, by as many threads as torch likes.
        label, unit: of the progress bar.

    Returns:
        list.
    """
    workers = min(workers, len(tasks))
    with tqdm(total=len(tasks), desc=label, unit=unit, disable=None) as bar, contextlib.ExitStack() as stack:
        if workers > 1:
            stack.enter_context(_one_thread())
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(workers, torch.set_num_threads, (1,)))
            results = pool.imap(_call, tasks)
        else:
            results = map(_call, tasks)
        done = []
        for result in results:
            done.append(result)
            bar.update()
    return done


def _call(task):
    return task()


@contextlib.contextmanager
def _one_thread():
    """Environment of worker processes: several that use several threads each would be in each other's way."""
    kept = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(kept, "1"))
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
