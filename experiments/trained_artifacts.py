"""The artifacts that the training made, with the record of how."""

from pathlib import Path

from runtime import files
from runtime.errors import ChallengeError
from submission import artifacts


def load(folder):
    """The `Estimator` of the artifacts in `folder`, and the record of how they were made.

    Raises:
        ChallengeError: they are missing, damaged, or not made by the four stages of the training.
    """
    try:
        estimator = artifacts.load(folder)
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}; --artifacts takes their folder") from error
    record = files.read_json(Path(folder) / artifacts.MANIFEST).get("record")
    missing = {"config", "data", "classifier", "neyman"} - (set(record) if isinstance(record, dict) else set())
    if missing:
        raise ChallengeError(f"the record in {folder} lacks {', '.join(sorted(missing))}: make it by the training")
    return estimator, record
