"""The one exception that means: the user can mend this; and how a command line shows it."""

import logging
import sys

#: Characters of a message that are shown; what is longer loses its middle.
_LONGEST = 2000


class ChallengeError(Exception):
    """Something from outside (a file, a flag, a submission) is wrong; the message names it and the remedy.

    The command lines print the message without a traceback and end with exit code 2.
    """


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
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        flags.command(flags)
    except (ChallengeError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what is done is kept", file=sys.stderr)
        return 130
    return 0
