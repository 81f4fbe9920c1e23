"""What the tests share: where the reference data may lie, and small data folders in the official format."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingestion_test.schema import DATA_FILE, METADATA_FILE, PRIMARIES, PROCESSES, SIGNAL, SUM_WEIGHTS, UNDEFINED, YIELDS
from ingestion_test.simulation import cached_folder

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def official_sample():
    """The folder with 1000 official rows."""
    return _shared("data/official_sample")


@pytest.fixture(scope="session")
def expected():
    """The folder with what the official program gave."""
    return _shared("data/expected")


def _shared(path):
    if not (SHARED / path).exists():
        pytest.skip("the reference data are not there")
    return SHARED / path


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


@pytest.fixture(scope="session")
def simulated_folder(tmp_path_factory):
    """A small sample of the built-in simulation."""
    return cached_folder("small", seed=1, cache_dir=tmp_path_factory.mktemp("cache"), workers=1, progress=False)
