"""Tasks done by copies of this process, and what may happen to these."""

import functools
import itertools
import os
import signal
import time
from types import SimpleNamespace

import pytest

from submission import forks
from submission.forks import CopiesDied, as_completed


def _squares(number=7):
    return [lambda place=place: (place**2, os.getpid()) for place in range(number)]


@pytest.mark.parametrize("copies", [1, 3])
def test_results_are_those_of_the_tasks(copies):
    results = dict(as_completed(_squares(), copies))
    assert {place: square for place, (square, _) in results.items()} == {place: place**2 for place in range(7)}
    processes = {process for _, process in results.values()}
    assert (processes == {os.getpid()}) == (copies == 1)
    assert list(as_completed([], copies)) == []


def test_without_processes_this_one_does_the_tasks(monkeypatch):
    def refused(*_):
        raise OSError("no more processes")

    monkeypatch.setattr(forks, "_add_copy", refused)
    assert {process for _, (_, process) in as_completed(_squares(), 2)} == {os.getpid()}


@pytest.mark.parametrize("copies", [1, 2])
def test_what_a_task_raises(copies):
    with pytest.raises((RuntimeError, ZeroDivisionError), match="by zero"):
        list(as_completed([lambda: 1 / 0] * 3, copies))


def _killed_once(path):
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_the_task_of_a_copy_that_dies_is_done_again(tmp_path):
    tasks = [functools.partial(_killed_once, tmp_path / "died"), *(lambda: "done",) * 5]
    assert dict(as_completed(tasks, 2)) == dict.fromkeys(range(6), "done")


def test_no_copies_left():
    with pytest.raises(CopiesDied, match="memory"):
        list(as_completed([lambda: os.kill(os.getpid(), signal.SIGKILL)] * 3, 2))


@pytest.mark.parametrize("copies", [1, 2])
def test_no_task_is_begun_after_the_end(copies, monkeypatch):
    assert list(as_completed(_squares(), copies, time.monotonic() - 1)) == []
    ticks = itertools.count()  # each look at the clock is a second later
    monkeypatch.setattr(forks, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    assert len(list(as_completed(_squares(20), copies, 5))) == 5


def test_a_time_without_an_end():
    assert len(list(as_completed(_squares(3), 2, 1e300))) == 3


def test_a_copy_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr(forks, "_GRACE", 0.3)
    monkeypatch.setattr(forks, "_LOOK", 0.1)
    begin = time.monotonic()
    tasks = [functools.partial(time.sleep, 600), lambda: "done"]
    assert list(as_completed(tasks, 2, begin + 0.3)) in ([], [(1, "done")])  # a slow machine begins none
    assert time.monotonic() - begin < 300
