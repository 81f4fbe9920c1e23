"""Lock files: one process at a time is at what they stand for; the system frees a lock when its process dies."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import ChallengeError

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock file `path`. Its holder may remove it.

    Raises:
        ChallengeError: another process holds it; the message is `refusal`.
    """
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ChallengeError(refusal) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def waited_for(path: Path, notice: str) -> Iterator[None]:
    """Hold the lock file `path`, after whoever holds it now; `notice` is logged if that takes time."""
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _log.info(notice)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
