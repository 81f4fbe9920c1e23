"""Lists of tasks: the same results whoever does them, and whoever dies."""

import functools
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from runtime import tasks
from runtime.children import THREAD_VARIABLES
from runtime.errors import ChallengeError
from runtime.tasks import as_completed, completed, in_order
from tests.tasks import die, die_once, environment_variable, fail, listed, nap, square

# A dying worker leaves what the garbage collector finds.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_are_in_the_order_of_the_tasks(workers):
    assert completed(listed(square, range(7)), workers, "squares", "number") == [n**2 for n in range(7)]
    assert completed([], workers, "nothing", "number") == []
    assert list(in_order(listed(square, range(7)), workers)) == [n**2 for n in range(7)]


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_will_do(kind):
    with kind(2) as executor:
        assert completed(listed(square, range(7)), executor, "squares", "number") == [n**2 for n in range(7)]
        with pytest.raises(ChallengeError, match="cannot be mended"):
            list(as_completed([fail], executor))


def test_results_come_as_they_are_there():
    first_may_end = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        results = as_completed([first_may_end.wait, functools.partial(square, 3)], executor)
        assert next(results) == (1, 9)
        first_may_end.set()
        assert list(results) == [(0, True)]


def test_few_results_wait_for_their_turn(monkeypatch):
    """Of a hundred tasks those that a process is given at a time, no more, are begun before a result is taken."""
    begun = []

    def begin(number):
        begun.append(number)
        return number

    monkeypatch.setattr(tasks, "Processes", lambda workers, variables: ThreadPoolExecutor(workers))
    results = in_order(listed(begin, range(100)), 2)
    for taken in range(100):
        assert next(results) == taken
        assert len(begun) <= taken + 2 * tasks.AHEAD


@pytest.mark.slow
def test_processes_have_one_thread_each(monkeypatch):
    monkeypatch.setenv(THREAD_VARIABLES[0], "7")
    wanted = listed(environment_variable, THREAD_VARIABLES[:1] * 2)
    assert completed(wanted, 2, "variables", "variable") == ["1", "1"]
    assert list(in_order(wanted, 2)) == ["1", "1"]


def test_tasks_of_a_process_that_dies_are_done_again(tmp_path, caplog):
    mortal = listed(functools.partial(die_once, str(tmp_path)), range(8))
    assert completed(mortal, 2, "tasks", "task") == list(range(8))
    assert "a worker process died" in caplog.text


@pytest.mark.slow
def test_processes_that_die_again_and_again_end_the_work():
    with pytest.raises(ChallengeError, match=r"died 4 times.*fewer --workers"):
        completed([die, die], 2, "deaths", "death")


def _naps(first, folder):
    """Results of a task that is done at once and of many that are not."""
    return as_completed([first, *listed(functools.partial(nap, str(folder)), range(5))], 2)


@pytest.mark.slow
def test_an_error_ends_what_is_running_and_what_waits(tmp_path):
    with pytest.raises(ChallengeError, match="cannot be mended"):
        list(_naps(fail, tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_results_that_nobody_wants_are_not_waited_for(tmp_path):
    naps = _naps(functools.partial(square, 3), tmp_path)
    assert next(naps) == (0, 9)
    naps.close()  # as an interruption does
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_is_raised(workers):
    with pytest.raises(ChallengeError, match="cannot be mended"):
        completed([fail, fail], workers, "failures", "failure")
