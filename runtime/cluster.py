"""Executors whose workers run on other machines: those of a dask cluster, and those of an MPI program."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeAlias

from .errors import ChallengeError
from .threads import one_thread_from_now_on

#: What takes the place of a scheduler's address where the processes of an MPI program do the work.
MPI = "mpi"

#: Seconds in which a dask scheduler must answer, and for which it may have no worker.
ANSWER_SECONDS, WORKER_SECONDS = 10, 120

_log = logging.getLogger(__name__)

#: An executor, and a function that its user calls every `ANSWER_SECONDS` in which no result has come, with the seconds
#: since the last one; it raises ChallengeError if none can be hoped for.
Connection: TypeAlias = tuple[concurrent.futures.Executor, Callable[[float], None]]


@contextlib.contextmanager
def connected(address: str) -> Iterator[Connection]:
    """The workers of the dask scheduler at `address`, or of this MPI program if that is `MPI`.

    What is not done when the block ends is cancelled.

    Raises:
        ChallengeError: no scheduler answers or it goes away, its workers cannot do this project's tasks or die again
            and again; there is no MPI, or no second process of it.
    """
    with _mpi() if address == MPI else _dask(address) as connection:
        yield connection


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Connection]:
    distributed = _distributed()
    with _client(distributed, address) as client:
        _check_workers(client, address)
        executor = client.get_executor(pure=False)
        try:
            yield executor, _Watch(client, address).look
        except distributed.KilledWorker:
            raise ChallengeError(
                f"workers of the dask cluster at {address} died again and again at the same task, as they do when "
                "memory runs out: give them more, or start fewer of them on a machine"
            ) from None
        except concurrent.futures.CancelledError:
            raise ChallengeError(f"the dask scheduler at {address} has gone away: start it again") from None
        finally:
            executor.shutdown(wait=False)


def _distributed() -> ModuleType:
    try:
        from dask import distributed
    except ImportError as error:
        raise ChallengeError(f"--scheduler needs dask.distributed ({error}): pip install distributed") from None
    return distributed


def _client(distributed: ModuleType, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=ANSWER_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise ChallengeError(
            f"no dask scheduler answers at {address} ({error}): start one with `dask scheduler`, and give the address "
            "that it prints"
        ) from None


def _check_workers(client: Any, address: str) -> None:
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
        client.run(one_thread_from_now_on)
    except Exception as error:
        raise ChallengeError(
            f"dask scheduler or workers at {address} cannot import this project ({error}): start both with its virtual "
            "environment, and its folder in PYTHONPATH"
        ) from None


def _known() -> None:
    """Whoever gets this function by its name can import this project."""


class _Watch:
    """Whether a dask cluster has workers, or soon will have some again."""

    def __init__(self, client: Any, address: str):
        self.client, self.address = client, address
        self.seen = time.monotonic()

    def look(self, silence: float) -> None:
        """Look for workers, as no result has come for `silence` seconds."""
        with contextlib.suppress(OSError):  # a scheduler that has gone away cancels the futures
            if self.client.nthreads():
                self.seen = time.monotonic()
                return
        remaining_seconds = WORKER_SECONDS - min(silence, time.monotonic() - self.seen)
        if remaining_seconds <= 0:
            raise ChallengeError(
                f"the dask scheduler at {self.address} has had no worker for {WORKER_SECONDS} s: start some with "
                f"`dask worker {self.address}`, in this project's folder"
            )
        _log.warning(
            "the dask scheduler at %s has no workers any more; waiting %.0f s for new ones",
            self.address,
            remaining_seconds,
        )


@contextlib.contextmanager
def _mpi() -> Iterator[Connection]:
    try:
        from mpi4py import MPI as library
        from mpi4py.futures import MPIPoolExecutor
    except (ImportError, RuntimeError) as error:  # no MPI beside it
        raise ChallengeError(f"--scheduler {MPI} needs MPI and mpi4py ({error}): pip install mpi4py") from None
    if library.COMM_WORLD.Get_size() < 2:
        raise ChallengeError(
            f"--scheduler {MPI} finds no other process: start the command as `mpiexec -n 17 python -m mpi4py.futures "
            "-m ...`, of whose 17 processes 16 do the work"
        )
    executor = MPIPoolExecutor(main=False)  # tasks are functions of modules
    try:
        yield executor, lambda silence: None
    finally:
        executor.shutdown(cancel_futures=True)
