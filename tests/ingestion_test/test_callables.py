"""What a model is given to call, as on Codabench."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from ingestion_test import callables
from ingestion_test.callables import TrainSet, taken_warnings, warn
from ingestion_test.sources import OfficialFolder


@pytest.fixture(autouse=True)
def _no_warnings(monkeypatch):
    monkeypatch.setattr(callables, "_warnings", [])
    monkeypatch.setattr(callables, "_taken", 0)


def test_a_warning_is_taken_once():
    for text in ("a", "b", "a"):
        warn(text)
    assert taken_warnings() == ("a", "b")
    warn("b")
    assert taken_warnings() == ()
    warn("c")
    assert taken_warnings() == ("c",)


def test_it_is_the_train_set_of_the_folder(data_folder):
    rows = {"selected_indices": [1, 2]}
    pd.testing.assert_frame_equal(TrainSet(data_folder)(**rows), OfficialFolder(data_folder).train_set(**rows))
    assert len(TrainSet(data_folder)()) == 2100
    assert not taken_warnings()


def test_parts_are_drawn_from_numpys_stream(data_folder):
    train_set = TrainSet(data_folder)
    first, second = train_set(train_size=100), train_set(train_size=100)
    assert not first.equals(second)
    np.random.seed(0)
    first = train_set(train_size=100)
    number = np.random.random()
    np.random.seed(0)
    assert np.random.random() != number
    np.random.seed(0)
    assert train_set(train_size=100).equals(first)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda get: get(100), TypeError, "positional argument"),
        (lambda get: get(0.5, [1]), TypeError, "positional argument"),
        (lambda get: get(sample_size=100), TypeError, "sample_size"),
        (lambda get: get(selected_indices=(1, 2)), ValueError, "must be a list or an array, not tuple"),
        (lambda get: get(train_size=np.int64(9)), ValueError, r"train_size must be .*\(int64\)"),
        (pickle.dumps, TypeError, "cannot be pickled or copied while the model is fitted"),
        (copy.deepcopy, TypeError, "cannot be pickled or copied while the model is fitted"),
    ],
)
def test_what_codabench_refuses(call, error, text, data_folder):
    with pytest.raises(error, match=text):
        call(TrainSet(data_folder))


def test_after_fit(data_folder):
    train_set = TrainSet(data_folder)
    train_set.is_fitting = False
    assert len(train_set(train_size=50)) == 50
    assert taken_warnings() == (
        "predict calls get_train_set: on Codabench, where several processes predict, it is an AttributeError",
    )
    sent = pickle.loads(pickle.dumps(train_set))
    with pytest.raises(AttributeError, match="not there in the processes that predict in parallel"):
        sent(train_size=50)


@pytest.mark.parametrize(
    ("indices", "texts"),
    [
        ([0, 2099], []),
        ([1, -2, 5000], ["2 of 3 selected_indices are not in 0 ... 2099"]),
        ([0.5, 1], ["selected_indices are of type float64"]),
        (np.array([True]), ["selected_indices are of type bool"]),
    ],
)
def test_rows_that_codabench_takes_otherwise_than_meant(indices, texts, data_folder):
    TrainSet(data_folder)(selected_indices=indices)
    assert [text.partition(":")[0] for text in taken_warnings()] == texts
