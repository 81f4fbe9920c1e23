"""Counts of the finite sample are kept from call to call."""

import numpy as np
import pytest

from ingestion_test.ingestion import RunSettings
from measurement.sample_counts import COUNTS_FILE, SampleCounts, finished_counts
from runtime.errors import ChallengeError


def test_counts_are_kept_for_the_next_call(tmp_path):
    first, second = RunSettings(1, 2).plan()
    values = np.random.default_rng(1).random((2, 5))
    SampleCounts(tmp_path, {"seed": 1}, resume=False).add(first, values)
    counts = SampleCounts(tmp_path, {"seed": 1}, resume=True)
    assert first in counts
    assert second not in counts
    np.testing.assert_array_equal(counts[first], values)
    assert len(finished_counts(tmp_path)) == 1


def test_those_of_another_run_and_damaged_ones_are_refused(tmp_path):
    SampleCounts(tmp_path, {"seed": 1}, resume=False)
    with pytest.raises(ChallengeError, match="another seed"):
        SampleCounts(tmp_path, {"seed": 2}, resume=True)
    with open(tmp_path / COUNTS_FILE, "a") as file:
        file.write('{"set_index": 0, "index": 0, "counts": [[1, 2]]}\n')
    with pytest.raises(ChallengeError, match="is damaged"):
        SampleCounts(tmp_path, {"seed": 1}, resume=True)
