"""Flags of the folders of the official scripts."""

import argparse

import pytest

from ingestion_test.official_folders import Folder, add_folders, chosen_folders
from ingestion_test.submissions import PROJECT

FOLDERS = {"input": Folder("events", "/app/data", "events"), "output": Folder("out", "/app/output", "results")}


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        ([], {"input": str(PROJECT / "events"), "output": str(PROJECT / "out")}),
        (["-i", "here", "--output", "there"], {"input": "here", "output": "there"}),
        (["-i", "here", "--codabench"], {"input": "/app/data", "output": "/app/output"}),
    ],
)
def test_folders_are_those_of_the_flags(flags, chosen):
    parser = argparse.ArgumentParser()
    add_folders(parser, FOLDERS)
    assert chosen_folders(parser.parse_args(flags), FOLDERS) == chosen
    assert "take /app/data, /app/output for these folders" in " ".join(parser.format_help().split())
