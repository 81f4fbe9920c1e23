"""The parquet file of events: what its row groups give, and what is refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion_test import event_file
from ingestion_test.event_file import EventFile, RowRange, random_ranges
from ingestion_test.schema import DATA_FILE, PRIMARIES, PROCESSES
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from tests.conftest import write_folder


def test_events_are_those_of_the_rows_with_the_weights_of_the_file(data_folder, events):
    """Row groups of the data folder have 500 rows."""
    file = EventFile(data_folder / DATA_FILE)
    ranges = file.ranges(400, 1100)
    assert ranges == [RowRange(0, 0, 400, 500), RowRange(1, 500, 500, 1000), RowRange(2, 1000, 1000, 1100)]
    assert list(map(len, ranges)) == [100, 500, 100]
    primaries, weights, process = file.events(ranges)
    rows = events[400:1100]
    np.testing.assert_array_equal(primaries, rows[list(PRIMARIES)].to_numpy())
    np.testing.assert_array_equal(weights, rows["weights"])
    assert weights.dtype == np.float32
    assert [PROCESSES[place] for place in process] == rows["detailed_labels"].tolist()
    assert file.ranges(3000, 3000) == []
    assert list(map(len, file.events([]))) == [0, 0, 0]


def test_random_ranges_are_whole_but_the_last():
    ranges = [RowRange(group, 10 * group, 10 * group, 10 * group + 10) for group in range(5)]
    chosen = random_ranges(ranges, 25, seed=1)
    assert sorted(map(len, chosen)) == [5, 10, 10]
    assert [rows.first for rows in chosen] == sorted(rows.first for rows in chosen)
    assert random_ranges(ranges, 100, seed=1) == ranges


def test_rows_that_are_not_chosen_are_not_read(events, tmp_path):
    """A damaged row group is found only by those who read it."""
    folder = write_folder(tmp_path, events)
    footer = pq.ParquetFile(folder / DATA_FILE).metadata
    place = footer.row_group(footer.num_row_groups - 1).column(0).data_page_offset
    with open(folder / DATA_FILE, "r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 64)
    source = OfficialFolder(folder)
    with pytest.raises(ChallengeError, match=r"row group \d+ cannot be read"):
        source.train_events(0, 2100)
    assert len(source.train_events(0, 1900, most=1000)[0]) == 1000


def test_number_of_threads_changes_nothing(data_folder, monkeypatch):
    found = []
    for threads in (1, 5):
        monkeypatch.setattr(event_file, "ROW_GROUPS_AT_A_TIME", threads)
        source = OfficialFolder(data_folder)
        found.append((*source.train_events(0, 2100), source.test_events().primaries, source.test_events().weights))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


def _without_column(frame):
    return frame.drop(columns=["PRI_met", "weights"])


def _text_column(frame):
    return frame.assign(PRI_met="a")


def _half_precision(frame):
    return frame.assign(PRI_met=frame["PRI_met"].astype(np.float16))


def _number_labels(frame):
    return frame.assign(detailed_labels=1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_without_column, "lacks the columns PRI_met, weights"),
        (_text_column, r"wrong type of PRI_met \((large_)?string\)"),
        (_half_precision, r"wrong type of PRI_met \(halffloat\)"),
        (_number_labels, r"wrong type of detailed_labels \(int64\)"),
    ],
)
def test_columns_that_cannot_be(change, text, events, tmp_path):
    with pytest.raises(ChallengeError, match=text):
        OfficialFolder(write_folder(tmp_path, change(events)))


@pytest.mark.parametrize(
    ("row", "column", "value", "text"),
    [
        (7, "PRI_met", np.nan, "PRI_met is missing in row 7"),
        (650, "PRI_lep_pt", np.inf, "PRI_lep_pt is inf in row 650"),
        (650, "PRI_lep_pt", 1e9, r"PRI_lep_pt is 1000000000.0 in row 650; .* all below 1e\+09"),
        (899, "weights", -1.0, "weights is -1.0 in row 899"),
        (2999, "PRI_had_eta", -np.inf, "PRI_had_eta is -inf in row 2999"),
        (12, "detailed_labels", "wjets", "detailed_labels has wjets"),
    ],
)
def test_values_that_cannot_be(row, column, value, text, events, tmp_path):
    frame = events.copy()
    frame.loc[row, column] = value
    source = OfficialFolder(write_folder(tmp_path, frame))
    with pytest.raises(ChallengeError, match=text):
        source.test_events() if row < 900 else source.train_set()


def test_nan_that_is_not_an_empty_entry(events, tmp_path):
    folder = write_folder(tmp_path, events)
    table = pq.read_table(folder / DATA_FILE)
    values = table["PRI_met"].to_numpy().copy()
    values[3] = np.nan
    place = table.schema.get_field_index("PRI_met")
    pq.write_table(table.set_column(place, "PRI_met", pa.array(values)), folder / DATA_FILE)
    with pytest.raises(ChallengeError, match="PRI_met is nan in row 3"):
        OfficialFolder(folder).test_events()


def test_a_column_that_is_there_twice(events, tmp_path):
    folder = write_folder(tmp_path, events)
    table = pq.read_table(folder / DATA_FILE)
    pq.write_table(table.append_column("PRI_met", table["PRI_met"]), folder / DATA_FILE)
    with pytest.raises(ChallengeError, match="more than one column PRI_met"):
        OfficialFolder(folder)


def test_the_smallest_whole_number_is_no_angle(events, tmp_path):
    source = OfficialFolder(write_folder(tmp_path, events.assign(PRI_met=np.int64(-(2**63)))))
    with pytest.raises(ChallengeError, match="PRI_met is -9223372036854775808 in row 0"):
        source.test_events()


def test_names_that_no_row_has_are_no_labels(events, tmp_path):
    labels = pd.Categorical(events["detailed_labels"], categories=["wjets", *PROCESSES])
    source = OfficialFolder(write_folder(tmp_path / "more", events.assign(detailed_labels=labels)))
    assert source.test_events().counts == OfficialFolder(write_folder(tmp_path, events)).test_events().counts


def test_memory_that_runs_out_is_no_damage(data_folder):
    with pytest.raises(MemoryError), OfficialFolder(data_folder).file.reading("a row group"):
        raise pa.ArrowMemoryError("malloc of size 64 failed")
