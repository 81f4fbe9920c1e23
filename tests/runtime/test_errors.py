"""What a user reads of an error, and the exit code of the command."""

import argparse
import errno
from unittest import mock

import pytest

from runtime.errors import ChallengeError, one_line, run_command, shortage


def _run(error=None, **flags):
    return run_command(argparse.Namespace(command=mock.Mock(side_effect=error), **flags))


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
    ("flags", "text"),
    [
        ({}, "interrupted"),
        ({"resume": False, "only": None}, "interrupted; what is done is kept: --resume continues"),
        ({"resume": False, "only": (0, 0)}, "interrupted"),
    ],
)
def test_what_an_interruption_leaves(flags, text, capsys):
    assert _run(KeyboardInterrupt, **flags) == 130
    assert capsys.readouterr().err == f"{text}\n"


def test_a_long_message_loses_its_middle():
    line = one_line(ValueError("first " + "x" * 10_000 + " last"))
    assert line.startswith("first x")
    assert line.endswith("x last")
    assert len(line) == 2005


@pytest.mark.parametrize(
    ("error", "text"),
    [
        *((OSError(number, "no"), "make room") for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)),
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
