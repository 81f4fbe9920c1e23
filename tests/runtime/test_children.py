"""Processes that are started: their environment, and their end with the parent."""

import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runtime.children import end_with_parent, environment, refusals_named
from runtime.errors import ChallengeError
from runtime.processes import Processes

ROOT = Path(__file__).resolve().parents[2]


def test_environment_of_processes_started_within(monkeypatch):
    monkeypatch.setenv("SET_BY_THE_USER", "7")
    monkeypatch.delenv("NOT_SET", raising=False)
    command = [sys.executable, "-c", "import os; print(os.environ['SET_BY_THE_USER'], os.environ['NOT_SET'])"]
    with environment({"SET_BY_THE_USER": "1", "NOT_SET": "1"}):
        assert subprocess.check_output(command, text=True).split() == ["1", "1"]
    assert os.environ["SET_BY_THE_USER"] == "7"
    assert "NOT_SET" not in os.environ


def test_environment_is_restored_after_an_error(monkeypatch):
    monkeypatch.setenv("VARIABLE", "before")
    with pytest.raises(ZeroDivisionError), environment({"VARIABLE": "within"}):
        raise ZeroDivisionError
    assert os.environ["VARIABLE"] == "before"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EMFILE, "too many files are open .*fewer --workers, or raise the limit .ulimit -n"),
        (errno.ENFILE, "too many files are open"),
        (errno.EAGAIN, "too many processes .*fewer --workers, or raise the limit .ulimit -u"),
        (errno.ENOMEM, "memory ran out .*fewer --workers"),
        (errno.EROFS, "no process can be started .* semaphores in /dev/shm; make it writable, or use --workers 1"),
        (errno.ENOSPC, "no process can be started .* semaphores in /dev/shm"),
        (errno.EACCES, "no process can be started .* semaphores in /dev/shm"),
        (errno.E2BIG, "no process can be started .*Argument list too long.*: mend that, or use --workers 1"),
    ],
)
def test_what_the_system_refuses_is_named(number, text):
    with pytest.raises(ChallengeError, match=text), refusals_named():
        raise OSError(number, os.strerror(number))


def test_a_file_that_is_refused_is_named():
    with pytest.raises(ChallengeError, match=r"can be started .*: '/usr/bin/python'.: mend that"), refusals_named():
        raise PermissionError(errno.EACCES, "Permission denied", "/usr/bin/python")


def test_too_many_open_files_are_named():
    """Not what was to be written when it happened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(first_free := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + 2, hard))
    try:
        with pytest.raises(ChallengeError, match="too many files are open"):
            Processes(1, {})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_one_thread_at_a_time():
    seen = []

    def start(value):
        with environment({"VARIABLE": value}):
            time.sleep(0.1)
            seen.append((value, os.environ["VARIABLE"]))

    threads = [threading.Thread(target=start, args=(value,)) for value in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [("a", "a"), ("b", "b"), ("c", "c")]


_PARENT = """
import multiprocessing, time
from tests.runtime.test_children import wait_for_ever
if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=wait_for_ever)
    child.start()
    print(child.pid, flush=True)
    time.sleep(600)
"""


def wait_for_ever():
    end_with_parent()
    time.sleep(600)


def test_a_process_ends_with_its_killed_parent(tmp_path):
    (tmp_path / "parent.py").write_text(_PARENT)
    command = [sys.executable, str(tmp_path / "parent.py")]
    path = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | path) as parent:
        child = int(parent.stdout.readline())
        assert os.path.exists(f"/proc/{child}")
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        end = time.monotonic() + 60
        while _runs(child):
            assert time.monotonic() < end
            time.sleep(0.05)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_is_for_processes_of_multiprocessing():
    assert multiprocessing.parent_process() is None
    with pytest.raises(AssertionError, match="was started by multiprocessing"):
        end_with_parent()
