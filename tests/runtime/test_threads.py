"""One thread for each task."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from runtime.threads import one_thread, one_thread_from_now_on

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def two_threads():
    """Two threads for torch and numpy within the test."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2):
        yield
    torch.set_num_threads(threads)


def _most_threads():
    return max(library["num_threads"] for library in threadpool_info())


@pytest.mark.usefixtures("two_threads")
def test_one_thread_within_the_block():
    assert (torch.get_num_threads(), _most_threads()) == (2, 2)
    with one_thread():
        assert (torch.get_num_threads(), _most_threads()) == (1, 1)
    assert (torch.get_num_threads(), _most_threads()) == (2, 2)
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_one_thread_from_now_on():
    one_thread_from_now_on()
    assert (torch.get_num_threads(), _most_threads()) == (1, 1)


def test_torch_is_not_imported_for_it():
    code = "import sys; from runtime.threads import one_thread\nwith one_thread(): assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
