"""The official data folder: what is read, how much of it, and what is refused."""

import logging
import os
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ingestion_test.schema import DATA_FILE, METADATA_FILE, PRIMARIES, PROCESSES, SUM_WEIGHTS
from ingestion_test.sources import OfficialFolder, open_test_events
from runtime.errors import ChallengeError
from tests.conftest import make_events, write_folder


def test_split_and_weights(data_folder, events):
    source = OfficialFolder(data_folder)
    assert (source.test_rows, source.train_rows) == (900, 2100)
    test_events, train = source.test_events(), source.train_set()
    assert abs(test_events.weights.sum(dtype=float) / SUM_WEIGHTS - 1) < 1e-6
    assert abs(train["weights"].astype(float).sum() / SUM_WEIGHTS - 1) < 1e-6
    for process in PROCESSES:
        first, weights = test_events.process(process)
        rows = events[:900][events["detailed_labels"][:900] == process]
        np.testing.assert_array_equal(
            test_events.primaries[first : first + len(weights)], rows[list(PRIMARIES)].to_numpy()
        )
        np.testing.assert_allclose(weights / weights[0], rows["weights"] / rows["weights"].iloc[0], rtol=1e-6)
    assert list(train) == list(events)
    columns = [name for name in events if name != "weights"]
    pd.testing.assert_frame_equal(train[columns], events[900:][columns].reset_index(drop=True))


def test_mapped_test_events_are_the_same(data_folder, tmp_path):
    in_memory = OfficialFolder(data_folder).test_events()
    OfficialFolder(data_folder).test_events(tmp_path)
    mapped = open_test_events(tmp_path)
    np.testing.assert_array_equal(mapped.primaries, in_memory.primaries)
    np.testing.assert_array_equal(mapped.weights, in_memory.weights)
    assert mapped.counts == in_memory.counts


def test_train_size(data_folder):
    source = OfficialFolder(data_folder)
    numbered = source.train_set()
    for size, rows in ((0, 0), (100, 100), (10**9, 2100), (0.5, 1050), (1.0, 2100), (np.float64(0.5), 1050)):
        part = source.train_set(train_size=size)
        assert len(part) == rows
        places = _places(part, numbered)
        assert np.all(np.diff(places) > 0), "file order, without replacement"
        if rows:
            assert abs(part["weights"].astype(float).sum() / SUM_WEIGHTS - 1) < 1e-6


def _places(part, whole):
    """Row numbers in `whole` of the rows of `part`; the azimuths tell rows apart."""
    keys = ["PRI_lep_phi", "PRI_had_phi", "PRI_met_phi", "PRI_met"]
    numbers = {tuple(row): place for place, row in enumerate(whole[keys].to_numpy())}
    return np.array([numbers[tuple(row)] for row in part[keys].to_numpy()])


def test_selected_indices_count_from_the_first_training_row(data_folder):
    source = OfficialFolder(data_folder)
    whole = source.train_set()
    for indices in ([2099, 0, 700], np.array([2099, 0, 700])):
        assert _places(source.train_set(selected_indices=indices), whole).tolist() == [0, 700, 2099]


def test_training_events_are_those_of_the_training_set(data_folder):
    source = OfficialFolder(data_folder)
    frame = source.train_set(selected_indices=np.arange(100, 1300))
    primaries, weights, process = source.train_events(100, 1300)
    np.testing.assert_array_equal(primaries, frame[list(PRIMARIES)].to_numpy(np.float32))
    np.testing.assert_array_equal(weights, frame["weights"].to_numpy(np.float64))
    assert [PROCESSES[place] for place in process] == frame["detailed_labels"].tolist()
    assert [len(part) for part in source.train_events(5, 5)] == [0, 0, 0]


def test_most_training_events_are_row_groups_chosen_by_seed(data_folder, tmp_path):
    """Row groups of the data folder have 500 rows, and test events are its first 900."""
    source = OfficialFolder(data_folder)
    whole, groups, starts = source.train_events(0, 1900)[0], {0, 100, 600, 1100, 1600}, set()
    for seed in range(20):
        primaries, weights, process = source.train_events(0, 1900, most=600, seed=seed)
        np.testing.assert_array_equal(primaries, source.train_events(0, 1900, most=600, seed=seed)[0])
        assert len(primaries) == len(weights) == len(process) == 600
        assert abs(weights.sum() / SUM_WEIGHTS - 1) < 1e-6
        places = np.array([np.flatnonzero((whole == row).all(axis=1))[0] for row in primaries])
        assert (np.diff(places) > 0).all()
        starts |= {int(place) for place in places if place - 1 not in places}
    assert starts == groups
    np.testing.assert_array_equal(source.train_events(0, 1900, most=1900)[0], whole)
    mapped = source.train_events(0, 1900, 600, seed, tmp_path)
    for name, kept, array in zip(("primaries", "weights", "process"), mapped, (primaries, weights, process)):
        np.testing.assert_array_equal(kept, array)
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), array)


def test_organisers_loader_agrees(data_folder):
    package = pytest.importorskip("HiggsML.datasets", reason="the organisers' package is not installed")
    theirs = package.Data(str(data_folder))
    theirs.load_train_set(selected_indices=[5, 1, 1500])
    ours = OfficialFolder(data_folder).train_set(selected_indices=[5, 1, 1500])
    pd.testing.assert_frame_equal(ours, theirs.get_train_set())
    theirs.load_test_set()
    test_events = OfficialFolder(data_folder).test_events()
    assert list(theirs.get_test_set()) == list(PROCESSES)
    for process, frame in theirs.get_test_set().items():
        np.testing.assert_array_equal(frame["weights"], test_events.process(process)[1])


#: Requests that both take: rows drawn from numpy's global stream, and rows chosen in ways wise and not.
REQUESTS = [
    {},
    {"train_size": 100},
    {"train_size": 0.25},
    {"train_size": 0},
    {"train_size": 5000},
    {"train_size": np.float64(0.1)},
    {"selected_indices": [5, 1, 1500, 5]},
    {"selected_indices": []},
    {"selected_indices": [-1, 3, 2099, 2100, 10**6]},
    {"selected_indices": [0.5, 7.9, -1.5]},
    {"selected_indices": [True, False]},
    {"selected_indices": np.arange(50, dtype=np.uint16)},
    {"train_size": 10, "selected_indices": [1, 2, 3]},
    {"train_size": 10, "selected_indices": (4, 1)},
    {"train_size": -1, "selected_indices": [5]},
    {"train_size": 7, "selected_indices": pd.Series([3, 1])},
    {"selected_indices": np.array([2, 1], object)},
    {"selected_indices": np.array([2, 1], np.uint64)},
    {"selected_indices": np.arange(9)[::-1]},
]

#: Requests that neither takes.
REFUSED = [
    {"train_size": True},
    {"train_size": -1},
    {"train_size": 10**30, "selected_indices": ["1"]},
    {"train_size": 1 + 2j},
    {"train_size": 7, "selected_indices": 7},
    {"train_size": 7, "selected_indices": np.array(3)},
    {"selected_indices": [None]},
    {"selected_indices": [[1], [2, 3]]},
    {"selected_indices": "12"},
    {"selected_indices": iter([1])},
    {"selected_indices": {1: 2}},
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_train_sets_are_those_of_the_organisers_package(request_, data_folder):
    package = pytest.importorskip("HiggsML.datasets", reason="the organisers' package is not installed")
    theirs, ours = package.Data(str(data_folder)), OfficialFolder(data_folder)
    np.random.seed(5)
    expected = []
    for _ in range(2):
        theirs.load_train_set(**request_)
        expected.append(theirs.get_train_set())
    stream = np.random.random()
    np.random.seed(5)
    for frame in expected:
        pd.testing.assert_frame_equal(ours.train_set(**request_), frame)
    assert np.random.random() == stream


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.uint64])
def test_indices_of_small_types(kind, data_folder):
    """The image's numpy adds the number of test rows to them as it should; numpy 2 raises OverflowError."""
    source = OfficialFolder(data_folder)
    frame = source.train_set(selected_indices=np.array([120, 1], kind))
    pd.testing.assert_frame_equal(frame, source.train_set(selected_indices=[1, 120]))


def test_indices_beyond_64_bits_are_left_out(data_folder):
    """Where the official program, whose sums overflow, takes others."""
    source = OfficialFolder(data_folder)
    frame = source.train_set(selected_indices=np.array([543, 2**64 - 2, 155], np.uint64))
    pd.testing.assert_frame_equal(frame, source.train_set(selected_indices=[155, 543]))


@pytest.mark.parametrize("request_", REFUSED)
def test_the_organisers_package_refuses_them_too(request_, data_folder):
    package = pytest.importorskip("HiggsML.datasets", reason="the organisers' package is not installed")
    for call in (package.Data(str(data_folder)).load_train_set, OfficialFolder(data_folder).train_set):
        with pytest.raises((ValueError, TypeError)):
            call(**request_)


@pytest.mark.parametrize(
    "arguments",
    [
        {"train_size": -1},
        {"train_size": 1.5},
        {"train_size": "all"},
        {"train_size": np.int64(5)},
        {"train_size": np.float32(0.5)},
        {"train_size": float("nan")},
        {"selected_indices": (1, 2)},
        {"selected_indices": range(3)},
        {"selected_indices": pd.Series([1])},
        {"selected_indices": pd.Index([1])},
        {"selected_indices": {1, 2}},
        {"selected_indices": [0] * 2101},
    ],
)
def test_bad_requests(arguments, data_folder):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        OfficialFolder(data_folder).train_set(**arguments)


@pytest.mark.parametrize("content", [None, "{ broken", "[1, 2]", "[" * 200_000])
def test_missing_or_broken_metadata_is_a_warning(content, events, tmp_path, caplog):
    folder = write_folder(tmp_path, events, metadata=False)
    if content is not None:
        (folder / METADATA_FILE).write_text(content)
    with caplog.at_level(logging.WARNING):
        source = OfficialFolder(folder)
    assert "weights are not rescaled" in caplog.text
    assert source.total_rows == len(events)
    np.testing.assert_allclose(
        source.test_events().weights.sum(dtype=float), events["weights"][:900].astype(float).sum(), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ('{"total_rows": 5}', "has 3000 rows, its metadata say 5"),
        ('{"total_rows": 3000, "sum_weights": -1}', "sum_weights .* is -1"),
        ('{"total_rows": 3000, "sum_weights": "many"}', "sum_weights .* is 'many'"),
        ('{"total_rows": 3000, "sum_weights": 1e15}', "sum_weights .* is 1000000000000000.0; .* at the most"),
        ('{"total_rows": 3000, "sum_weights": Infinity}', "sum_weights .* is inf"),
        ('{"total_rows": [' + "5, " * 5000 + "5]}", r"its metadata say \[5, 5, 5, 5, 5, 5, \.\.\.\]"),
    ],
)
def test_metadata_that_cannot_be(metadata, text, events, tmp_path):
    folder = write_folder(tmp_path, events)
    (folder / METADATA_FILE).write_text(metadata)
    with pytest.raises(ChallengeError, match=text):
        OfficialFolder(folder)


def test_other_file_names(events, tmp_path):
    folder = write_folder(tmp_path, events)
    (folder / DATA_FILE).rename(folder / "mine.parquet")
    assert OfficialFolder(folder).total_rows == len(events)
    (folder / "other.parquet").write_bytes(b"")
    with pytest.raises(ChallengeError, match=f"2 parquet files, none of them {DATA_FILE}"):
        OfficialFolder(folder)


def test_no_folder_and_no_file(tmp_path):
    with pytest.raises(ChallengeError, match="no such folder"):
        OfficialFolder(tmp_path / "nowhere")
    with pytest.raises(ChallengeError, match="no parquet file in"):
        OfficialFolder(tmp_path)
    (tmp_path / DATA_FILE).write_bytes(b"PAR1 and then nonsense")
    with pytest.raises(ChallengeError, match="the footer cannot be read"):
        OfficialFolder(tmp_path)


def test_weights_of_more_events_than_fit_into_memory(events, tmp_path):
    folder = write_folder(tmp_path, events.assign(weights=np.float32(1e8)), metadata=False)
    with pytest.raises(ChallengeError, match=r"sum to 9e\+10, and a pseudo-experiment has as many events"):
        OfficialFolder(folder).test_events()


def test_what_is_no_regular_file_is_not_waited_for(events, tmp_path):
    folder = write_folder(tmp_path, events)
    (folder / METADATA_FILE).unlink()
    os.mkfifo(folder / METADATA_FILE)
    assert OfficialFolder(folder).sum_weights is None
    (folder / DATA_FILE).unlink()
    os.mkfifo(folder / DATA_FILE)
    with pytest.raises(ChallengeError, match="no parquet file in"):
        OfficialFolder(folder)


def test_a_process_without_events(events, tmp_path):
    frame = events[events["detailed_labels"] != "diboson"].reset_index(drop=True)
    with pytest.raises(ChallengeError, match="no diboson among the first"):
        OfficialFolder(write_folder(tmp_path, frame)).test_events()


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int64"])
def test_weights_that_are_whole_numbers_are_rescaled_all_the_same(kind, events, tmp_path):
    source = OfficialFolder(write_folder(tmp_path, events.assign(weights=np.full(len(events), 3, kind))))
    np.testing.assert_allclose(source.test_events().weights.sum(dtype=float), SUM_WEIGHTS, rtol=1e-6)
    np.testing.assert_allclose(source.train_set()["weights"].sum(), SUM_WEIGHTS)


def test_weights_that_sum_to_nothing(events, tmp_path):
    with pytest.raises(ChallengeError, match=r"sum to 0.0; they must be positive"):
        OfficialFolder(write_folder(tmp_path, events.assign(weights=np.float32(0)))).test_events()


def test_memory_grows_with_the_rows_asked_for_not_with_the_file(tmp_path):
    """Twenty times the file costs no more for the same training rows, in many row groups or in one."""
    peaks = {}
    for copies, group in ((1, 20_000), (20, 20_000), (20, 400_000)):
        frame = pd.concat([make_events(20_000)] * copies, ignore_index=True)
        source = OfficialFolder(write_folder(tmp_path / f"{copies}-{group}", frame, row_group_size=group))
        source.train_set(train_size=100)
        peaks[copies, group] = _peak_bytes(lambda source=source: source.train_set(train_size=5000))
    assert peaks[20, 20_000] < 1.5 * peaks[1, 20_000] + 3e6
    assert peaks[20, 400_000] < 0.5 * 400_000 * 31 * 4


def _peak_bytes(function):
    """Python's own and arrow's allocations at their highest, above what was there before."""
    pool = pa.default_memory_pool()
    pa.total_allocated_bytes()
    tracemalloc.start()
    before = pool.bytes_allocated()
    function()
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return python + max(0, pool.bytes_allocated() - before)
