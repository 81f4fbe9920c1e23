"""Errors of which the user reads one line, how a command line shows them, and the command that then goes on."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .streams import secure_streams

#: Characters of a message that are shown; a longer one loses its middle.
_LONGEST = 2000

#: Numbers of the system's errors that say that there is no room for a file, and that too many are open.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


class ChallengeError(Exception):
    """Something from outside (a file, a flag, a submission) is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and end with exit code 2.

    Attributes:
        kept_in: output folder with work of the run that can be continued, None where there is none.
    """

    kept_in: Path | None = None


class Interruption(KeyboardInterrupt):
    """An interruption of a run whose work in the output folder `kept_in` can be continued."""

    def __init__(self, kept_in: Path):
        super().__init__()
        self.kept_in = kept_in


def shortage(error: BaseException) -> str | None:
    """What a user reads of an exception that says that the system has no more of something; None for any other.

    Memory, room on a disk, open files, threads and processes can run out.

    Example:
        >>> shortage(MemoryError("Unable to allocate 3.0 GiB"))
        'memory ran out (Unable to allocate 3.0 GiB): use fewer --workers, or a smaller sample'
        >>> shortage(ValueError("negative"))
    """
    number = getattr(error, "errno", None)
    # torch raises a RuntimeError, whether on CPU or GPU.
    if isinstance(error, MemoryError) or number == errno.ENOMEM or "tried to allocate" in str(error).lower():
        return f"memory ran out ({error}): use fewer --workers, or a smaller sample"
    if number in _TOO_MANY_FILES:
        return f"too many files are open ({error}): use fewer --workers, or raise the limit (ulimit -n)"
    if number == errno.EAGAIN or "can't start new thread" in str(error):
        return f"there are too many processes ({error}): use fewer --workers, or raise the limit (ulimit -u)"
    if number == errno.EFBIG:
        return f"a file is larger than the limit on its size ({error}): raise the limit (ulimit -f)"
    if number in _FULL:
        return f"a file cannot be written ({error}): make room, or set TMPDIR to a folder that has some"
    return None


def one_line(error: BaseException | str) -> str:
    """The message of an exception on one line; other programs' errors, and names of files, may have several.

    >>> one_line(ValueError("no such file: a\\nb"))
    'no such file: a b'
    """
    text = " ".join(str(error).split())
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}"


def run_command(flags: argparse.Namespace, program: str, arguments: Sequence[str] | None = None) -> int:
    """Call `flags.command(flags)`; an error that a user can mend becomes one line, with the command that goes on.

    Arguments:
        flags: the parsed arguments.
        program: what stood before the arguments on the command line, such as "python -m training".
        arguments: the arguments; None for those of this process.

    Returns:
        the exit code: 0, 2 after such an error, 130 after an interruption.
    """
    secure_streams()
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.INFO)
    words = [*program.split(), *(sys.argv[1:] if arguments is None else arguments)]
    try:
        _check_folder()
        flags.command(flags)
        return 0
    except KeyboardInterrupt as interruption:
        print("interrupted" + _what_goes_on(flags, words, interruption), file=sys.stderr)
        return 130
    except Exception as error:
        message = None if isinstance(error, ChallengeError) else shortage(error)
        if message is None and not isinstance(error, (ChallengeError, OSError)):
            raise
        message = one_line(message or error) + _what_goes_on(flags, words, error)
    # The error is gone by now, and with it the progress bars that it held: they would write after the message.
    print(f"error: {message}", file=sys.stderr)
    return 2


def _check_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:  # no process can be started from there
        raise ChallengeError("the current folder is gone: change to another") from error


def _what_goes_on(flags: argparse.Namespace, words: Sequence[str], error: BaseException) -> str:
    """The end of a message: the command that continues the run; empty where nothing of it was kept."""
    output = getattr(error, "kept_in", None)
    # The folder of a run within another command may have been for a moment.
    if output is None or not output.exists():
        return ""
    words = [*words]
    if words[0] == "python":
        words[0] = shown_path(sys.executable)
    if hasattr(flags, "resume"):
        words += [] if flags.output else ["--output", shown_path(output)]
        words += [] if flags.resume else ["--resume"]
    return f"; what is done is kept, this goes on: {one_line(shlex.join(words))}"


def shown_path(path: str | Path) -> str:
    """A path as a user would type it: relative where it lies below the working directory."""
    path = os.path.abspath(path)
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
