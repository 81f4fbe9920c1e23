"""Append-only records: a line of JSON for each thing done, on the disk before the next is begun."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import ChallengeError


class Record:
    """What a run has done, kept in a file that grows line by line.

    The first line says which run it is. A line that was cut off by a kill or a full disk is dropped when the run is
    resumed; all before it count.

    Arguments:
        path: the file.
        identity: dict that JSON can hold; a record of another identity is not continued.
        resume: continue what is there. Otherwise a record in `path` is an error.
        take: called with each line that is there after the first, as JSON has it; raises ValueError, KeyError or
            TypeError if the line is not one that was written.

    Raises:
        ChallengeError: there is a record and `resume` is off, it is of another run, or it is damaged.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any], resume: bool, take: Callable[[Any], None]):
        self.path = Path(path)
        if self.path.exists() and not self.path.is_file():
            raise ChallengeError(f"{self.path} is no regular file: choose another --output")
        if not self.path.exists() or self._drop_cut_line() == 0:
            self.add(identity)
        elif not resume:
            raise ChallengeError(
                f"{self.path.parent} holds a run already: continue it with --resume, or choose another --output"
            )
        else:
            self._read(identity, take)

    def add(self, line: Mapping[str, Any]) -> None:
        """Write a line; it is on the disk when this returns.

        Raises:
            OSError: it cannot be written.
        """
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _drop_cut_line(self) -> int:
        """Cut the file back to its last whole line; returns its size in bytes."""
        content = self.path.read_bytes()
        size = content.rfind(b"\n") + 1
        os.truncate(self.path, size)
        return size

    def _read(self, identity: Mapping[str, Any], take: Callable[[Any], None]) -> None:
        try:
            first, *lines = (json.loads(line) for line in self.path.read_bytes().splitlines())
            self._check_identity(first, identity)
            for line in lines:
                take(line)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ChallengeError(f"{self.path} is damaged ({error!r}): choose another --output") from error

    def _check_identity(self, first: Any, identity: Mapping[str, Any]) -> None:
        if not isinstance(first, dict):
            raise ValueError("its first line does not say which run it is")
        differing_keys = [key for key in identity if first.get(key) != identity[key]]
        if differing_keys:
            differences = ", ".join(f"{key}: {first.get(key)!r}, now {identity[key]!r}" for key in differing_keys[:2])
            raise ChallengeError(
                f"{self.path.parent} holds a run with another {', '.join(differing_keys)} ({differences}); "
                "choose another --output"
            )
