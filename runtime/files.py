"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

import contextlib
import errno
import fcntl
import json
import os
import re
from pathlib import Path

from .errors import ChallengeError

_PART = re.compile(r"\..+\.\d+\.part")


@contextlib.contextmanager
def replaced(path, mode="w"):
    """Open a file that takes the place of `path` once the block has ended without an error.

    A reader sees the old file or the new one, never half of one; a failure (a full disk, say) leaves the old one.

    Arguments:
        path: the file's final place.
        mode: "w" (text, UTF-8) or "wb".
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync(path):
    """Make the content of a file, or the names in a folder, last through a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot
            raise
    finally:
        os.close(descriptor)


def remove_parts(folder):
    """Remove what killed processes were writing in `folder` and below; nobody may be writing there."""
    for path in Path(folder).rglob(".*.part"):
        if _PART.fullmatch(path.name) and path.is_file():
            path.unlink()


def parsed_json(path):
    """The content of the JSON file `path`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, or no JSON.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError("no regular file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_json(path, content):
    """Write `content` as JSON to `path`, whole or not at all."""
    with replaced(path) as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def read_json(path):
    """The content of a file that `write_json` wrote.

    Raises:
        ChallengeError: it cannot be read.
    """
    try:
        return parsed_json(path)
    except (OSError, ValueError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): remove it and go on with --resume") from error


@contextlib.contextmanager
def locked(path, refusal):
    """Hold the lock file `path`; the system frees it if the process dies.

    Raises:
        ChallengeError: another process holds it; the message is `refusal`.
    """
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            current = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
        except (BlockingIOError, FileNotFoundError):
            current = False
        if not current:  # held, or removed by its holder since it was opened
            raise ChallengeError(refusal)
        yield
