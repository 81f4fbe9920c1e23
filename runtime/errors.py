"""Errors of which the user reads one line, and how a command line shows them."""

from __future__ import annotations

import argparse
import errno
import logging
import sys

from .streams import secure_streams

#: Characters of a message that are shown; a longer one loses its middle.
_LONGEST = 2000

#: Numbers of the system's errors that say that there is no room for a file, and that too many are open.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


class ChallengeError(Exception):
    """Something from outside (a file, a flag, a submission) is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and end with exit code 2.
    """


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
    if number in _FULL:
        return f"a file cannot be written ({error}): make room"
    return None


def one_line(error: BaseException | str) -> str:
    """The message of an exception on one line; other programs' errors, and names of files, may have several.

    >>> one_line(ValueError("no such file: a\\nb"))
    'no such file: a b'
    """
    text = " ".join(str(error).split())
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}"


def run_command(flags: argparse.Namespace) -> int:
    """Call `flags.command(flags)`; an error that a user can mend becomes one line.

    Returns:
        the exit code: 0, 2 after such an error, 130 after an interruption.
    """
    secure_streams()
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.INFO)
    try:
        flags.command(flags)
        return 0
    except KeyboardInterrupt:
        resumable = hasattr(flags, "resume") and not getattr(flags, "only", None)
        print("interrupted" + "; what is done is kept: --resume continues" * resumable, file=sys.stderr)
        return 130
    except Exception as error:
        message = None if isinstance(error, ChallengeError) else shortage(error)
        if message is None and not isinstance(error, (ChallengeError, OSError)):
            raise
        message = one_line(message or error)
    # The error is gone by now, and with it the progress bars that it held: they would write after the message.
    print(f"error: {message}", file=sys.stderr)
    return 2
