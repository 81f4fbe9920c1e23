"""Door of predictions: what `Model.predict` of this project's own submission is given."""

import argparse
import functools
import warnings

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ingestion_test.schema import FEATURES
from ingestion_test.systematics import transform
from model import Model
from runtime.errors import ChallengeError, run_command
from submission.estimator import NEEDED
from tests.conftest import make_events
from tests.robustness.bad_input.sandbox import Door

_COLUMNS = st.sampled_from(FEATURES)

_VALUES = st.sampled_from(
    [None, float("nan"), float("inf"), -float("inf"), 0.0, -25.0, 1e30, -1e30, 3e38, 1e300, "a", "1.5", True, 10**400]
)

_TYPES = st.sampled_from(
    [
        "float64",
        "float16",
        "int32",
        "bool",
        "object",
        "str",
        "category",
        "Float32",
        "Int64",
        "complex64",
        "datetime64[ns]",
    ]
)

_CHANGES = st.one_of(
    st.tuples(st.sampled_from(["without", "twice", "renamed"]), _COLUMNS, st.none()),
    st.tuples(st.just("type"), _COLUMNS, _TYPES),
    st.tuples(st.sampled_from(["one", "all", "mixed"]), _COLUMNS, _VALUES),
    st.tuples(st.just("rows"), st.none(), st.sampled_from([0, 1, 2])),
    st.tuples(st.sampled_from(["extra", "index", "columns", "order"]), st.none(), st.none()),
    st.tuples(
        st.just("data"), st.none(), st.sampled_from(["dict", "array", "list", "none", "missing", "text", "not a dict"])
    ),
)

_WEIGHTS = st.sampled_from(
    [
        "ones",
        "none",
        "missing",
        "short",
        "long",
        "negative",
        "nan",
        "inf",
        "text",
        "objects",
        "square",
        "number",
        "zero",
        "huge",
    ]
    + ["tiny", "bool", "frame", "list", "other index"]
)


@functools.cache
def _events():
    features, _ = transform(make_events(60).iloc[:, :16].to_numpy())
    return pd.DataFrame(features, columns=list(FEATURES))


@functools.cache
def _model():
    model = Model()
    model.fit()
    return model


def _changed(data, change, column, value):
    if change == "rows":
        return data.iloc[:value]
    if change == "index":
        return data.set_index(np.zeros(len(data)))
    if change == "extra":
        return data.assign(extra="text", another=np.nan)
    if change == "columns":
        return data.set_axis(range(data.shape[1]), axis=1)
    if change == "order":
        return data[data.columns[::-1]]
    if list(data.columns).count(column) != 1:
        return data
    if change == "without":
        return data.drop(columns=column)
    if change == "twice":
        return pd.concat([data, data[[column]]], axis=1)
    if change == "renamed":
        return data.rename(columns={column: column.lower()})
    return data.assign(**{column: _values(data[column], change, value)})


def _values(values, change, value):
    if change == "type":
        try:
            with np.errstate(over="ignore"):
                return values.astype(value)
        except (TypeError, ValueError, OverflowError):
            return values.astype(str)
    values = values.astype(object)
    for row in range(len(values)) if change == "all" else range(min(1, len(values))):
        values.iloc[row] = value
    return values if change == "mixed" else values.infer_objects()


def _weights(kind, size):
    weights = {
        "none": lambda: None,
        "short": lambda: np.ones(max(0, size - 1)),
        "long": lambda: np.ones(size + 1),
        "negative": lambda: -np.ones(size),
        "nan": lambda: np.full(size, np.nan),
        "inf": lambda: np.full(size, np.inf),
        "text": lambda: ["a"] * size,
        "objects": lambda: [{}] * size,
        "square": lambda: np.ones((size, 2)),
        "number": lambda: 1.0,
        "zero": lambda: np.zeros(size),
        "huge": lambda: np.full(size, 1e300),
        "tiny": lambda: np.full(size, 1e-300),
        "bool": lambda: np.ones(size, bool),
        "frame": lambda: pd.DataFrame({"weights": np.ones(size)}),
        "list": lambda: [1] * size,
        "other index": lambda: pd.Series(np.ones(size), index=range(7, 7 + size)),
    }
    return weights.get(kind, lambda: np.ones(size))()


def _test_set(changes, weights):
    data, kind = _events(), None
    for change, *rest in changes:
        if change == "data":
            kind = rest[1]
        else:
            data = _changed(data, change, *rest)
    test_set = {"data": data, "weights": _weights(weights, len(data))}
    if weights == "missing":
        del test_set["weights"]
    if kind == "missing":
        del test_set["data"]
    elif kind is not None:
        test_set["data"] = {
            "dict": {name: data[name].to_numpy() for name in data.columns},
            "array": np.zeros((len(data), 28)),
            "list": [1, 2],
            "none": None,
            "text": "events",
        }.get(kind, data)
    return data if kind == "not a dict" else test_set


def _prepare(case, _place):
    return functools.partial(
        run_command, argparse.Namespace(command=lambda _flags: _predict(_test_set(*case))), "a test"
    )


def _predict(test_set):
    """Predict; of a ValueError, which is what a user of the Model gets, the message is what is looked at."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        try:
            prediction = _model().predict(test_set)
        except ValueError as error:
            _check(str(error))
            raise ChallengeError(str(error)) from error
    low, high = 0.1, 3.0
    assert all(type(value) is float for value in prediction.values()), prediction
    assert low <= prediction["p16"] <= prediction["p84"] <= high, prediction
    assert low <= prediction["mu_hat"] <= high, prediction


def _check(message):
    """A message names the column, or what else is wrong, and after that the remedy."""
    named = any(name in message for name in (*NEEDED, "weight", "data"))
    assert named, message
    assert ";" in message, message


DOORS = (Door("predict", st.tuples(st.lists(_CHANGES, max_size=2), _WEIGHTS), _prepare),)
