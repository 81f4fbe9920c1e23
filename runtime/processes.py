"""An executor whose workers are processes of this machine."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from .children import end_with_parent, environment, refusals_named

#: Processes that one machine is asked for at the most.
MAX_PROCESSES = 1024


class Processes(concurrent.futures.ProcessPoolExecutor):
    """Processes that end with this one, and with the `with` block at once if that ends by an error or interruption.

    Its futures raise `concurrent.futures.BrokenExecutor` once one of the processes has died.

    Arguments:
        number: of processes.
        variables: of their environment, beside those of this process.

    Raises:
        ChallengeError: the system refuses processes, at `submit` as well.
    """

    def __init__(self, number: int, variables: Mapping[str, str]):
        with refusals_named():
            super().__init__(number, multiprocessing.get_context("spawn"), end_with_parent)
        self._variables = variables

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """As any executor's; a process may be started here."""
        with environment(self._variables):
            return super().submit(function, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            for process in list(self._processes.values()):  # Python 3.14 has a method for it
                process.kill()
        self.shutdown(cancel_futures=True)
