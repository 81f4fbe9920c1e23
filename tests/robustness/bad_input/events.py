"""Doors of the events: the parquet file of a data folder, and its metadata."""

import functools
import json

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from ingestion_test.schema import DATA_FILE, METADATA_FILE, PRIMARIES, SUM_WEIGHTS
from ingestion_test.sources import OfficialFolder
from ingestion_test.worker_process import TrainSet
from tests.conftest import make_events
from tests.robustness.bad_input.sandbox import Door
from tests.robustness.bad_input.spoiling import FILE_SPOILS, JSON_TEXTS, JSON_VALUES, spoil
from tests.robustness.bad_input.submission import score_one
from training.samples import PARTS, training_part

_ROWS = 400

_COLUMNS = (*PRIMARIES, "weights", "detailed_labels", "labels")

_TYPES = {
    "int64": pa.int64(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "uint8": pa.uint8(),
    "float16": pa.float16(),
    "float64": pa.float64(),
    "text": pa.string(),
    "large text": pa.large_string(),
    "bytes": pa.binary(),
    "bool": pa.bool_(),
    "dictionary": pa.dictionary(pa.int8(), pa.string()),
    "dictionary of numbers": pa.dictionary(pa.int32(), pa.float32()),
    "time": pa.timestamp("us"),
    "list": pa.list_(pa.float32()),
    "struct": pa.struct([("x", pa.float32())]),
    "decimal": pa.decimal128(30, 3),
    "null": pa.null(),
    "view of text": pa.string_view(),
    "view of bytes": pa.binary_view(),
    "identifier": pa.uuid(),
    "time zone": pa.timestamp("us", "Nowhere/City"),
    "map": pa.map_(pa.string(), pa.int8()),
}

_VALUES = st.sampled_from(
    [None, float("nan"), float("inf"), float("-inf"), -1.0, 0.0, -25.0, 1e-45, 1e10, 3e38, -3e38]
) | st.floats(width=32)

_LABELS = st.sampled_from([None, "", "wjets", "Htautau", "ztautau ", "a\nb", "x" * 5000]) | st.text(max_size=8)

_rows = st.integers(0, _ROWS - 1)

#: What can be wrong with the table, as `_changed` takes it.
_TABLE_CHANGES = st.one_of(
    st.tuples(st.just("without"), st.sampled_from(_COLUMNS), st.none()),
    st.tuples(st.just("renamed"), st.sampled_from(_COLUMNS), st.text(max_size=6)),
    st.tuples(st.just("twice"), st.sampled_from(_COLUMNS), st.none()),
    st.tuples(st.just("type"), st.sampled_from(_COLUMNS), st.sampled_from(sorted(_TYPES))),
    st.tuples(st.just("value"), st.sampled_from(_COLUMNS[:-2]), st.tuples(_rows, _VALUES)),
    st.tuples(st.just("all"), st.sampled_from((*_COLUMNS[:-2], "weights")), _VALUES),
    st.tuples(st.just("label"), st.just("detailed_labels"), st.tuples(_rows, _LABELS)),
    st.tuples(st.just("rows"), st.none(), st.sampled_from([0, 1, 2, 3, 4, 7, 20])),
    st.tuples(st.just("columns"), st.none(), st.integers(0, 3)),
    st.tuples(st.just("sorted"), st.none(), st.none()),
    st.tuples(st.just("index"), st.sampled_from((*_COLUMNS, "nothing")), st.none()),
    st.tuples(st.just("extra"), st.none(), st.sampled_from(sorted(_TYPES))),
)


@functools.cache
def _table():
    return pa.Table.from_pandas(make_events(_ROWS), preserve_index=False)


def _changed(table, change, name, value):
    """`table` with one thing wrong; where an earlier change has taken the column away, as it is."""
    if change == "rows":
        return table.slice(0, value)
    if change == "columns":
        return table.select(range(min(value, table.num_columns)))
    if change == "index":  # as pandas notes it
        return table.replace_schema_metadata({"pandas": json.dumps({"index_columns": [name, {"kind": "range"}]})})
    if change == "extra":
        return table.append_column("extra", pa.nulls(table.num_rows, _TYPES[value]))
    if change == "sorted":
        try:
            return table.sort_by("detailed_labels")
        except pa.ArrowException:  # it is not there once, or arrow does not sort it
            return table
    if table.schema.names.count(name) != 1:
        return table
    place = table.schema.get_field_index(name)
    if change == "without":
        return table.remove_column(place)
    if change == "renamed":
        return table.rename_columns([value if column == name else column for column in table.schema.names])
    if change == "twice":
        return table.append_column(name, table[name])
    return table.set_column(place, name, _column(table[name].to_pylist(), change, value))


def _column(values, change, value):
    if change == "type":
        return _cast(values, _TYPES[value])
    if change == "all":
        values = [value] * len(values)
    elif values:
        row, entry = value
        values[row % len(values)] = entry
    return pa.array(values, pa.string() if change == "label" else pa.float32(), from_pandas=False)


def _cast(values, kind):
    try:
        return pa.array(values).cast(kind)
    except pa.ArrowException:
        return pa.nulls(len(values), kind)


def write_events(place, changes=(), metadata=True):
    """Write a data folder, with `changes` as `_changed` takes them, as what is given."""
    table = _table()
    for change in changes:
        table = _changed(table, *change)
    pq.write_table(table, place.inputs / DATA_FILE, row_group_size=150)
    if metadata:
        content = {"total_rows": table.num_rows, "sum_weights": SUM_WEIGHTS}
        (place.inputs / METADATA_FILE).write_text(json.dumps(content))


def _prepare_tables(case, place):
    changes, metadata = case
    write_events(place, changes, metadata)
    return functools.partial(_score, place)


def _prepare_files(case, place):
    how, file, second = case
    write_events(place)
    if second:
        (place.inputs / DATA_FILE).rename(place.inputs / "mine.parquet")
        if second == "two":
            (place.inputs / "other.parquet").write_bytes(b"PAR1")
        file = file.replace(DATA_FILE, "mine.parquet")
    spoil(place.inputs / file, *how)
    return functools.partial(_score, place)


def _prepare_metadata(case, place):
    write_events(place, metadata=False)
    (place.inputs / METADATA_FILE).write_bytes(case)
    return functools.partial(_score, place)


def _score(place):
    """`score --only 0:0` of a submission that reads all that it can, then what the training stages read."""
    return score_one(_read_everything, "--data", str(place.inputs))


def _read_everything(folder):
    TrainSet(folder)()
    source = OfficialFolder(folder)
    for part in PARTS:
        training_part(source, part)


_METADATA_KEYS = ("total_rows", "sum_weights", "luminosity", "columns", "detailed_labels")


def _metadata(changed):
    content = {"total_rows": _ROWS, "sum_weights": SUM_WEIGHTS, "luminosity": 10} | changed
    return json.dumps(content).encode()


DOORS = (
    Door(
        "parquet tables",
        st.tuples(st.lists(_TABLE_CHANGES, min_size=1, max_size=3), st.booleans()),
        _prepare_tables,
    ),
    Door(
        "parquet files",
        st.tuples(
            FILE_SPOILS, st.sampled_from([DATA_FILE] * 3 + [METADATA_FILE]), st.sampled_from(["", "", "one", "two"])
        ),
        _prepare_files,
    ),
    Door(
        "metadata",
        JSON_TEXTS
        | st.dictionaries(st.sampled_from(_METADATA_KEYS), JSON_VALUES, min_size=1, max_size=3).map(_metadata),
        _prepare_metadata,
    ),
)
