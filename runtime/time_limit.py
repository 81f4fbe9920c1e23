"""A limit on the time that a block of code may take."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from .errors import ChallengeError


class _TimeIsUp(BaseException):
    """Interrupts the block where it is, as KeyboardInterrupt does; nothing within takes it for an error to mend."""


@contextlib.contextmanager
def time_limit(seconds: float, message: str) -> Iterator[None]:
    """Interrupt the block, which runs in the main thread, after so many seconds.

    Raises:
        ChallengeError: it was interrupted; the message is `message`.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _TimeIsUp:
        raise ChallengeError(message) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
