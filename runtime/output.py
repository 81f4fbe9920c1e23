"""The output folder of a run: one process writes to it, and what goes wrong there is one line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from .errors import ChallengeError, shortage
from .files import remove_unfinished
from .locks import locked

#: Numbers of the system's errors that no other folder would mend.
_NOT_OF_THE_FOLDER = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)


@contextlib.contextmanager
def output_folder(path: str | Path, kept: str = " (what is done is kept: --resume continues)") -> Iterator[None]:
    """Make the folder `path` and keep it for this run alone.

    What a killed run was writing in it is removed.

    Arguments:
        path: the folder.
        kept: what a message ends with; by default, where the work that is done can be continued.

    Raises:
        ChallengeError: another run is writing to it, something in it cannot be written or something elsewhere not be
            used, or memory, open files or processes run out.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with locked(path / ".lock", f"another run is writing to {path}; choose another --output"):
            remove_unfinished(path)
            yield
    except (OSError, MemoryError, RuntimeError) as error:
        message = _message(path, error)
        if message is None:
            raise
        raise ChallengeError(message + kept) from error


def _message(path: Path, error: Exception) -> str | None:
    """What a user reads of an error in a run whose output folder is `path`; None for an error that is a fault."""
    if not isinstance(error, OSError) or error.errno in _NOT_OF_THE_FOLDER:
        return shortage(error)
    reason = error.strerror or error
    if isinstance(error.filename, str) and not Path(error.filename).absolute().is_relative_to(path.absolute()):
        return f"{error.filename} cannot be used ({reason}): mend that"
    return f"cannot write to {path}: {reason}; free some space there or choose another place with --output"
