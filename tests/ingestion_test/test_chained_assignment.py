"""Assignments that pandas 3 ignores are told of, whatever a submission does with warnings."""

import warnings

import pandas as pd
import pytest

from ingestion_test import callables, chained_assignment

pytestmark = pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="pandas 2 assigns")


@pytest.fixture(autouse=True)
def _watched(monkeypatch):
    monkeypatch.setattr(callables, "_warnings", [])
    monkeypatch.setattr(callables, "_taken", 0)
    for module in chained_assignment.MODULES:
        if hasattr(module, "warnings"):
            monkeypatch.setattr(module, "warnings", warnings)
    chained_assignment.watch()


CHAINED = [
    'frame["w"][frame["x"] > 1] = 0',
    'frame["w"][0] *= 2',
    'frame[frame["x"] > 1]["w"] = 0',
    "frame.w[frame.x > 1] = 0",
    'frame["w"].loc[0] = 5',
    'frame["w"].iloc[0] = 5',
    'frame["w"].fillna(0, inplace=True)',
    'frame["w"].replace(1, 2, inplace=True)',
    'frame[["w", "x"]].loc[0, "w"] = 5',
]


@pytest.mark.parametrize("statement", CHAINED)
def test_a_chained_assignment_is_told(statement):
    frame = pd.DataFrame({"w": [1.0, 2.0, 3.0], "x": [0, 1, 2]})
    before = frame.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _executed(statement, frame)
    (text,) = callables.taken_warnings()
    assert "submission.py, line 2, assigns" in text
    assert "in the image's pandas 2 it changes the frame" in text
    pd.testing.assert_frame_equal(frame, before)


def _executed(statement, frame):
    """As a function of a file would."""
    names = {}
    exec(compile(f"def act(frame):\n    {statement}", "submission.py", "exec"), names)
    names["act"](frame)


@pytest.mark.parametrize("statement", ['frame.loc[0, "w"] = 5', 'frame["w"] = 1', "series = frame['w']; series[0] = 2"])
def test_other_assignments_are_not(statement):
    _executed(statement, pd.DataFrame({"w": [1.0, 2.0]}))
    assert not callables.taken_warnings()
