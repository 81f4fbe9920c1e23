"""The artifacts that the training made, and the record of how; what is wrong with them is an error of the command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.errors import ChallengeError
from submission import artifacts
from submission.estimator import Estimator


def load_estimator(folder: str | Path = artifacts.FOLDER, flag: str = "--artifacts") -> Estimator:
    """The estimator of the artifacts in `folder`, which `flag` names unless it is the submission's.

    Raises:
        ChallengeError: they are missing or damaged.
    """
    with _naming_errors("" if Path(folder) == artifacts.FOLDER else f"; {flag} takes their folder"):
        return artifacts.load(folder)


def load_manifest(folder: str | Path = artifacts.FOLDER) -> dict[str, Any]:
    """The manifest of the artifacts in `folder`, as `artifacts.load_manifest`.

    Raises:
        ChallengeError: it is missing or damaged.
    """
    with _naming_errors():
        return artifacts.load_manifest(folder)


def load(folder: str | Path) -> tuple[Estimator, dict[str, Any]]:
    """The estimator of the artifacts in `folder`, and the record of how they were made.

    Raises:
        ChallengeError: they are missing, damaged, or not made by the four stages of the training.
    """
    estimator = load_estimator(folder)
    record = load_manifest(folder)["record"]
    missing = {"config", "data", "classifier", "neyman"} - set(record)
    if missing:
        raise ChallengeError(f"the record in {folder} lacks {', '.join(sorted(missing))}: make it by the training")
    return estimator, record


@contextlib.contextmanager
def _naming_errors(hint: str = "") -> Iterator[None]:
    try:
        yield
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}{hint}") from error
