"""Standard streams that a command can rely on, whatever it was started with."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any


def secure_streams() -> None:
    """Open those of stdin, stdout and stderr that are closed, on nothing; have no output that fails end the command.

    Otherwise the next file that is opened would take the place of a closed stream, `score | head` would end when head
    does, and a full disk behind the standard output would cost a run. File names may hold bytes that are no text.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            os.set_inheritable(number, True)
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 (stays open)
        elif number and isinstance(stream, io.TextIOWrapper):
            if _descriptor(stream) == number:
                stream = _unfailing(stream)
                setattr(sys, name, stream)
            stream.reconfigure(errors="backslashreplace")


def _descriptor(stream: io.TextIOWrapper) -> int | None:
    try:
        return stream.fileno()
    except io.UnsupportedOperation:  # it only stands for a file
        return None


class _Output(io.FileIO):
    """A stream that what is written to never fails: it waits where the other end is slow, and drops what is refused."""

    _refused = False

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:  # the descriptor does not block
                select.select((), (self.fileno(),), ())
            return written
        except OSError as error:
            if not (self._refused or error.errno == errno.EPIPE):  # who closes a pipe wants no more
                _Output._refused = True
                with contextlib.suppress(OSError):
                    os.write(2, f"warning: output is lost: {error.strerror}\n".encode())
            return len(data)


def _unfailing(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """As `stream`, whose output never fails."""
    with contextlib.suppress(OSError):
        stream.flush()
    buffer = io.BufferedWriter(_Output(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, line_buffering=stream.line_buffering)
