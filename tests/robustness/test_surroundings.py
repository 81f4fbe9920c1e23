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

PREDICT = 'return print("\\xe9 \\u03bc") or {"mu_hat": 1.0, "delta_mu_hat": 0.2, "p16": 0.8, "p84": 1.2}'

#: Prints what is no ASCII, and predicts.
SUBMISSION = predicting(PREDICT)

#: What depends on more of its surroundings: it reads a text, draws a figure and warns.
SENSITIVE = predicting(
    PREDICT,
    head="import warnings",
    fit="""
        import matplotlib.pyplot as plt
        assert open(os.path.join(os.path.dirname(__file__), "text")).read() == "\\u03bc"
        warnings.warn("careful")
        plt.plot([1, 2]); plt.title("$x_1$")
        plt.savefig(os.path.join(os.path.dirname(__file__), "figure.png")); plt.show()
""".strip(),
) | {"text": "\u03bc"}

#: Several at once, which do not hide each other.
VARIABLES = (
    "PYTHONOPTIMIZE=2 PYTHONWARNINGS=error PYTHONDEVMODE=1 PYTHONUTF8=0 PYTHONIOENCODING=ascii",
    "PYTHONIOENCODING=utf-16 PYTHONCASEOK=1 PYTHONPYCACHEPREFIX=/proc/none LC_ALL=C HOME=/proc/none",
    "LC_ALL=de_DE.ISO-8859-1 TMPDIR=/proc/none COLUMNS=1 OMP_NUM_THREADS=nonsense MPLBACKEND=nonsense",
    "MPLCONFIGDIR=/proc/none NUMBA_CACHE_DIR=/proc/none PYTHONSAFEPATH=1 PYTHONVERBOSE=1 PYTHONMALLOC=debug",
    "PYTHONINTMAXSTRDIGITS=640 PYTHONHASHSEED=7 PYTHONNOUSERSITE=1 TZ=nonsense PATH=/nowhere",
    "GIT_DIR=/nowhere XDG_CACHE_HOME=/proc/none LC_NUMERIC=de_DE",
)

#: Those that change what the processes of a submission do by themselves.
OF_SUBMISSIONS = (
    "PYTHONWARNINGS=error",
    "MPLBACKEND=nonsense",
    "MPLBACKEND=tkagg",
    "MPLCONFIGDIR=$SETTINGS",
    "MATPLOTLIBRC=$SETTINGS",
    "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0",
)

#: Commands of a shell before the run, and what is put behind it.
SHELL = (
    ("umask 077;", ""),
    ("ulimit -n 128;", ""),
    ("ulimit -c 0;", ">/dev/full"),
    ("", "<&- >&- 2>&-"),
    ("", "2>/dev/full"),
    ("", "1</dev/null"),
    ("env -i PYTHONPATH=$PYTHONPATH", ""),
    ("env --ignore-signal=CHLD --ignore-signal=TERM --ignore-signal=HUP", ""),
    ("env --block-signal=CHLD --block-signal=INT", ""),
    ("nohup", ""),
    ("setsid -w", ""),
)


@pytest.fixture(scope="module")
def score(events, tmp_path_factory):
    """A function of shell commands around a run with few events; it returns the result file."""
    place = tmp_path_factory.mktemp("surroundings")
    data = write_folder(place / "data", events)
    (data / METADATA_FILE).write_text(json.dumps({"total_rows": len(events), "sum_weights": 20_000}))
    write(place / "plain", SUBMISSION)
    write(place / "sensitive", SENSITIVE)
    settings = write(place / "settings", {"matplotlibrc": "text.usetex: True"})

    def run(before, behind, name, submission="plain"):
        output = place / name
        flags = f"--data {data} --sets 1 --experiments 2 --workers 2"
        flags += f" --submission {place / submission} --output {output}"
        command = f"{before} {sys.executable} -m ingestion_test score {flags} {behind}"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "SETTINGS": str(settings)}
        run = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr.decode(errors="replace")
        assert "\xe9 \u03bc" in (output / "submission.log").read_text(encoding="utf-8")
        assert (output / "detailed_results.html").exists()
        return json.loads((output / "result_0.json").read_text())

    return run


@pytest.fixture(scope="module")
def expected(score):
    return score("", "", "expected")


@pytest.mark.slow
@pytest.mark.parametrize("variables", VARIABLES)
def test_variables(variables, score, expected):
    assert score(f"export {variables};", "", f"variables-{VARIABLES.index(variables)}") == expected


@pytest.mark.slow
@pytest.mark.parametrize("around", SHELL, ids=str)
def test_limits_and_streams(around, score, expected):
    assert score(*around, f"shell-{SHELL.index(around)}") == expected


@pytest.mark.slow
@pytest.mark.parametrize("variables", OF_SUBMISSIONS)
def test_variables_that_submissions_depend_on(variables, score, expected):
    assert score(f"export {variables};", "", f"of-{OF_SUBMISSIONS.index(variables)}", "sensitive") == expected
