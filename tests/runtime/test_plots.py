"""matplotlib without a user's settings."""

import os
import subprocess
import sys

import matplotlib
import pytest

from runtime.plots import plain_style


def test_settings_hold_within_the_block_alone():
    with matplotlib.rc_context({"text.usetex": True, "font.size": 3}):
        with plain_style({"font.size": 9}):
            assert matplotlib.rcParams["text.usetex"] is False
            assert matplotlib.rcParams["font.size"] == 9
        assert matplotlib.rcParams["text.usetex"] is True
        assert matplotlib.rcParams["font.size"] == 3


@pytest.mark.parametrize("backend", ["module://a_backend_that_is_not_installed", "nonsense", "svg", None])
def test_any_backend_may_be_asked_for(backend):
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= {} if backend is None else {"MPLBACKEND": backend}
    program = (
        "import os, runtime.plots, matplotlib.figure; print(os.environ.get('MPLBACKEND'), matplotlib.get_backend())"
    )
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    asked, used = run.stdout.split()
    assert asked == str(backend)
    if backend == "svg":
        assert used == "svg"
