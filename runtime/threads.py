"""One thread for each task: sums, and with them results, depend on the number of threads."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread within the block for numpy's linear algebra, and for torch, if that is imported."""
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


def one_thread_from_now_on() -> None:
    """One thread in this process, which does tasks and nothing else, maybe several at a time."""
    import torch

    torch.set_num_threads(1)
    threadpool_limits(1)
