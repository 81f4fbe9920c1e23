"""Simulated samples: official format and yields, the same events however they are made, a cache that mends itself."""

import argparse
import errno
import fcntl
import json
import logging
import multiprocessing
import os
import signal
import threading

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ingestion_test.cli import main
from ingestion_test.derived import derived_features
from ingestion_test.schema import (
    DATA_FILE,
    DERIVED,
    FILE_COLUMNS,
    METADATA_FILE,
    PRIMARIES,
    PROCESSES,
    SIGNAL,
    SUM_WEIGHTS,
    UNDEFINED,
    YIELDS,
)
from ingestion_test.simulation import add_arguments, cache, cached_folder, run, sample, simulate, write_folder, writer
from runtime.errors import ChallengeError

ROWS = 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("simulated") / "folder", ROWS, seed=7, progress=False)


@pytest.fixture(scope="module")
def frame(folder):
    return pd.read_parquet(folder / DATA_FILE)


def test_official_format(folder, frame):
    assert list(frame) == list(FILE_COLUMNS)
    assert len(frame) == ROWS
    for name in FILE_COLUMNS:
        assert frame[name].dtype == np.float32 or name == "detailed_labels"
    assert not frame.isna().any().any()
    assert pq.ParquetFile(folder / DATA_FILE).num_row_groups == 10
    metadata = json.loads((folder / METADATA_FILE).read_text())
    assert metadata["total_rows"] == ROWS
    assert metadata["columns"] == list(FILE_COLUMNS)
    assert metadata["sum_weights"] == SUM_WEIGHTS
    np.testing.assert_array_equal(frame["labels"] == 1, frame["detailed_labels"] == SIGNAL)
    primaries = frame[list(PRIMARIES)].to_numpy()
    np.testing.assert_array_equal(primaries, np.round(primaries, 3))
    expected = derived_features({name: frame[name].to_numpy() for name in PRIMARIES})
    np.testing.assert_array_equal(frame[list(DERIVED)], expected)
    few = frame["PRI_n_jets"] < 2
    assert (frame.loc[few, ["PRI_jet_subleading_pt", "DER_mass_jet_jet"]] == UNDEFINED).all().all()


def test_official_yields_in_the_file_and_in_its_first_part(frame):
    for rows, share in ((frame, 1.0), (frame[: int(0.3 * ROWS)], 0.3)):
        sums = rows.groupby("detailed_labels")["weights"].sum()
        for process in PROCESSES:
            assert abs(sums[process] / (share * YIELDS[process]) - 1) < 3e-3
    # Shuffled: every process from the start of the file to its end, and no order within a block.
    assert (frame["detailed_labels"][:200].value_counts() > 0).sum() == len(PROCESSES)


def test_strata_hold_the_shares_counted_in_a_long_run():
    """Without the normalisation by strata, the shares come out the same: the table belongs to this generator."""
    for code, process in enumerate(PROCESSES):
        _, weights, x = sample.thrown(process, np.random.default_rng(code), 60_000)
        weights = weights * sample.correction(process, x)
        ratio = sample.odds.log_odds(sample.odds.shipped("signal"), x)
        low = ratio < sample.STRATA_EDGES[4]
        share = np.average(low, weights=weights)
        error = np.sqrt(np.sum(weights**2 * (low - share) ** 2)) / weights.sum()
        assert abs(share - np.sum(sample.strata_shares()[process][:5])) < 5 * error


def test_same_events_for_any_number_of_workers(frame):
    blocks = list(simulate(ROWS, seed=7, workers=2))
    for name in ("PRI_met", "weights", "DER_mass_vis"):
        np.testing.assert_array_equal(np.concatenate([block[name] for block in blocks]), frame[name])


def test_the_same_events_where_a_worker_is_killed(frame, caplog):
    blocks = simulate(ROWS, seed=7, workers=2)
    first = next(blocks)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    met = np.concatenate([block["PRI_met"] for block in (first, *blocks)])
    np.testing.assert_array_equal(met, frame["PRI_met"])
    assert "a worker process died" in caplog.text


def test_blocks_do_not_depend_on_what_came_before():
    blocks = list(simulate(3000, seed=5))
    again = sample._block(3000, 5, 4)
    for name, values in again.items():
        np.testing.assert_array_equal(values, blocks[4][name])
    other = sample._block(3000, 6, 4)
    assert not np.array_equal(other["PRI_met"], again["PRI_met"])


def test_unweighted_events_have_equal_weights():
    blocks = list(simulate(2000, seed=1, unweighted=True))
    process = np.concatenate([block["process"] for block in blocks])
    weights = np.concatenate([block["weights"] for block in blocks])
    for code in range(len(PROCESSES)):
        assert np.ptp(weights[process == code]) == 0
        assert (process == code).sum() == 500


@pytest.mark.parametrize("size", ["huge", "12.5", None, sample.MIN_ROWS - 1])
def test_bad_sizes_are_refused(size, tmp_path):
    with pytest.raises(ChallengeError, match="use"):
        write_folder(tmp_path / "new", size)
    assert not (tmp_path / "new").exists()


def test_read_by_the_official_loader(folder, monkeypatch, caplog):
    datasets = pytest.importorskip("HiggsML.datasets", reason="the organisers' package is not installed")
    data = datasets.Data(str(folder))
    data.load_train_set()
    train = data.get_train_set()
    assert len(train) == ROWS - int(0.3 * ROWS)
    assert abs(train["weights"].astype(float).sum() / SUM_WEIGHTS - 1) < 1e-4
    data.load_test_set()
    test = data.get_test_set()
    assert set(test) == set(PROCESSES)
    for process, rows in test.items():
        assert abs(rows["weights"].astype(float).sum() / YIELDS[process] - 1) < 1e-2


def test_output_must_be_empty(tmp_path):
    (tmp_path / "keep").write_text("mine")
    with pytest.raises(ChallengeError, match="not an empty folder"):
        write_folder(tmp_path, 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "_write", full)
    with pytest.raises(ChallengeError, match="No space left"):
        write_folder(tmp_path / "new", 1000, progress=False)
    assert not list(tmp_path.iterdir())


def test_command_line(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args(["--output", str(tmp_path / "out"), "--size", "1000", "--seed", "3", "--workers", "1"]))
    assert len(pd.read_parquet(tmp_path / "out" / DATA_FILE)) == 1000
    assert str(tmp_path / "out") in capsys.readouterr().out
    with pytest.raises(ChallengeError, match="seed"):
        run(parser.parse_args(["--output", str(tmp_path / "two"), "--seed", "-1", "--size", "1000"]))


def test_output_behind_links(tmp_path, capsys):
    def simulated(name):
        return main(["simulate", "--size", "1000", "--workers", "1", "--output", str(tmp_path / name)])

    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert simulated("link") == 0
    assert (tmp_path / "empty" / DATA_FILE).exists()
    (tmp_path / "loop").symlink_to("loop")
    assert simulated("loop") == 2
    assert "leads nowhere" in capsys.readouterr().err


def test_cache_keeps_and_mends(tmp_path):
    def cached():
        return cached_folder(1000, seed=2, cache_dir=tmp_path, workers=1)

    made = cached()
    content = (made / DATA_FILE).read_bytes()
    time = (made / DATA_FILE).stat().st_mtime_ns
    assert cached() == made
    assert (made / DATA_FILE).stat().st_mtime_ns == time
    (made / DATA_FILE).write_bytes(content[:-1] + b"x")
    cached()
    assert (made / DATA_FILE).read_bytes() == content
    (made / METADATA_FILE).unlink()
    cached()
    assert (made / METADATA_FILE).exists()


def test_cache_follows_the_generator(tmp_path, monkeypatch):
    first = cached_folder(1000, cache_dir=tmp_path, workers=1)
    monkeypatch.setattr("ingestion_test.simulation.cache.generator_version", lambda: "other")
    assert cached_folder(1000, cache_dir=tmp_path, workers=1) != first


def test_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ChallengeError, match="HIGGSML_CACHE"):
        cached_folder(1000, cache_dir=tmp_path / "file")


def _make(cache_dir, results):
    folder = cached_folder(1000, seed=4, cache_dir=cache_dir, workers=1)
    results.put((str(folder), (folder / DATA_FILE).stat().st_ino))


def test_who_waits_for_the_cache_says_so(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with open(tmp_path / f"simulation-{cache.generator_version()}-1000-seed0.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = threading.Thread(target=cached_folder, args=(1000, 0, tmp_path, 1))
        waiting.start()
        while "waiting for another process" not in caplog.text:
            assert waiting.is_alive()
    waiting.join()


def test_two_processes_at_once_share_one_sample(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    started = [context.Process(target=_make, args=(tmp_path, results)) for _ in range(2)]
    for process in started:
        process.start()
    found = [results.get(timeout=60) for _ in started]
    for process in started:
        process.join()
    assert found[0] == found[1]


def test_how_far_it_is_without_a_terminal(tmp_path, capsys):
    write_folder(tmp_path / "new", 1000)
    assert "... simulating: 10/10 blocks" in capsys.readouterr().err
