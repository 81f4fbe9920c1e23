"""A command and a malformed input in a folder of their own, and the verdict on what the command made of it."""

import contextlib
import hashlib
import io
import logging
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Place:
    """Where an input is tried: the current folder of the command.

    Arguments:
        folder: the folder.
    """

    folder: Path

    @property
    def inputs(self):
        """Folder of what the command is given."""
        return self.folder / "inputs"

    @property
    def out(self):
        """Where the command may write; not there at first."""
        return self.folder / "out"

    @property
    def temporary(self):
        """Folder of temporary files: the command may write there too, but leaves nothing."""
        return self.folder / "tmp"


@dataclass(frozen=True)
class Door:
    """A place where something comes in from outside.

    Arguments:
        name: what comes in.
        cases: strategy of descriptions of malformed inputs; their `repr` tells one from another.
        prepare: function of a case and a `Place` that writes the input there and returns the command: a function
            without arguments that returns an exit code.
    """

    name: str
    cases: SearchStrategy
    prepare: Callable


@dataclass(frozen=True)
class Verdict:
    """What became of an input.

    Attributes:
        worked: whether the command ended with exit code 0.
        fault: what should not have happened; empty if nothing did.
        output: what the command printed.
    """

    worked: bool
    fault: str
    output: str


def attempt(door, case):
    """The `Verdict` on what the command behind `door` makes of `case`."""
    with tempfile.TemporaryDirectory(prefix="bad-input-") as root:
        # Not at the root, so that there is something above that must not be touched.
        place = Place(Path(root).resolve() / "above" / "here")
        for folder in (place.inputs, place.temporary):
            folder.mkdir(parents=True)
        (place.folder.parent / "neighbour.txt").write_text("not yours")
        command = door.prepare(case, place)
        before = _snapshot(root, place)
        with _surroundings(place) as (out, err):
            code, raised = _exit_code(command)
        changed = {name for name, _ in before.symmetric_difference(_snapshot(root, place))}
        leftovers = sorted(path.name for path in place.temporary.iterdir())
        output, complaint = (stream.buffer.getvalue().decode(errors="replace") for stream in (out, err))
    faults = (
        f"raised {raised}" if raised else "",
        f"exit code {code}" if code not in (0, 2) else "",
        "a traceback" if "Traceback" in output + complaint else "",
        _wrong_complaint(complaint) if code == 2 else "",
        f"touched {', '.join(sorted(changed))}" if changed else "",
        f"left {', '.join(leftovers)} behind" if leftovers else "",
    )
    return Verdict(code == 0, "; ".join(filter(None, faults)), output + complaint)


def _exit_code(command):
    """(exit code, "") of `command`, or (None, what it raised and where)."""
    try:
        return command(), ""
    except SystemExit as end:
        return end.code, ""
    except Exception as error:
        where = error.__traceback__
        while where.tb_next is not None:
            where = where.tb_next
        file = Path(where.tb_frame.f_code.co_filename).name
        return None, f"{type(error).__name__} ({str(error)[:300]}) in {file}:{where.tb_lineno}"


def _wrong_complaint(text):
    """What is wrong with the standard error of a command that has refused its input."""
    lines = [line for line in text.splitlines() if "error: " in line]
    if len(lines) != 1:
        return f"{len(lines)} lines with an error"
    if not text.startswith("usage: ") and not text.endswith(f"{lines[0]}\n"):
        return "the error is not the last line"
    return ""


@contextlib.contextmanager
def _surroundings(place):
    """Streams, folders, logging and warnings as the command would find them in a process of its own."""
    streams = [
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=errors, write_through=True)
        for errors in ("strict", "backslashreplace")  # as Python opens them
    ]
    # A file where the folder of simulated events should be: no input sets off a long simulation.
    changes = {"HIGGSML_CACHE": str(place.folder.parent / "neighbour.txt")}
    kept = os.getcwd(), tempfile.tempdir, logging.root.handlers[:], list(sys.path), dict(os.environ)
    os.environ.update(changes)
    os.chdir(place.folder)
    tempfile.tempdir, logging.root.handlers[:] = str(place.temporary), []
    try:
        with (
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
            warnings.catch_warnings(action="error"),
        ):
            yield streams
    finally:
        folder, tempfile.tempdir, logging.root.handlers[:], sys.path[:], environment = kept
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)


def _snapshot(root, place):
    """What lies in `root` but the folders that may be written to: set of (name, kind and content)."""
    entries = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) not in (place.out, place.temporary)]
        for name in (*folders, *files):
            path = Path(folder, name)
            if path != place.out:
                entries.add((str(path.relative_to(root)), _fingerprint(path)))
    return entries


def _fingerprint(path):
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return mode, hashlib.sha256(path.read_bytes()).hexdigest()
    return mode, os.readlink(path) if stat.S_ISLNK(mode) else ""
