"""What a user reads of an error, and the exit code of the command."""

import argparse
import errno
import sys
from unittest import mock

import pytest

from runtime.errors import ChallengeError, Interruption, one_line, run_command, shortage


def _run(error=None, **flags):
    command = mock.Mock(side_effect=error)
    return run_command(argparse.Namespace(command=command, **flags), "python -m room", ["a", "b c"])


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (None, 0, ""),
        (ChallengeError("no such file:\na\tb; give another"), 2, "error: no such file: a b; give another\n"),
        (OSError(errno.ENOSPC, "No space left", "out"), 2, "error: a file cannot be written ("),
        (PermissionError(errno.EACCES, "Permission denied", "out"), 2, "error: [Errno 13] Permission denied: 'out'\n"),
        (MemoryError("of 3 GiB"), 2, "error: memory ran out (of 3 GiB): use fewer --workers, or a smaller sample\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_exit_code_and_message(error, code, message, capsys):
    assert _run(error) == code
    text = capsys.readouterr().err
    assert text.startswith(message)
    assert text.count("\n") == (code > 0)


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        _run(ZeroDivisionError())


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        ({}, "-m room a 'b c'"),
        ({"resume": False, "output": None}, "-m room a 'b c' --output out --resume"),
        ({"resume": False, "output": "out"}, "-m room a 'b c' --resume"),
        ({"resume": True, "output": "out"}, "-m room a 'b c'"),
    ],
)
@pytest.mark.parametrize("kind", ["error", "interruption"])
def test_the_command_that_goes_on(kind, flags, command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    error = ChallengeError("no room") if kind == "error" else Interruption(tmp_path / "out")
    error.kept_in = tmp_path / "out"
    assert _run(error, **flags) == (2 if kind == "error" else 130)
    begin = "error: no room" if kind == "error" else "interrupted"
    assert capsys.readouterr().err == f"{begin}; what is done is kept, this goes on: {sys.executable} {command}\n"


def test_no_command_where_nothing_is_kept(capsys, tmp_path):
    assert _run(KeyboardInterrupt, resume=False, output=None) == 130
    assert _run(Interruption(tmp_path / "gone"), resume=False, output=None) == 130
    assert capsys.readouterr().err == "interrupted\n" * 2


def test_a_long_message_loses_its_middle():
    line = one_line(ValueError("first " + "x" * 10_000 + " last"))
    assert line.startswith("first x")
    assert line.endswith("x last")
    assert len(line) == 2005


@pytest.mark.parametrize(
    ("error", "text"),
    [
        *((OSError(number, "no"), "make room") for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)),
        (OSError(errno.EFBIG, "no"), "ulimit -f"),
        (OSError(errno.ENOMEM, "no"), "memory ran out"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "memory ran out"),
        (OSError(errno.EMFILE, "no"), "too many files are open"),
        (OSError(errno.ENFILE, "no"), "too many files are open"),
        (BlockingIOError(errno.EAGAIN, "no"), "too many processes"),
        (RuntimeError("can't start new thread"), "too many processes"),
    ],
)
def test_what_the_system_has_no_more_of(error, text):
    assert text in (shortage(error) or "")


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), RuntimeError("no"), ChallengeError("no")])
def test_what_is_no_shortage(error):
    assert shortage(error) is None
