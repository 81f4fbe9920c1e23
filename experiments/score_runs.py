"""Output folders of `python -m ingestion_test score`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.result_files import Predictions, load_predictions
from runtime.errors import ChallengeError
from submission.confidence import Belt

#: Difference, in mu, up to which the ends of intervals are the same on all processors.
_ROUNDING = 1e-6


def load_run(folder: str | Path, belt: Belt | None = None) -> Predictions:
    """What a run predicted whose pseudo-experiments vary all six nuisance parameters, as throws do.

    Arguments:
        folder: of the run, of `score` or of the official program.
        belt: that of the weights which the run has to be of; None for a run of any submission.

    Raises:
        ChallengeError: as `result_files.load_predictions`, it does not vary them all, or it is of other weights.
    """
    predictions = load_predictions(folder)
    varied = predictions.settings.get("systematics")
    fixed = [name for name in NUISANCE_NAMES if not (isinstance(varied, dict) and varied.get(name))]
    if fixed:
        raise ChallengeError(f"{folder} is a run that did not vary {', '.join(fixed)}: give one that varies all six")
    if belt is not None and not _is_of(predictions, belt):
        raise ChallengeError(
            f"{folder} is no run of these weights and their tables: its intervals are not those that their belt gives; "
            "run `score` with them, or name the weights of the run by --artifacts"
        )
    return predictions


def _is_of(predictions: Predictions, belt: Belt) -> bool:
    """Whether the estimates of a run have the intervals of a belt. Every training has another belt.

    This leaves out estimates that were moved to an end of the range, and intervals that are the whole range, as those
    of data that the templates do not describe. A belt that reads the error of the estimate too, which no run tells,
    cannot be compared.
    """
    if belt.config.use_error:
        return True
    low, high = belt.config.mu_range
    names = ("mu_hats", "p16", "p84")
    mu_hat, p16, p84 = (np.concatenate([result[name] for result in predictions.results]) for name in names)
    rows = (low < mu_hat) & (mu_hat < high) & ~((p16 == low) & (p84 == high))
    small = np.full(np.sum(rows), 1e-3)  # an error with which every belt knows the data
    given = belt.intervals(mu_hat[rows], small)
    ends = np.abs([given.p16 - p16[rows], given.p84 - p84[rows]])
    return bool(np.all(ends < _ROUNDING))
