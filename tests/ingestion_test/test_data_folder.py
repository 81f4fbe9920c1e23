"""The file of a data folder, and what is said of a folder without it."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest

from ingestion_test.data_folder import JOIN, JOIN_FILES
from ingestion_test.schema import DATA_FILE, METADATA_FILE
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from tests.conftest import write_folder


def _part_files(folder, frame):
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), 12)):
        place = folder / f"part-{number:05}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        frame.iloc[rows].to_parquet(place, index=False)


@pytest.mark.parametrize(
    ("place", "join", "text"),
    [
        (DATA_FILE, JOIN, "is a folder of 12 part files, not a file; join them"),
        (".", JOIN_FILES, "12 parquet files, none of them .*If they are parts of one, join them"),
    ],
)
def test_part_files_are_joined_as_the_error_says(place, join, text, data_folder, events, tmp_path, monkeypatch):
    _part_files(tmp_path / place, events)
    (tmp_path / METADATA_FILE).write_bytes((data_folder / METADATA_FILE).read_bytes())
    with pytest.raises(ChallengeError, match=text) as error:
        OfficialFolder(tmp_path)
    program = join.format(parts=tmp_path / place)
    assert program in str(error.value)
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", program], check=True)
    (tmp_path / "JOINED" / METADATA_FILE).write_bytes((data_folder / METADATA_FILE).read_bytes())
    pd.testing.assert_frame_equal(OfficialFolder("JOINED").train_set(), OfficialFolder(data_folder).train_set())


def _partitions(folder, events):
    pyarrow.dataset.write_dataset(pa.Table.from_pandas(events), folder, format="parquet", partitioning=["labels"])


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda folder, events: _part_files(folder / "a", events), "a folder of 12 part files"),
        (_partitions, "a folder of 2 part files"),
        (lambda folder, events: _part_files(folder, events), f"12 parquet files, none of them {DATA_FILE}"),
        (lambda folder, events: write_folder(folder / "below", events), r"lies in \S*below: give that folder"),
        (lambda folder, _: (folder / DATA_FILE).symlink_to("gone"), "is a link to gone, which is not there"),
        (lambda folder, _: (folder / "FAIR_Universe_HiggsML_data.zip").touch(), "unpack or rename FAIR.*zip"),
        (lambda folder, _: (folder / METADATA_FILE).touch(), f"it should hold {DATA_FILE}$"),
    ],
)
def test_a_folder_without_the_file_says_what_is_there(write, text, events, tmp_path):
    write(tmp_path, events)
    with pytest.raises(ChallengeError, match=text):
        OfficialFolder(tmp_path)


def test_a_file_is_no_folder(data_folder):
    with pytest.raises(ChallengeError, match="is a file; --data takes the folder that holds it"):
        OfficialFolder(data_folder / DATA_FILE)
