"""The output folder of a run: one process writes to it, and what goes wrong there is one line."""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import ChallengeError, Interruption, shortage
from .files import remove_unfinished
from .locks import locked

#: Numbers of the system's errors that no other folder would mend.
_NOT_OF_THE_FOLDER = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)

#: Those of a path that is no folder.
_NO_FOLDER = (errno.EEXIST, errno.ENOTDIR)


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder that was not there: `name` in `parent`, or else `name-2`, `name-3` and so on.

    Raises:
        ChallengeError: it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                break
    except OSError as error:
        raise ChallengeError(f"no folder can be made in {parent} ({error.strerror}): name one with --output") from error
    return folder


def finished_stages(path: Path) -> list[object]:
    """The work that the output folder of a training holds: its stages and checkpoints, with their times."""
    return [(file, file.stat().st_mtime_ns) for file in sorted(path.rglob("*.npz"))]


@contextlib.contextmanager
def output_folder(path: str | Path, work: Callable[[Path], list[object]] | None = finished_stages) -> Iterator[None]:
    """Make the folder `path` and keep it for this run alone.

    What a killed run was writing in it is removed.

    Arguments:
        path: the folder.
        work: function from the folder to the pieces of work in it that the command would go on from; None for commands
            that begin anew. An interruption that leaves some, and an error that leaves others than there were, know the
            folder (`kept_in`).

    Raises:
        ChallengeError: another run is writing to it, something in it cannot be written or something elsewhere not be
            used, or memory, open files or processes run out.
    """
    path = Path(path)
    with _named(path):
        path.mkdir(parents=True, exist_ok=True)
        with locked(path / ".lock", f"another run is writing to {path}; choose another --output"):
            remove_unfinished(path)
            before = work(path) if work else []
            try:
                with _named(path):
                    yield
            except ChallengeError as error:
                if work and work(path) != before:
                    error.kept_in = path
                raise
            except KeyboardInterrupt as error:
                if work and work(path):
                    raise Interruption(path) from error
                raise


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn errors in a run whose output folder is `path` into what a user reads, where they are no faults."""
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        message = _message(path, error)
        if message is None:
            raise
        raise ChallengeError(message) from error


def _message(path: Path, error: Exception) -> str | None:
    """What a user reads of an error in a run whose output folder is `path`; None for an error that is a fault."""
    if not isinstance(error, OSError) or error.errno in _NOT_OF_THE_FOLDER:
        return shortage(error)
    reason = error.strerror or error
    if isinstance(error.filename, str):
        at, output = Path(error.filename).absolute(), path.absolute()
        if not (at.is_relative_to(output) or output.is_relative_to(at)):  # neither within it nor on the way to it
            return f"{error.filename} cannot be used ({reason}): mend that"
    remedy = "" if error.errno in _NO_FOLDER else "free some space there or "
    return f"cannot write to {path}: {reason}; {remedy}choose another place with --output"
