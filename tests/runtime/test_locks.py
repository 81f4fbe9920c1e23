"""Lock files: refused or waited for, and freed when their holder dies."""

import contextlib
import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.errors import ChallengeError
from runtime.locks import locked, waited_for

ROOT = Path(__file__).resolve().parents[2]

_HOLDER = """
import sys, time
from pathlib import Path
from runtime.locks import locked
with locked(Path(sys.argv[1]), "no"):
    print(flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _holder(path):
    """Another process that holds the lock file."""
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def _is_free(path):
    try:
        with locked(path, "held"):
            return True
    except ChallengeError:
        return False


def test_a_lock_is_refused_while_another_process_has_it(tmp_path):
    path = tmp_path / ".lock"
    with (
        _holder(path),
        pytest.raises(ChallengeError, match="somebody else has it"),
        locked(path, "somebody else has it"),
    ):
        pass
    assert _is_free(path)


def test_a_lock_is_refused_within_the_process_that_has_it(tmp_path):
    path = tmp_path / ".lock"
    with locked(path, "no"):
        assert not _is_free(path)
    assert _is_free(path)
    with pytest.raises(ZeroDivisionError), locked(path, "no"):
        raise ZeroDivisionError
    assert _is_free(path)


def test_a_killed_process_frees_its_lock(tmp_path):
    with _holder(tmp_path / ".lock") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert _is_free(tmp_path / ".lock")


def test_a_lock_that_its_holder_removed_is_free_again(tmp_path):
    path = tmp_path / ".lock"
    with locked(path, "no"):
        path.unlink()
        assert _is_free(path)  # a file of its own


def test_a_lock_is_waited_for_and_that_is_said(tmp_path, caplog):
    path, events = tmp_path / ".lock", []

    def wait():
        with waited_for(path, "waiting for the other"):
            events.append("second")

    with caplog.at_level(logging.INFO), _holder(path) as process:
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert caplog.messages == ["waiting for the other"]
        events.append("first")
        process.stdin.close()
        thread.join(60)
    assert events == ["first", "second"]


def test_nothing_is_said_where_nobody_has_the_lock(tmp_path, caplog):
    with caplog.at_level(logging.INFO), waited_for(tmp_path / ".lock", "waiting"):
        assert not _is_free(tmp_path / ".lock")
    assert not caplog.messages
