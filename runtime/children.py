"""Processes that this one starts: their environment, and their end."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping

from .errors import ChallengeError, shortage

#: Environment variables that say how many threads numerical libraries have.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

#: Numbers of the system's errors where it has no place for a semaphore.
_OF_SEMAPHORES = (errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOSYS)

_starting = threading.Lock()


@contextlib.contextmanager
def refusals_named() -> Iterator[None]:
    """Name what the system refuses to the block, which starts processes.

    Raises:
        ChallengeError: it refuses processes, files or semaphores.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN):
            raise ChallengeError(shortage(error)) from error
        remedy = "mend that, or use --workers 1"
        if error.filename is None and error.errno in _OF_SEMAPHORES:
            remedy = "they need semaphores in /dev/shm; make it writable, or use --workers 1"
        raise ChallengeError(f"no process can be started ({error}): {remedy}") from error


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment of the processes started within; one thread of this process is there at a time.

    Arguments:
        variables: values by name.

    Raises:
        ChallengeError: as `refusals_named`.
    """
    with _starting, refusals_named():
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, old in before.items():
                if old is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = old


def end_with_parent(end: Callable[[], None] = lambda: os._exit(1)) -> None:
    """Have this process end when the one that started it does, even if that is killed.

    Arguments:
        end: function that ends this process, called by a thread of its own.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "this process was started by multiprocessing"

    def wait() -> None:
        parent.join()
        end()

    threading.Thread(target=wait, daemon=True).start()
