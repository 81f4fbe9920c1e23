"""Arrays in memory and arrays that files are mapped to."""

import errno
import os

import numpy as np
import pytest

from ingestion_test.arrays import allocated, flush


def test_in_memory():
    array = allocated(None, "weights", (3, 2), np.float32)
    assert (type(array), array.shape, array.dtype) == (np.ndarray, (3, 2), np.float32)
    flush(array)


def test_mapped_from_a_file(tmp_path):
    array = allocated(tmp_path, "weights", (5,), np.int64)
    assert isinstance(array, np.memmap)
    array[:] = range(5)
    flush(array)
    assert np.load(tmp_path / "weights.npy").tolist() == [0, 1, 2, 3, 4]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no posix_fallocate")
def test_a_disk_without_room_is_noticed_at_once(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        allocated(tmp_path, "weights", (5,), np.int64)
