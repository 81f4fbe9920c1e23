"""The compiled streams are those of `numpy.random.RandomState`."""

import numpy as np
import pytest

from ingestion_test import legacy_random
from ingestion_test.legacy_random import _poisson_rows, poisson_rows, shuffle


def _repeated(seed, means, first):
    counts = np.random.RandomState(seed).poisson(means)
    return np.repeat(first + np.arange(len(means)), counts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("largest", [1e-9, 0.01, 0.3, 3.0, 9.99])
def test_rows_are_those_of_numpy(largest, dtype):
    random = np.random.default_rng(1)
    means = (largest * random.random(20_000)).astype(dtype)
    means[random.integers(len(means), size=1000)] = 0
    for seed in (0, 31415, 2**32 - 1):
        np.testing.assert_array_equal(poisson_rows(seed, means, first=7), _repeated(seed, means, 7))


@pytest.mark.parametrize("scale", [0.7, np.float64(0.7), 2, 0.0])
def test_scaled_weights_have_the_precision_of_numpy(scale):
    weights = np.random.default_rng(2).random(50_000).astype(np.float32)
    np.testing.assert_array_equal(poisson_rows(9, weights, scale), _repeated(9, scale * weights, 0))


def test_large_means_and_no_rows(monkeypatch):
    means = np.array([0.2, 50.0, 3.0])
    np.testing.assert_array_equal(poisson_rows(4, means), _repeated(4, means, 0))
    monkeypatch.setattr(legacy_random, "_CHUNK", 7)
    means = np.arange(40.0)
    np.testing.assert_array_equal(poisson_rows(4, means, 0.5, first=3), _repeated(4, 0.5 * means, 3))
    assert len(poisson_rows(4, means[:0])) == 0
    assert len(poisson_rows(4, np.zeros(5))) == 0


def test_more_rows_than_there_is_room_for_are_counted():
    means, rows = np.full(1000, 0.5), np.full(100, -1)
    drawn = _poisson_rows(np.random.RandomState(8).get_state()[1], means, 1.0, 0, rows[:90])
    assert drawn == len(_repeated(8, means, 0))
    np.testing.assert_array_equal(rows[:90], _repeated(8, means, 0)[:90])
    assert (rows[90:] == -1).all()


@pytest.mark.parametrize("mean", [-0.1, np.nan])
def test_what_is_no_mean_is_refused(mean):
    with pytest.raises(ValueError, match="lam"):
        poisson_rows(1, np.array([0.1, mean]))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 700, 65_536, 100_001])
def test_shuffled_as_numpy_does(size):
    ours, theirs = np.arange(size), np.arange(size)
    shuffle(12, ours)
    np.random.RandomState(12).shuffle(theirs)
    np.testing.assert_array_equal(ours, theirs)
