"""Where the numbers of a report come from."""

import hashlib
import re
import sys
import tomllib

import numpy as np

from ingestion_test.cli import main
from ingestion_test.provenance import provenance
from ingestion_test.submissions import PROJECT
from tests.ingestion_test.prediction_folders import write_folder
from tests.submissions import good, predicting, write


def test_what_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "ingestion_test", "score", "--output", "a b"])
    texts = provenance(write_folder(tmp_path))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", texts["Date"])
    assert texts["Command"] == "python -m ingestion_test score --output 'a b'"
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert texts["Version"] == f"{project['name']} {project['version']}"
    assert f"numpy {np.__version__}" in texts["Packages"]
    assert not any(title.startswith("Checksum") for title in texts)


def test_checksums_are_those_of_submission_and_events(tmp_path, data_folder):
    folder = write(tmp_path / "mine", predicting(good()))
    flags = ["--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "out")]
    assert main(["score", *flags, "--sets", "1", "--experiments", "1", "--workers", "1"]) == 0
    content = (folder / "model.py").read_bytes()
    digest = hashlib.sha256(f"model.py\0{len(content)}\0".encode() + content).hexdigest()
    page = (tmp_path / "out" / "detailed_results.html").read_text(encoding="utf-8")
    assert provenance(tmp_path / "out")["Checksum of the submission"] == f"SHA-256 {digest}"
    assert digest in page
    assert "Checksum of the events" in page
