"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import ChallengeError

#: Names of files that are being written.
_UNFINISHED = re.compile(r"\..+\.\d+\.part")


@contextlib.contextmanager
def replaced(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file that takes the place of `path` once the block has ended without an error.

    A reader sees the old file or the new one, never half of one; a failure (a full disk, say) leaves the old one.

    Arguments:
        path: the file's final place.
        mode: "w" (text, UTF-8) or "wb".

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(unfinished, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        sync(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def sync(path: str | Path) -> None:
    """Make the content of a file, or the names in a folder, last through a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot
            raise
    finally:
        os.close(descriptor)


def remove_unfinished(folder: str | Path) -> None:
    """Remove what killed processes were writing in `folder` and below; nobody may be writing there."""
    for path in Path(folder).rglob(".*.part"):
        if _UNFINISHED.fullmatch(path.name) and path.is_file():
            path.unlink()


def parsed_json(path: str | Path) -> Any:
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


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as JSON to `path`, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with replaced(path) as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def read_json(path: str | Path) -> Any:
    """The content of a file that `write_json` wrote.

    Raises:
        ChallengeError: it cannot be read.
    """
    try:
        return parsed_json(path)
    except (OSError, ValueError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): remove it and go on with --resume") from error
