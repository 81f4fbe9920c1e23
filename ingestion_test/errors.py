"""Errors of which the user reads one line."""

import errno


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
