"""Output folders of experiments: whose results they hold, and the rows that are kept in them."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runtime import files
from runtime.errors import ChallengeError
from submission.arrays import ArrayLike

#: How the text begins by which a fit says that it keeps the shipped tables (`submission.tables`).
AS_SHIPPED = "as shipped"


def claim(path: Path, about: Mapping[str, Any], resume: bool) -> None:
    """Refuse an output folder that holds results of something else, or the same ones without --resume.

    Arguments:
        path: file in the folder that says what is in it.
        about: what the results depend on, all of it, as JSON holds it.
        resume: whether what is there is wanted.

    Raises:
        ChallengeError: the folder is refused.
    """
    output = path.parent
    if path.exists():
        if other := _differences(path, about):
            raise ChallengeError(
                f"{output} holds other results ({', '.join(other)} differ): choose another --output, or remove it"
            )
        if not resume:
            raise ChallengeError(f"{output} holds results already: add --resume, or choose another --output")
    files.write_json(path, about)


def agrees(path: Path, about: Mapping[str, Any]) -> bool:
    """Whether `claim` has written `about`, or more, to `path`.

    Raises:
        ChallengeError: the file cannot be read.
    """
    return path.exists() and not _differences(path, about)


def _differences(path: Path, about: Mapping[str, Any]) -> list[str]:
    content = files.read_json(path)
    return [name for name in about if not isinstance(content, dict) or content.get(name) != about[name]]


def record(config: Any) -> dict[str, Any]:
    """A dataclass as JSON holds it, to be claimed."""
    content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return content


def checksum(*arrays: ArrayLike) -> str:
    """A text that changes with any of the arrays, to be claimed where results depend on them."""
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def kept_rows(output: Path, names: Iterable[str], file: str) -> dict[str, Any]:
    """The rows of those of `names` that have one, kept as `output/name/file`: dict from name to row.

    Raises:
        ChallengeError: one cannot be read, or is empty.
    """
    paths = {name: output / name / file for name in names}
    rows = {name: files.read_json(path) for name, path in paths.items() if path.exists()}
    for name, row in rows.items():
        if not isinstance(row, dict) or not row:
            raise ChallengeError(f"{paths[name]} is no row: remove it and run {name} again")
    return rows


def require_no_loss(file: Path, part: str, content: Mapping[str, Any]) -> None:
    """Refuse to replace a published table by one of other settings, or by one that lacks some of its rows.

    Arguments:
        file: JSON of the table in docs/; it need not be there.
        part: key of its rows, a dict by name.
        content: what is to be published, with its "settings" and rows.

    Raises:
        ChallengeError: it would be lost; or the file cannot be read.
    """
    published = files.read_json(file) if file.exists() else {}
    if not isinstance(published, dict) or not published.get(part):
        return
    lost = [name for name in published[part] if name not in content[part]]
    if lost or published.get("settings") != content["settings"]:
        reason = f"it would lose the rows {', '.join(lost)}" if lost else "it is of other settings"
        raise ChallengeError(
            f"{file} is not replaced, {reason}: add rows with --resume, or remove the file to publish others"
        )


def some_of(what: str, names: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """An argparse type: some of `names`, comma-separated; `what` says what they are."""

    def chosen(text: str) -> tuple[str, ...]:
        unknown = [name or "of no name" for name in text.split(",") if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {what} {', '.join(unknown)}; there are {', '.join(names)}")
        return tuple(text.split(","))

    return chosen
