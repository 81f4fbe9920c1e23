"""Both ways to draw events, compared."""

import numpy as np
import pytest

from benchmarks import draws
from ingestion_test.schema import PROCESSES
from ingestion_test.sources import OfficialFolder


def test_repeated_rows_expect_as_many_events(data_folder):
    events = OfficialFolder(data_folder).test_events()
    more = draws.repeated(events, 3)
    assert more.counts == tuple(3 * count for count in events.counts)
    for name in PROCESSES:
        weights = more.process(name)[1]
        assert weights.dtype == np.float32
        assert weights.sum(dtype=float) == pytest.approx(events.process(name)[1].sum(dtype=float), rel=1e-6)


def test_both_ways_are_timed_and_must_agree(data_folder, monkeypatch):
    events = OfficialFolder(data_folder).test_events()
    assert "numpy" in draws.compare(events, 1)
    monkeypatch.setattr(draws, "numpy_rows", lambda *_: np.arange(3))
    with pytest.raises(SystemExit, match="differ"):
        draws.compare(events, 1)
