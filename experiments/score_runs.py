"""Output folders of `python -m ingestion_test score`."""

from __future__ import annotations

from pathlib import Path

from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.result_files import Predictions, load_predictions
from runtime.errors import ChallengeError


def load_run(folder: str | Path) -> Predictions:
    """What a run predicted whose pseudo-experiments vary all six nuisance parameters, as throws do.

    Raises:
        ChallengeError: as `result_files.load_predictions`, or it does not vary them all.
    """
    predictions = load_predictions(folder)
    varied = predictions.settings.get("systematics")
    fixed = [name for name in NUISANCE_NAMES if not (isinstance(varied, dict) and varied.get(name))]
    if fixed:
        raise ChallengeError(f"{folder} is a run that did not vary {', '.join(fixed)}: give one that varies all six")
    return predictions
