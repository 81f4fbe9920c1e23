"""What `Model.fit` decides: the shipped tables, others, or the shipped ones with longer intervals."""

import builtins
import os
import pickle
import signal
import tempfile
from multiprocessing import shared_memory

import numpy as np
import pytest

from ingestion_test.official.systematics import systematics
from submission import refit, tables
from submission.tables import TABLES, TEST, adapted
from tests.submission.fit_examples import TrainSet, counts_of, estimator_of, training_frame


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(refit, "MOST_THROWS", 2000)
    monkeypatch.setattr(refit, "_LEAST_THROWS", 1000)
    monkeypatch.setattr(refit, "BLOCK", 1000)
    monkeypatch.setattr(tables, "LEAST_ROWS", 10_000)


@pytest.fixture(scope="module")
def frame():
    return training_frame(30_000)


@pytest.fixture(scope="module")
def other(frame):
    """Events of another world: pT of the leptons is 5% larger."""
    return frame.assign(PRI_lep_pt=1.05 * frame["PRI_lep_pt"])


@pytest.fixture(scope="module")
def estimator(frame):
    return estimator_of(frame)


def test_in_its_own_world_the_tables_are_the_shipped_ones(estimator, frame, capsys):
    result = adapted(estimator, TrainSet(frame), systematics, 5)
    assert (result.likelihood, result.belt, result.widening) == (None, None, 0)
    assert result.summary[TABLES] == "as shipped"
    assert result.of(estimator) == estimator
    assert "the test gives p = " in capsys.readouterr().out


def test_in_another_world_they_are_made_anew_and_travel(estimator, other, capsys):
    result = adapted(estimator, TrainSet(other), systematics, 5)
    assert result.summary[TABLES] == "made from 30,000 training events and 2,000 throws"
    assert result.summary[TEST].startswith("p = ")
    assert "2,000 throws" in capsys.readouterr().out
    arrived = pickle.loads(pickle.dumps(result)).of(estimator)
    counted = counts_of(estimator.histogram, other)
    np.testing.assert_allclose(arrived.likelihood.templates.nominal, counted.counts, rtol=0.1)
    before, after = (one.from_counts(counted.counts.sum(axis=0)) for one in (estimator, arrived))
    assert abs(after.mu_hat - 1) < 0.1
    assert abs(before.mu_hat - 1) > 1 or not before.valid


def test_few_events_get_wider_bins_which_travel(estimator, other, monkeypatch):
    monkeypatch.setattr(refit, "_LEAST_EVENTS", 2000)
    monkeypatch.setattr(refit, "_LEAST_BINS", 4)
    result = adapted(estimator, TrainSet(other), systematics, 5)
    assert len(result.begins) < estimator.histogram.bins
    assert f"events in {len(result.begins)} wider bins and" in result.summary[TABLES]
    arrived = pickle.loads(pickle.dumps(result)).of(estimator)
    counted = counts_of(arrived.histogram, other)
    np.testing.assert_allclose(arrived.likelihood.templates.nominal, counted.counts, rtol=0.1)
    assert abs(arrived.from_counts(counted.counts.sum(axis=0)).mu_hat - 1) < 0.2


def _killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def _broken(*_, **__):
    raise OSError(28, "No space left on device\nat all")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda frame: {"get_train_set": None}, "there are no training events"),
        (lambda frame: {"systematics": None}, "there are no training events"),
        (lambda frame: {"minutes": 0}, "there is no time"),
        (lambda frame: {"minutes": float("nan")}, "there is no time"),
        (
            lambda frame: {"get_train_set": _broken},
            "set raised OSError: [Errno 28] No space left on device at",
        ),
        (lambda frame: {"get_train_set": TrainSet(frame.iloc[:0])}, "there are only 0 training events"),
        (lambda frame: {"get_train_set": TrainSet(frame.iloc[:700])}, "there are only 700 training events"),
        (lambda frame: {"get_train_set": TrainSet(frame.assign(PRI_met=np.nan))}, "not finite"),
        (lambda frame: {"get_train_set": TrainSet(frame.assign(weights=0.0))}, "not finite"),
        (lambda frame: {"get_train_set": TrainSet(frame.assign(detailed_labels="ttbar"))}, "there is no ztautau"),
        (lambda frame: {"get_train_set": lambda **_: frame.assign(weights=0.0)}, "negative weights, or none but 0"),
        (lambda frame: {"get_train_set": lambda **_: frame.assign(weights=-1.0)}, "negative weights, or none but 0"),
        (
            lambda frame: {"get_train_set": TrainSet(frame.assign(PRI_met="much"))},
            "PRI_met of the training events is no",
        ),
        (lambda frame: {"get_train_set": TrainSet(frame.assign(detailed_labels="top"))}, "is of another process than"),
        (lambda frame: {"get_train_set": TrainSet(frame.drop(columns="PRI_met"))}, "lack the columns PRI_met"),
        (lambda frame: {"get_train_set": lambda **_: frame.to_dict("list")}, "returned dict, not a DataFrame"),
        (lambda frame: {"get_train_set": lambda **_: None}, "returned NoneType, not a DataFrame"),
        (lambda frame: {"get_train_set": lambda size: frame}, "get_train_set raised TypeError"),
        (lambda frame: {"systematics": _broken}, "systematics raised OSError"),
        (lambda frame: {"systematics": lambda *_, **__: None}, "systematics raised TypeError"),
        (lambda frame: {"systematics": lambda data, **_: data.drop(columns="row")}, "systematics raised KeyError"),
    ],
)
def test_whatever_goes_wrong_is_one_line_and_the_shipped_tables(change, text, estimator, frame, capsys):
    arguments = {"get_train_set": TrainSet(frame), "systematics": systematics, "minutes": 5} | change(frame)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = adapted(estimator, **arguments)
    assert result.of(estimator) == estimator
    assert result.widening == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"fit: tables {result.summary[TABLES]}"
    assert last.startswith("fit: tables as shipped: ")
    assert text in last


def _refused(*_, **__):
    raise OSError(30, "Read-only file system")


@pytest.fixture
def nothing_can_be_written(monkeypatch):
    """A full disk, a read-only folder and no /dev/shm: no file is opened for writing, no folder and no memory made."""

    def read_only(path, flags, *others, **options):
        return _refused() if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else opened(path, flags, *others, **options)

    opened = os.open
    monkeypatch.setattr(os, "open", read_only)
    for module, name in ((os, "mkdir"), (tempfile, "mkdtemp"), (tempfile, "mkstemp"), (shared_memory, "SharedMemory")):
        monkeypatch.setattr(module, name, _refused)
    monkeypatch.setattr(builtins, "open", _refused)


@pytest.mark.usefixtures("nothing_can_be_written")
def test_tables_need_no_file(estimator, other, monkeypatch):
    monkeypatch.setattr(refit, "cores", lambda: 2)
    monkeypatch.setattr(refit, "_CHUNK", 5000)
    result = adapted(estimator, TrainSet(other), systematics, 5)
    assert result.summary[TABLES] == "made from 30,000 training events and 2,000 throws"


def test_where_the_events_end_before_the_test_has_failed_intervals_are_longer(estimator, other, monkeypatch):
    """The first part of the rows fails the test, and the second one cannot be had."""
    monkeypatch.setattr(tables, "TEST_ROWS", 20_000)
    train_set = TrainSet(other)

    def ending(**arguments):
        return _broken() if train_set.calls == 2 else train_set(**arguments)

    result = adapted(estimator, ending, systematics, 5)
    assert result.likelihood is None
    assert "set raised OSError" in result.summary[TABLES]
    assert result.summary[TABLES].endswith("sigma longer at both ends")
    assert result.widening > 1


def test_helpers_that_die_are_one_line(estimator, frame, monkeypatch):
    monkeypatch.setattr(refit, "cores", lambda: 2)
    monkeypatch.setattr(refit, "_CHUNK", 5000)
    result = adapted(estimator, TrainSet(frame), _killed, 5)
    assert result.summary[TABLES] == "as shipped: the helper processes died, as they do when memory runs out"


def test_where_the_test_fails_and_nothing_can_be_made_intervals_are_longer(estimator, other, monkeypatch):
    monkeypatch.setattr(refit, "_LEAST_THROWS", 5000)
    result = adapted(estimator, TrainSet(other), systematics, 5)
    assert result.likelihood is None
    assert result.summary[TABLES].startswith("as shipped: the time is over before there are throws for a belt; interv")
    assert result.widening > 1
