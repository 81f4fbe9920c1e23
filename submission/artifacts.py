"""Trained weights and tables as files: an estimator, and a manifest that says how it was made."""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar, overload

from . import codec
from .estimator import Estimator

MANIFEST, ESTIMATOR = "manifest.json", "estimator.npz"

FOLDER = Path(__file__).resolve().parent / "artifacts"

_REMEDY = "make them again with `python -m training all`, or take the submission's zip again"

T = TypeVar("T")


class ArtifactError(Exception):
    """An artifact is missing, damaged or of another version; the message names the file and the remedy."""


def contents(estimator: object, record: dict[str, Any]) -> dict[str, bytes]:
    """The files that `load` makes the same estimator from: dict from name to bytes, the manifest last.

    Arguments:
        estimator: `estimator.Estimator`, or what takes its place in another method.
        record: how it was made and what it reached: a dict that JSON can hold.
    """
    content = codec.encode(estimator)
    manifest = {"version": codec.VERSION, "sha256": {ESTIMATOR: hashlib.sha256(content).hexdigest()}, "record": record}
    return {ESTIMATOR: content, MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode()}


@overload
def load(folder: str | Path = FOLDER) -> Estimator: ...
@overload
def load(folder: str | Path, kind: type[T]) -> T: ...
def load(folder: str | Path = FOLDER, kind: type[Any] = Estimator) -> Any:
    """The estimator of the artifacts in `folder`.

    Arguments:
        folder: what it lies in.
        kind: class of the estimator.

    Raises:
        ArtifactError: a file is missing, damaged, of another version, or of a method that has not been imported.
    """
    path, manifest = Path(folder) / ESTIMATOR, load_manifest(folder)
    content = _content(path)
    if hashlib.sha256(content).hexdigest() != manifest["sha256"].get(ESTIMATOR):
        raise ArtifactError(f"{path} is damaged or of another training: its checksum is not the manifest's; {_REMEDY}")
    try:
        return codec.decode(kind, content)
    except codec.FormatError as error:
        raise ArtifactError(f"{path} cannot be read ({error}): {_REMEDY}") from error


def load_manifest(folder: str | Path = FOLDER) -> dict[str, Any]:
    """The manifest of the artifacts in `folder`: "sha256" of the estimator's file, and "record", how it was made.

    Raises:
        ArtifactError: it is missing, damaged, or of another version.
    """
    path = Path(folder) / MANIFEST
    if not path.exists():
        raise ArtifactError(f"no artifacts: {path} is missing; {_REMEDY}")
    try:
        manifest: dict[str, Any] = json.loads(_content(path).decode())
        version = manifest["version"]
        if not isinstance(manifest["sha256"], dict) or not isinstance(manifest["record"], dict):
            raise TypeError("sha256 or record is no object")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read ({error!r}): {_REMEDY}") from error
    if version != codec.VERSION:
        raise ArtifactError(f"{path} is of version {version}, this code reads version {codec.VERSION}: {_REMEDY}")
    return manifest


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ArtifactError(f"{path} is no regular file: {_REMEDY}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): {_REMEDY}") from error
