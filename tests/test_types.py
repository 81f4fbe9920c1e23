"""A wrong call is reported by mypy in every room, with the settings of pyproject.toml."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "runtime",
    "ingestion_test",
    "ingestion_test/simulation",
    "submission",
    "upload",
    "training",
    "experiments",
    "benchmarks",
)

IMPORTS = (
    "import numpy as np",
    "from ingestion_test.scoring import score_sets, sigma68",
    "from submission.classifier import Classifier",
    "from submission.flows import Flow, FlowConfig",
)

#: Lines, and the codes of the errors that mypy finds in them; None where there is nothing to find.
LINES = {
    "def untyped(x): return x": "no-untyped-def",
    "def half(x: float) -> float: return x / 2": None,
    "half()": "call-arg",
    'half("a")': "arg-type",
    "half(1.0, y=2)": "call-arg",
    "np.zeros()": "call-overload",
    "empty = []": "var-annotated",
    "half(1.0).no_attribute": "attr-defined",
    "sigma68()": "call-arg",
    'sigma68("100")': "arg-type",
    "score_sets([1.0])": "call-arg",
    "Flow(FlowConfig(2)).log_probb(1)": "operator",
    "Flow(FlowConfig(2)).log_prob()": "call-arg",
    "Flow(FlowConfig(2)).set_scale('1')": "arg-type",
    "Classifier.no_attribute": "attr-defined",
}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """What mypy reports of the lines, put in the place of each room's `__init__.py`: set of (room, line, code)."""
    folder = tmp_path_factory.mktemp("wrong")
    flags = []
    for number, room in enumerate(ROOMS):
        imports = [line.replace(f"from {room}.", "from .") for line in IMPORTS]
        path = folder / f"room{number}.py"
        path.write_text("\n".join([*imports, *LINES]) + "\n", encoding="utf-8")
        flags += ["--shadow-file", f"{room}/__init__.py", str(path)]
    modules = [f"{room}/__init__.py" for room in ROOMS]
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), *flags, *modules]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    lines = [*imports, *LINES]
    matches = re.findall(r"^([\w/]+)/__init__\.py:(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    return {(room, lines[int(number) - 1], code) for room, number, code in matches}


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_wrong_calls_are_reported(reported, room):
    expected = {(room, text, code) for text, code in LINES.items() if code}
    assert {entry for entry in reported if entry[0] == room} == expected
