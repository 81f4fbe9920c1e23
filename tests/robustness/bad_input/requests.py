"""Door of what a submission asks `get_train_set` for."""

import functools
import sys

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ingestion_test.schema import SUM_WEIGHTS
from ingestion_test.sources import OfficialFolder
from runtime.errors import one_line
from tests.robustness.bad_input.events import write_events
from tests.robustness.bad_input.sandbox import Door

_NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30), st.integers(-5, 3000), st.floats(), st.floats(0, 1), st.booleans(), st.none()
)

_KINDS = st.sampled_from(["i1", "u1", "i8", "u8", "f4", "f8", "?", "O", "U3", "M8[D]"])


def _array(values, kind):
    try:
        with np.errstate(invalid="ignore"):
            return np.array(values).astype(kind)
    except (ValueError, TypeError, OverflowError):
        return values


_LISTS = st.lists(_NUMBERS, max_size=6)

_SIZES = _NUMBERS | st.sampled_from(["5", b"5", (5,), [5], np.int64(5), np.float32(0.5), np.float64(0.5), 1j, {}, ...])

_INDICES = st.one_of(
    st.none(),
    _LISTS,
    st.builds(_array, st.lists(st.integers(-3, 3000), max_size=6), _KINDS),
    st.builds(_array, _LISTS, _KINDS),
    st.lists(_LISTS, max_size=3),
    st.sampled_from(["12", (1, 2), range(5), {1, 2}, 7, np.array(3), pd.Series([1, 2]), [[1], [2, 3]], [0] * 5000]),
)


def _prepare(case, place):
    write_events(place)
    return functools.partial(_ask, place.inputs, dict(zip(("train_size", "selected_indices"), case)))


def _ask(folder, request):
    """The exit code: 0 for rows as they should be, 2 for a request that is refused."""
    try:
        events = OfficialFolder(folder).train_set(**request)
    except (ValueError, TypeError, OverflowError) as error:  # which a submission meets on Codabench, too
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    assert list(events.index) == list(range(len(events))), events.index
    assert not len(events) or abs(events["weights"].sum() / SUM_WEIGHTS - 1) < 1e-3, events["weights"].sum()
    return 0


DOORS = (Door("requests for training events", st.tuples(_SIZES, _INDICES), _prepare),)
