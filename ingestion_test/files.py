"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed."""

import contextlib
import json
import os
from pathlib import Path


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
    finally:
        part.unlink(missing_ok=True)


def read_json(path):
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
