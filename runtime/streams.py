"""Standard streams that a command can rely on, whatever it was started with."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any


def secure_streams() -> None:
    """Open those of stdin, stdout and stderr that are closed, on nothing; have a pipe that nobody reads lose nothing.

    Otherwise the next file that is opened would take the place of a closed stream, and `score | head` would end when
    head does. File names may hold bytes that are no text.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            kind = os.fstat(number).st_mode
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            os.set_inheritable(number, True)
            kind = os.fstat(number).st_mode
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 (stays open)
        elif number and isinstance(stream, io.TextIOWrapper):
            if stat.S_ISFIFO(kind) and _descriptor(stream) == number:
                stream = _piped(stream)
                setattr(sys, name, stream)
            stream.reconfigure(errors="backslashreplace")


def _descriptor(stream: io.TextIOWrapper) -> int | None:
    try:
        return stream.fileno()
    except io.UnsupportedOperation:  # it only stands for a file
        return None


class _Pipe(io.FileIO):
    """A pipe; what is written after its reader has gone away is dropped."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return len(data)


def _piped(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """As `stream`, whose descriptor is a pipe."""
    stream.flush()
    buffer = io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, line_buffering=stream.line_buffering)
