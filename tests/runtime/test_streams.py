"""Standard streams: closed ones, and pipes that nobody reads, cost a command nothing."""

import subprocess
import sys
import time
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
        "1</dev/null",
        "2</dev/null >/dev/null",
        "2>/dev/full >/dev/null",
    ],
)
def test_a_command_runs_to_its_end(streams, tmp_path):
    command = f'set -o pipefail; {sys.executable} -c "$1" "$2" {streams}'
    process = subprocess.run(
        ["bash", "-c", command, "bash", _PROGRAM, str(tmp_path / "file")], cwd=ROOT, capture_output=True, check=False
    )
    assert (process.returncode, process.stderr.replace(b"x" * 1_000_000 + b"\n", b"")) == (
        0,
        b"warning: output is lost: Bad file descriptor\n" * ("1<" in streams),
    )
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


def test_a_full_disk_behind_the_output_is_said_once():
    program = _PROGRAM.replace("assert file.fileno() > 2", "print(1); print(2, flush=True)")
    command = f'{sys.executable} -c "$1" /dev/null 2>&1 >/dev/full'
    process = subprocess.run(
        ["bash", "-c", command, "bash", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert process.stdout.count("warning: output is lost: No space left on device") == 1


def test_a_reader_that_is_slow_gets_all():
    """The pipe does not block and is small: what does not fit is waited for."""
    program = "import os\nfor number in (1, 2):\n    os.set_blocking(number, False)\n" + _PROGRAM
    program = program.replace("open(sys.argv[1]", "open(os.devnull")
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        time.sleep(0.5)
        assert process.stdout.read() == (b"x" * 1_000_000 + b"\n") * 2
    assert process.returncode == 0


def test_a_folder_that_is_gone_is_one_line(tmp_path):
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + _PROGRAM
    (tmp_path / "gone").mkdir()
    command = f'cd {tmp_path}/gone; rmdir ../gone; exec {sys.executable} -c "$1" x'
    process = subprocess.run(["bash", "-c", command, "bash", program], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr == "error: the current folder is gone: change to another\n"
