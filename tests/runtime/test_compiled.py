"""Compiled functions and the places where numba would keep them."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys; sys.path.insert(0, {project!r})
from runtime.compiled import compiled
@compiled
def twice(number):
    return 2 * number
assert twice(4) == 8
"""


def _run(folder, **environment):
    """Run a module with a compiled function that lies in `folder`."""
    module = folder / "module.py"
    module.write_text(PROGRAM.format(project=os.getcwd()))
    return subprocess.run(
        [sys.executable, module], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_a_compiled_function_is_kept(tmp_path):
    kept = tmp_path / "kept"
    assert _run(tmp_path, NUMBA_CACHE_DIR=str(kept)).returncode == 0
    assert list(kept.rglob("*.nbc"))


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_files_cost_time_alone(ending, tmp_path):
    kept = tmp_path / "kept"
    _run(tmp_path, NUMBA_CACHE_DIR=str(kept))
    for path in kept.rglob(f"*.{ending}"):
        path.write_bytes(b"damaged")
    run = _run(tmp_path, NUMBA_CACHE_DIR=str(kept))
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_CACHE_DIR": "/proc/none"}, {"NUMBA_CACHE_DIR": "/dev/null"}, {"NUMBA_DISABLE_JIT": "1"}],
    ids=str,
)
def test_a_function_needs_no_place_to_be_kept(environment, tmp_path):
    run = _run(tmp_path, **environment)
    assert run.returncode == 0, run.stderr
