"""The artifacts that the training made, with the record of how."""

from runtime.errors import ChallengeError
from submission import artifacts


def load(folder):
    """The `Estimator` of the artifacts in `folder`, and the record of how they were made.

    Raises:
        ChallengeError: they are missing, damaged, or not made by the four stages of the training.
    """
    try:
        estimator, record = artifacts.load(folder), artifacts.load_manifest(folder)["record"]
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}; --artifacts takes their folder") from error
    missing = {"config", "data", "classifier", "neyman"} - set(record)
    if missing:
        raise ChallengeError(f"the record in {folder} lacks {', '.join(sorted(missing))}: make it by the training")
    return estimator, record
