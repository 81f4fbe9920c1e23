"""What surrounds a run changes none of its results: variables, encodings, limits, folders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion_test.schema import METADATA_FILE
from tests.conftest import write_folder
from tests.submissions import predicting, write

ROOT = Path(__file__).resolve().parents[2]

#: Prints what is no ASCII, and predicts.
SUBMISSION = predicting('return print("\\xe9 \\u03bc") or {"mu_hat": 1.0, "delta_mu_hat": 0.2, "p16": 0.8, "p84": 1.2}')

VARIABLES = (
    "PYTHONOPTIMIZE=2",
    "PYTHONWARNINGS=error",
    "PYTHONDEVMODE=1",
    "PYTHONUTF8=0",
    "PYTHONIOENCODING=ascii",
    "PYTHONIOENCODING=utf-16",
    "PYTHONCASEOK=1",
    "PYTHONPYCACHEPREFIX=/proc/none",
    "LC_ALL=C",
    "LC_ALL=de_DE.ISO-8859-1",
    "HOME=/proc/none",
    "TMPDIR=/proc/none",
    "COLUMNS=1",
    "OMP_NUM_THREADS=nonsense",
    "MPLBACKEND=nonsense",
    "MPLCONFIGDIR=/proc/none",
    "NUMBA_CACHE_DIR=/proc/none",
)

#: Commands of a shell before the run, and what is put behind it.
SHELL = (
    ("umask 077;", ""),
    ("ulimit -n 128;", ""),
    ("ulimit -c 0;", ">/dev/full"),
    ("", "<&- >&- 2>&-"),
    ("", "2>/dev/full"),
    ("", "1</dev/null"),
)


@pytest.fixture(scope="module")
def score(events, tmp_path_factory):
    """A function of shell commands around a run with few events; it returns the result file."""
    place = tmp_path_factory.mktemp("surroundings")
    data = write_folder(place / "data", events)
    (data / METADATA_FILE).write_text(json.dumps({"total_rows": len(events), "sum_weights": 20_000}))
    submission = write(place / "submission", SUBMISSION)

    def run(before, behind, name):
        output = place / name
        flags = f"--data {data} --submission {submission} --sets 1 --experiments 2 --workers 2 --output {output}"
        command = f"{before} {sys.executable} -m ingestion_test score {flags} {behind}"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        run = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr.decode(errors="replace")
        assert "\xe9 \u03bc" in (output / "submission.log").read_text(encoding="utf-8")
        assert (output / "detailed_results.html").exists()
        return json.loads((output / "result_0.json").read_text())

    return run


@pytest.fixture(scope="module")
def expected(score):
    return score("", "", "plain")


@pytest.mark.slow
@pytest.mark.parametrize("variable", VARIABLES)
def test_variables(variable, score, expected):
    assert score(f"export {variable};", "", f"variable-{VARIABLES.index(variable)}") == expected


@pytest.mark.slow
@pytest.mark.parametrize("around", SHELL, ids=str)
def test_limits_and_streams(around, score, expected):
    assert score(*around, f"shell-{SHELL.index(around)}") == expected
