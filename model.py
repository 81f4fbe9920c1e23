"""The submission: signal strength and interval from a classifier, a profile likelihood and a Neyman belt."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from submission import artifacts
from submission.arrays import FloatArray
from submission.estimator import Estimator
from submission.score import settle


class Model:
    """The trained method of `submission/`, in the interface of the challenge.

    Everything was trained beforehand, so no argument is used. A pickled model is empty: the process that gets it reads
    the artifacts and finds its device itself, at its first `predict`.

    Arguments:
        get_train_set: callable that returns the training events.
        systematics: the official callable that shifts events.
        model_type: the organisers' package HiggsML gives it to every model; the competition does not.
    """

    def __init__(self, get_train_set: Any = None, systematics: Any = None, model_type: Any = None) -> None:
        self._estimator: Estimator | None = None

    def fit(self) -> None:
        """Read the artifacts, so that what is wrong with them is known before the first pseudo-experiment.

        Raises:
            submission.artifacts.ArtifactError: a file is missing, damaged or of another version.
        """
        self._estimator = artifacts.load()

    def predict(self, test_set: dict[str, Any]) -> dict[str, float]:
        """Estimate mu.

        Arguments:
            test_set: {"data": DataFrame of events, "weights": one weight per event; 1 each if absent}.

        Returns:
            dict of floats: mu_hat, delta_mu_hat (half the interval), p16 and p84. All are finite and within the belt's
            range of mu; where the data are none that the templates describe, a warning says so and the interval is
            the whole range.

        Raises:
            ValueError: no such dict, a column is missing or there twice, a feature or a weight is no number, not finite
                or absurdly large, or a weight is negative.
        """
        estimator = self._estimator = self._estimator or artifacts.load()
        settle(estimator.histogram.scorer)
        data, weights = _events(test_set)
        estimate = estimator.estimate(data, weights)
        if (weights != 1).any():
            warnings.warn("weights that are not 1: the interval takes their sum for a number of events", stacklevel=2)
        if not estimate.valid:
            warnings.warn("the templates do not describe these data: the interval is the whole range", stacklevel=2)
        half = (estimate.p84 - estimate.p16) / 2
        return {"mu_hat": estimate.mu_hat, "delta_mu_hat": half, "p16": estimate.p16, "p84": estimate.p84}

    def __getstate__(self) -> dict[str, Any]:
        return {"_estimator": None}


def _events(test_set: Any) -> tuple[pd.DataFrame, FloatArray]:
    """The events of a test set, and an array of their weights."""
    data = test_set.get("data") if isinstance(test_set, dict) else None
    if not isinstance(data, pd.DataFrame):
        raise ValueError('the test set has no DataFrame "data"; give {"data": events, "weights": one per event}')
    weights = test_set.get("weights")
    return data, np.ones(len(data)) if weights is None else np.asarray(weights)
