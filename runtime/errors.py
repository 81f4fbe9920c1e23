"""Errors of which the user reads one line, and how a command line shows them."""

import errno
import io
import logging
import sys

#: Characters of a message that are shown; what is longer loses its middle.
_LONGEST = 2000


class ChallengeError(Exception):
    """Something from outside (a file, a flag, a submission) is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and end with exit code 2.
    """


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def shortage(error):
    """What a user reads of an exception that says that memory or disk ran out, with the remedy; None for any other.

    Example:
        >>> shortage(MemoryError("Unable to allocate 3.0 GiB"))
        'memory ran out (Unable to allocate 3.0 GiB): use fewer --workers, or a smaller sample'
        >>> shortage(ValueError("negative"))
    """
    number = getattr(error, "errno", None)
    # torch raises a RuntimeError, whether on CPU or GPU.
    if isinstance(error, MemoryError) or number == errno.ENOMEM or "tried to allocate" in str(error).lower():
        return f"memory ran out ({error}): use fewer --workers, or a smaller sample"
    if number in _FULL:
        return f"a file cannot be written ({error}): make room"
    return None


def one_line(error):
    """The message of an exception on one line; other programs' errors, and names of files, may have several.

    >>> one_line(ValueError("no such file: a\\nb"))
    'no such file: a b'
    """
    text = " ".join(str(error).split())
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}"


def run_command(flags):
    """Call `flags.command(flags)`; what a user can mend becomes one line.

    Returns:
        the exit code: 0, 2 for what the user can mend, 130 if interrupted.
    """
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.INFO)
    # A file name may hold bytes that are no text.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        flags.command(flags)
        return 0
    except KeyboardInterrupt:
        kept = hasattr(flags, "resume") and not getattr(flags, "only", None)
        print("interrupted" + "; what is done is kept: --resume continues" * kept, file=sys.stderr)
        return 130
    except Exception as error:
        said = None if isinstance(error, ChallengeError) else shortage(error)
        if said is None and not isinstance(error, (ChallengeError, OSError)):
            raise
        said = one_line(said or error)
    # The error is gone by now, and with it the progress bars that it held: they would write after the message.
    print(f"error: {said}", file=sys.stderr)
    return 2
