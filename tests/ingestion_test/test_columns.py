"""Event files of other writers: whatever they note of types and indices, the same events are read."""

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion_test.schema import DATA_FILE, PRIMARIES
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from tests.conftest import write_folder


def _cast(name, kind):
    def write(events, path):
        table = pa.Table.from_pandas(events, preserve_index=False)
        place = table.schema.get_field_index(name)
        column = table[name]
        column = column.cast(pa.uint8()) if pa.types.is_boolean(kind) else column
        pq.write_table(table.set_column(place, name, column.cast(kind)), path)

    return write


def _dictionary(name):
    def write(events, path):
        table = pa.Table.from_pandas(events, preserve_index=False)
        place = table.schema.get_field_index(name)
        pq.write_table(table.set_column(place, name, table[name].dictionary_encode()), path)

    return write


def _extra(values, kind=None):
    def write(events, path):
        table = pa.Table.from_pandas(events, preserve_index=False)
        pq.write_table(table.append_column("extra", pa.array(values * len(events), kind)), path)

    return write


def _named_columns(events, path):
    events = events.rename_axis(columns="quantity")
    events.attrs["of"] = "x"
    events.to_parquet(path)


def _nullable(events, path):
    types = {name: "string" if name == "detailed_labels" else "Float32" for name in events}
    events.astype(types).to_parquet(path)


def _of_arrow(events, path):
    types = {name: pd.ArrowDtype(pa.string() if name == "detailed_labels" else pa.float32()) for name in events}
    events.astype(types).to_parquet(path)


def _categories(events, path):
    labels = pd.Categorical(events["detailed_labels"], categories=["wjets", *sorted(set(events["detailed_labels"]))])
    events.assign(detailed_labels=labels).to_parquet(path)


#: Functions of the events and the path of the file to write.
WRITERS = {
    "an index of numbers": lambda events, path: events.set_index(events.index[::-1] + 7).to_parquet(path),
    "an index of texts": lambda events, path: events.set_index(events.index.astype(str)).to_parquet(path),
    "an index with a name": lambda events, path: (
        events.rename_axis("number").set_index(events.index * 2).to_parquet(path)
    ),
    "a needed column as index": lambda events, path: events.set_index("weights").to_parquet(path),
    "needed columns as indices": lambda events, path: events.set_index(["detailed_labels", "PRI_met"]).to_parquet(path),
    "indices without names": lambda events, path: events.set_index([events.index, events.index]).to_parquet(path),
    "a range that begins later": lambda events, path: events.set_index(events.index + 5).to_parquet(path, index=None),
    "an index column without notes": lambda events, path: pq.write_table(
        pa.Table.from_pandas(events, preserve_index=True).replace_schema_metadata(None), path
    ),
    "columns with a name": _named_columns,
    "nullable numbers": _nullable,
    "arrow's numbers": _of_arrow,
    "categories": _categories,
    "a dictionary of labels": _dictionary("detailed_labels"),
    "a dictionary of numbers": _dictionary("PRI_met"),
    "views of text": _cast("detailed_labels", pa.string_view()),
    "large text": _cast("detailed_labels", pa.large_string()),
    "bytes": _cast("detailed_labels", pa.binary()),
    "views of bytes": _cast("detailed_labels", pa.binary_view()),
    "labels true and false": _cast("labels", pa.bool_()),
    "labels as integers": _cast("labels", pa.int8()),
    "decimals": _cast("PRI_met", pa.decimal128(12, 3)),
    "single rows": lambda events, path: events.to_parquet(path, row_group_size=1),
    "one row group": lambda events, path: events.to_parquet(path, row_group_size=len(events)),
    "pages of version 2": lambda events, path: events.to_parquet(path, data_page_version="2.0", compression="brotli"),
    "byte streams": lambda events, path: events.to_parquet(
        path, use_dictionary=False, column_encoding=dict.fromkeys(PRIMARIES, "BYTE_STREAM_SPLIT")
    ),
    "broken notes of pandas": lambda events, path: pq.write_table(
        pa.Table.from_pandas(events, preserve_index=False).replace_schema_metadata({"pandas": "{"}), path
    ),
    "an extra list": _extra([[1, 2]]),
    "an extra structure": _extra([{"a": 1, "weights": 2.0}]),
    "an extra map": _extra([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
    "an extra time": _extra([datetime.datetime(2600, 1, 1)], pa.timestamp("ms", "Europe/Paris")),
    "an extra decimal": _extra([decimal.Decimal("1.5")]),
    "an extra identifier": _extra([b"0123456789abcdef"], pa.uuid()),
    "extra nothing": _extra([None]),
    "extra bytes": _extra([b"\xff"]),
    "an extra index": lambda events, path: events.assign(extra=1).set_index("extra", append=True).to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_all_writers_give_the_same_events(name, data_folder, events, tmp_path):
    write_folder(tmp_path, events)
    WRITERS[name](events, tmp_path / DATA_FILE)
    plain, other = OfficialFolder(data_folder), OfficialFolder(tmp_path)
    expected, frame = plain.train_set(), other.train_set()
    assert set(frame) - set(expected) <= {"extra"}
    pd.testing.assert_frame_equal(frame[list(expected)], expected, check_dtype=name != "labels as integers")
    pd.testing.assert_index_equal(other.train_set(train_size=7).index, pd.RangeIndex(7), exact=True)
    for ours, theirs in zip(plain.train_events(0, 2100), other.train_events(0, 2100)):
        np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_array_equal(other.test_events().primaries, plain.test_events().primaries)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (_cast("PRI_met", pa.string()), r"wrong type of PRI_met \(string\)"),
        (_cast("PRI_met", pa.float16()), r"wrong type of PRI_met \(halffloat\)"),
        (_extra([1], pa.timestamp("us", "Nowhere/City")), r"column extra \(timestamp.*Nowhere.* remove it"),
        (lambda events, path: events.assign(labels=2 * events["labels"]).to_parquet(path), "labels is 2.0 in row"),
        (lambda events, path: events.assign(labels=None).to_parquet(path), "wrong type of labels"),
        (lambda events, path: events.assign(labels=np.nan).to_parquet(path), "labels is missing in row"),
        (lambda events, path: events.rename(columns=str.lower).to_parquet(path), "lacks the columns PRI_lep_pt"),
    ],
)
def test_what_cannot_be_read_alike_is_one_line(write, text, events, tmp_path):
    write_folder(tmp_path, events)
    write(events, tmp_path / DATA_FILE)
    with pytest.raises(ChallengeError, match=text):
        OfficialFolder(tmp_path).train_set()


@pytest.mark.slow
def test_one_row_group_needs_no_more_memory_than_many(tmp_path):
    """A few rows of a file of 300 MB, whose process has at most 120 MB more than one that reads none."""
    table = pa.table(
        {name: np.random.default_rng(1).random(4_000_000, np.float32) for name in (*PRIMARIES, "weights")}
        | {"detailed_labels": pa.array(["ttbar"] * 4_000_000), "labels": np.zeros(4_000_000, np.float32)}
    )
    pq.write_table(table, tmp_path / DATA_FILE, row_group_size=len(table), use_dictionary=False, compression="none")
    del table
    program = """
import resource, sys
from ingestion_test.sources import OfficialFolder
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
folder, before = OfficialFolder(sys.argv[1]), peak()
folder.train_set(train_size=100)
print(peak() - before)
"""
    run = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 120_000_000
