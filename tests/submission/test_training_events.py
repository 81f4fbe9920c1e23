"""What `get_train_set` and `systematics` may give."""

import numpy as np
import pytest

from ingestion_test import schema
from ingestion_test.official.systematics import systematics
from submission.features import PRIMARIES
from submission.training_events import Events, EventsError, TrainingRows, shifted
from tests.conftest import make_events
from tests.submission.fit_examples import TrainSet


@pytest.fixture(scope="module")
def frame():
    return make_events(1000)


def test_primaries_are_the_official_ones():
    assert PRIMARIES == schema.PRIMARIES


def test_parts_are_disjoint_and_all_of_the_rows(frame):
    rows = TrainingRows.of(TrainSet(frame.assign(PRI_met=np.arange(1000.0))), 300)
    assert (rows.total, rows.stride) == (1000, 4)
    parts = [rows.parts(0), rows.parts(1, 3), rows.parts(2)]
    places = [part.primaries[:, PRIMARIES.index("PRI_met")] for part in parts]
    assert list(map(len, places)) == [250, 500, 250]
    np.testing.assert_array_equal(np.sort(np.concatenate(places)), np.arange(1000))
    assert parts[1].weights.sum() == pytest.approx(schema.SUM_WEIGHTS)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda frame: frame.drop(columns=["PRI_met", "weights"]), "lack the columns PRI_met, weights"),
        (lambda frame: frame.assign(PRI_met=np.nan), "not finite"),
        (lambda frame: frame.assign(weights=np.inf), "not finite"),
        (lambda frame: frame.assign(weights=0.0), "none but 0"),
        (lambda frame: frame.assign(weights=-1.0), "negative"),
        (lambda frame: frame.assign(detailed_labels="zee"), "another process"),
        (lambda frame: frame.assign(PRI_met="much"), "PRI_met of the training events is no column of numbers"),
        (lambda frame: {"data": frame}, "returned dict"),
        (lambda frame: frame.iloc[:0], "none but 0"),
    ],
)
def test_unusable_events_are_named(change, text, frame):
    with pytest.raises(EventsError, match=text):
        Events.of(change(frame))


def _raises(*_, **__):
    raise KeyError("broken")


def test_what_the_callables_raise(frame):
    with pytest.raises(EventsError, match=r"get_train_set raised KeyError: 'broken'"):
        TrainingRows.of(_raises, 100)
    with pytest.raises(EventsError, match="get_train_set raised TypeError"):
        TrainingRows.of(lambda sample_size: frame, 100)
    events = Events.of(frame)
    for callable_ in (_raises, lambda *_, **__: None):
        with pytest.raises(EventsError, match="systematics raised"):
            shifted(callable_, events, np.array([1.0, 1.0, 0.0]), 1)


def test_shifted_events_and_their_rows(frame):
    events = Events.of(frame)
    features, rows = shifted(systematics, events, np.array([1.02, 0.97, 2.0]), 4)
    expected = systematics(frame, tes=1.02, jes=0.97, soft_met=2.0, seed=4)
    np.testing.assert_array_equal(features["DER_sum_pt"], expected["DER_sum_pt"])
    np.testing.assert_array_equal(events.weights[rows].astype(np.float32), expected["weights"])
