"""A limit on the time of a block."""

import contextlib
import signal
import time

import pytest

from runtime.errors import ChallengeError
from runtime.time_limit import time_limit


def test_a_block_that_takes_too_long_is_interrupted():
    begin, ended = time.monotonic(), []
    with pytest.raises(ChallengeError, match="too slow"), time_limit(0.1, "too slow"):
        _sleep(ended)
    assert time.monotonic() - begin < 10
    assert ended == ["in the end"]


def _sleep(ended):
    """Nothing within takes the interruption for an error to mend."""
    with contextlib.suppress(Exception):
        try:
            time.sleep(60)
        finally:
            ended.append("in the end")


def test_a_block_in_time_is_not_disturbed_later():
    with time_limit(0.2, "too slow"):
        pass
    time.sleep(0.3)
    with pytest.raises(ZeroDivisionError), time_limit(0.2, "too slow"):
        raise ZeroDivisionError
    time.sleep(0.3)


def test_the_signal_is_as_before():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(60, "too slow"):
        assert signal.getsignal(signal.SIGALRM) is not before
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
