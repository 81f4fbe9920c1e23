"""The artifacts that the training made, and the record of how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.errors import ChallengeError
from submission import artifacts
from submission.estimator import Estimator


def load_estimator(folder: str | Path, flag: str = "--artifacts") -> Estimator:
    """The estimator of the artifacts in `folder`, which `flag` names.

    Raises:
        ChallengeError: they are missing or damaged.
    """
    try:
        return artifacts.load(folder)
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}; {flag} takes their folder") from error


def load(folder: str | Path) -> tuple[Estimator, dict[str, Any]]:
    """The estimator of the artifacts in `folder`, and the record of how they were made.

    Raises:
        ChallengeError: they are missing, damaged, or not made by the four stages of the training.
    """
    estimator = load_estimator(folder)
    record = artifacts.load_manifest(folder)["record"]
    missing = {"config", "data", "classifier", "neyman"} - set(record)
    if missing:
        raise ChallengeError(f"the record in {folder} lacks {', '.join(sorted(missing))}: make it by the training")
    return estimator, record
