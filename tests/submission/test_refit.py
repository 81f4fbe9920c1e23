"""Templates and belt made from training events."""

import time

import numpy as np
import pytest

from ingestion_test.official.systematics import systematics
from submission import refit
from submission.counting import grid
from submission.refit import Clock, RefitError, compare, make_own_belt, make_templates
from submission.training_events import Events, EventsError, TrainingRows
from tests.submission.fit_examples import TrainSet, estimator_of, training_frame


@pytest.fixture(scope="module")
def frame():
    return training_frame(30_000)


@pytest.fixture(scope="module")
def estimator(frame):
    return estimator_of(frame)


def _clock(seconds=1000.0):
    return Clock(time.monotonic(), seconds)


def _made(estimator, frame, rows, clock):
    parts = TrainingRows.of(TrainSet(frame), rows)
    said = []
    return *make_templates(estimator, parts.parts(0), parts, systematics, clock, 2, said.append), said


@pytest.mark.parametrize("rows", [30_000, 7000])
def test_templates_are_those_of_the_events(estimator, frame, rows):
    """In one part or in several, of which each is scaled to the yields: the same but for their soft MET noise."""
    begins, templates, number, said = _made(estimator, frame, rows, _clock())
    expected = estimator.likelihood.templates
    assert number == 30_000
    assert begins.tolist() == list(range(8))
    np.testing.assert_allclose(templates.nominal, expected.nominal, rtol=0.02)
    np.testing.assert_allclose(templates.variance, expected.variance, rtol=0.04)
    error = np.sqrt(expected.variance)
    values = np.ones((len(grid()), 7))
    values[:, 1:4] = grid()
    assert np.abs((templates.counts(values) - expected.counts(values)) / error).max() < 3
    assert said[-1].startswith("30,000 events are counted")


def test_what_the_time_allows(estimator, frame, monkeypatch):
    monkeypatch.setattr(refit, "_CHUNK", 1000)
    monkeypatch.setattr(refit, "_LEAST_EVENTS", 1)
    monkeypatch.setattr(refit, "as_completed", lambda tasks, *_: [(place, tasks[place]()) for place in range(0, 30, 2)])
    _, templates, number, _ = _made(estimator, frame, 30_000, _clock())
    assert number == 15_000
    expected = estimator.likelihood.templates.nominal.sum(axis=1)
    np.testing.assert_allclose(templates.nominal.sum(axis=1), expected, rtol=0.05)
    monkeypatch.undo()
    with pytest.raises(RefitError, match="over before an event is counted"):
        _made(estimator, frame, 30_000, _clock(0.0))


def test_too_few_events_are_named(estimator, frame):
    with pytest.raises(RefitError, match="too few training events"):
        _made(estimator, frame.iloc[::20], 30_000, _clock())


def test_a_missing_process_is_named(estimator, frame):
    events = Events.of(TrainSet(frame[frame["detailed_labels"] != "ttbar"])(1.0))
    with pytest.raises(EventsError, match="no ttbar"):
        compare(estimator, events, systematics, _clock())
    with pytest.raises(RefitError, match="over before they are tested"):
        compare(estimator, Events.of(TrainSet(frame)(1.0)), systematics, _clock(0.0))


def test_a_belt_of_the_templates(estimator, monkeypatch):
    monkeypatch.setattr(refit, "MOST_THROWS", 4000)
    monkeypatch.setattr(refit, "_LEAST_THROWS", 4000)
    monkeypatch.setattr(refit, "BLOCK", 1000)
    belt, throws = make_own_belt(estimator.belt.config, estimator.likelihood, _clock())
    assert throws == 4000
    assert belt.config == estimator.belt.config
    np.testing.assert_allclose(belt.location, estimator.belt.location, atol=1)
    with pytest.raises(RefitError, match="over before there are throws"):
        make_own_belt(estimator.belt.config, estimator.likelihood, _clock(0.0))
