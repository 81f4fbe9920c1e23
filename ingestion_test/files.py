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


def write_json(path, content):
    """Write `content` as JSON to `path`, whole or not at all."""
    with replaced(path) as file:
        json.dump(content, file, indent=1)
        file.write("\n")
