"""Processes that this one starts: their environment, and their end."""

import contextlib
import multiprocessing
import os
import threading

#: Variables that say how many threads numerical libraries have.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_starting = threading.Lock()


@contextlib.contextmanager
def environment(variables, keep=False):
    """Environment of the processes started within; one thread of this process is there at a time.

    Arguments:
        variables: dict of texts.
        keep: whether what the user has set stays.
    """
    with _starting:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update({name: value for name, value in variables.items() if not keep or before[name] is None})
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def end_with_parent(end=lambda: os._exit(1)):
    """Have this process end when the one that started it does, even if that is killed.

    Arguments:
        end: function that ends this process, called by a thread of its own.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "this process was started by multiprocessing"

    def wait():
        parent.join()
        end()

    threading.Thread(target=wait, daemon=True).start()
