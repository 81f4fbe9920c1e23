"""What the tests share: the reference of the official program, and small data folders in the official format."""

import fcntl
import json
import os
from pathlib import Path

# Tests run side by side: more threads than cores would wait for each other. Before numpy and torch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest
from numpy.lib.introspect import opt_func_info

from ingestion_test.schema import (
    DATA_FILE,
    FEATURES,
    METADATA_FILE,
    PRIMARIES,
    PROCESSES,
    SIGNAL,
    SUM_WEIGHTS,
    UNDEFINED,
    YIELDS,
)
from ingestion_test.simulation import cached_folder

#: What the official program gave, and the 1000 official rows that it was given; its README says more.
OFFICIAL = Path(__file__).parent / "ingestion_test" / "official"


@pytest.fixture(scope="session")
def official_sample():
    """The folder with 1000 official rows."""
    return OFFICIAL / "sample"


def assert_official(ours, reference):
    """Features equal the official program's: to the last bit on the kind of processor that made the reference.

    That one has AVX-512. Elsewhere numpy takes other instructions for sinh and cosh, whose last digit in single
    precision differs; the invariant masses, differences of the large numbers that come out, magnify that. So there the
    squared masses may differ by some units in the last place of the squared energy; all else is equal all the same.
    `test_equals_the_organisers_package` compares to the last bit on every machine.
    """
    ours, reference = np.asarray(ours), np.asarray(reference)
    if SAME_SINH:
        np.testing.assert_array_equal(ours, reference)
        return
    values = dict(zip(FEATURES, reference.T.astype(float)))
    for name, column in zip(FEATURES, ours.T):
        pair = MASSES.get(name)
        if pair is None:
            np.testing.assert_array_equal(column, values[name], err_msg=name)
        else:
            energy = sum(values[f"PRI_{particle}_pt"] * np.cosh(values[f"PRI_{particle}_eta"]) for particle in pair)
            unit = np.finfo(np.float32).eps * energy**2
            undefined = values[name] == UNDEFINED
            np.testing.assert_array_equal(column == UNDEFINED, undefined)
            difference = np.abs(column.astype(float) ** 2 - values[name] ** 2)
            assert (difference <= 8 * unit)[~undefined].all(), (
                f"{name}: {np.max((difference / unit)[~undefined])} units"
            )


#: Whether numpy computes sinh here as where the reference was made.
SAME_SINH = "current': 'X86_V4" in str(opt_func_info(func_name="^sinh$", signature="float32"))

MASSES = {"DER_mass_vis": ("lep", "had"), "DER_mass_jet_jet": ("jet_leading", "jet_subleading")}


def make_events(size, seed=0):
    """Rows in the official format with plausible, not physical, values: float32, 3 decimals, -25 for undefined."""
    random = np.random.default_rng(seed)
    frame = {name: random.uniform(-3, 3, size) for name in PRIMARIES if name.endswith(("eta", "phi"))}
    for name, least in (("lep_pt", 20), ("had_pt", 26), ("met", 0)):
        frame[f"PRI_{name}"] = least + random.exponential(20, size)
    jets = random.choice(4, size, p=[0.5, 0.3, 0.15, 0.05])
    pt = np.sort(22 + random.exponential(30, (size, 4)))[:, ::-1] * (np.arange(4) < jets[:, None])
    frame |= {"PRI_n_jets": jets, "PRI_jet_all_pt": pt.sum(axis=1)}
    for number, jet in enumerate(("PRI_jet_leading", "PRI_jet_subleading")):
        frame[f"{jet}_pt"] = pt[:, number]
        for column in ("pt", "eta", "phi"):
            frame[f"{jet}_{column}"] = np.where(jets > number, frame[f"{jet}_{column}"], UNDEFINED)
    frame = pd.DataFrame({name: np.round(frame[name], 3).astype(np.float32) for name in PRIMARIES})
    process = random.choice(len(PROCESSES), size, p=[0.6, 0.05, 0.15, 0.2])
    share = np.array([YIELDS[name] for name in PROCESSES]) / np.bincount(process, minlength=len(PROCESSES))
    frame["weights"] = share[process].astype(np.float32)
    frame["detailed_labels"] = np.array(PROCESSES)[process]
    frame["labels"] = (frame["detailed_labels"] == SIGNAL).astype(np.float32)
    return frame


def write_folder(folder, frame, row_group_size=500, metadata=True):
    """Write `frame` as a data folder in the official format."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(folder / DATA_FILE, row_group_size=row_group_size, index=False)
    if metadata:
        content = {"total_rows": len(frame), "columns": list(frame), "sum_weights": SUM_WEIGHTS, "luminosity": 10}
        (folder / METADATA_FILE).write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def events():
    """3000 rows in the official format, without the derived columns, as in older releases."""
    return make_events(3000)


@pytest.fixture(scope="session")
def data_folder(events, tmp_path_factory):
    """The rows of `events` as a data folder of several row groups."""
    return write_folder(tmp_path_factory.mktemp("data"), events)


@pytest.fixture
def shown(capsys):
    """A function that returns what was printed since its last call, and sees that it suits a pipe and a terminal."""

    def read():
        out, err = capsys.readouterr()
        for line in (out + err).split("\n"):
            assert len(line) <= 100, line
            assert line.isprintable(), line
        return out

    return read


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory):
    """A folder that all processes of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def simulated_folder(common_folder):
    """A small sample of the built-in simulation."""
    return cached_folder("small", seed=1, cache_dir=common_folder / "cache", workers=1)


@pytest.fixture(scope="session")
def smoke_training(simulated_folder, common_folder):
    """Output folder of `python -m training all --preset smoke` on `simulated_folder`; to be read, never written to."""
    from training.__main__ import main  # imports torch, which not all tests need

    output, part = common_folder / "smoke-training", common_folder / "smoke-training.part"
    with open(common_folder / "smoke-training.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            flags = ["--preset", "smoke", "--data", str(simulated_folder), "--output", str(part), "--workers", "1"]
            assert main(["all", *flags]) == 0
            part.rename(output)
    return output
