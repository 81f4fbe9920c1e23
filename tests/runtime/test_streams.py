"""Standard streams: closed ones, and pipes that nobody reads, cost a command nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Prints a megabyte to both streams, starts a program that needs them, and leaves a file, the first that it opens.
_PROGRAM = """
import argparse, os, subprocess, sys
from runtime.errors import run_command
def command(flags):
    with open(sys.argv[1], "w") as file:
        assert file.fileno() > 2
        for stream in (sys.stdout, sys.stderr):
            print("x" * 1_000_000, file=stream, flush=True)
        subprocess.run([sys.executable, "-c", "import os; [os.fstat(i) for i in range(3)]"], check=True)
        file.write("done")
sys.exit(run_command(argparse.Namespace(command=command), "a test"))
"""


@pytest.mark.parametrize(
    "streams",
    [
        ">/dev/null 2>/dev/null",
        ">&- 2>/dev/null",
        ">/dev/null 2>&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
        "2>/dev/null | true",
        "2>&1 >/dev/null | true",
        "2>&1 | true",
        "2>&1 | head -c 10 >/dev/null",
    ],
)
def test_a_command_runs_to_its_end(streams, tmp_path):
    command = f'set -o pipefail; {sys.executable} -c "$1" "$2" {streams}'
    process = subprocess.run(
        ["bash", "-c", command, "bash", _PROGRAM, str(tmp_path / "file")], cwd=ROOT, capture_output=True, check=False
    )
    assert (process.returncode, process.stderr) == (0, b"")
    assert (tmp_path / "file").read_text() == "done"


def test_what_a_pipe_gets_is_what_was_printed():
    program = _PROGRAM.replace("open(sys.argv[1]", "open(os.devnull")
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert process.stdout == b"x" * 1_000_000 + b"\n"
    assert process.stderr == b"x" * 1_000_000 + b"\n"


def test_a_name_that_is_no_text_can_be_printed():
    program = "import argparse; from runtime.errors import run_command\n"
    program += "run_command(argparse.Namespace(command=lambda flags: print('\\udcff μ')), 'a test')"
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert process.stdout == b"\\udcff \xce\xbc\n"
