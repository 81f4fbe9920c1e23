"""The executor of this machine's processes."""

import functools
import time
from concurrent.futures import BrokenExecutor

import pytest

from runtime.processes import Processes
from tests.tasks import die, environment_variable, nap, square


def test_functions_and_their_environment(monkeypatch):
    monkeypatch.setenv("NAME", "this process's")
    with Processes(2, {"NAME": "theirs"}) as executor:
        assert list(executor.map(square, range(5))) == [0, 1, 4, 9, 16]
        assert executor.submit(environment_variable, "NAME").result() == "theirs"
    assert environment_variable("NAME") == "this process's"


def _leave_a_nap(folder, error):
    with Processes(1, {}) as executor:
        executor.submit(square, 1).result()
        executor.submit(functools.partial(nap, str(folder), 1))
        raise error


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_ends_them_whatever_they_do(error, tmp_path):
    begin = time.monotonic()
    with pytest.raises(error):
        _leave_a_nap(tmp_path, error)
    assert time.monotonic() - begin < 10
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_death_is_told():
    with Processes(1, {}) as executor, pytest.raises(BrokenExecutor):
        executor.submit(die).result()
