"""The submission: signal strength and interval from a classifier, a profile likelihood and a Neyman belt."""

import dataclasses
import os
import warnings
from typing import Any

import numpy as np
import pandas as pd

from submission import artifacts, codec
from submission.arrays import FloatArray
from submission.estimator import Estimator, Measurement
from submission.score import settle
from submission.tables import Tables, adapted

#: Environment variable with the minutes that `fit` may take, and how many these are without it.
MINUTES_VARIABLE, MINUTES = "HIGGSML_FIT_MINUTES", 30.0


class Model:
    """The trained method of `submission/`, in the interface of the challenge.

    The networks were trained beforehand. `fit` tests whether the tables that were made with them describe the
    challenge's training events, and makes others where they do not. A pickled model holds the tables that `fit` has
    made: the process that gets it reads the artifacts and finds its device itself, at its first `predict`.

    Arguments:
        get_train_set: callable that returns the training events; None to take the shipped tables.
        systematics: the official callable that shifts events.
        model_type: the organisers' package HiggsML gives it to every model; the competition does not.
        fit_minutes: time for `fit`; 0 to take the shipped tables. None for what the environment says
            (`HIGGSML_FIT_MINUTES`), 30 without it.

    Attributes:
        fit_summary: dict of texts that say what `fit` has done; empty before.
        fit_is_reusable: whether events and code alone have determined what `fit` has done.
    """

    def __init__(
        self,
        get_train_set: Any = None,
        systematics: Any = None,
        model_type: Any = None,
        fit_minutes: float | None = None,
    ) -> None:
        self._estimator: Estimator | None = None
        self._get_train_set, self._systematics = get_train_set, systematics
        self._fit_minutes, self._tables = fit_minutes, Tables()

    @property
    def fit_summary(self) -> dict[str, str]:
        """What `fit` has done, texts by their names."""
        return self._tables.summary

    @property
    def fit_is_reusable(self) -> bool:
        """Whether `fit` would do the same again."""
        return self._tables.reusable

    def fit(self) -> None:
        """Read the artifacts, test the tables with training events, and make others if they fail.

        What goes wrong with the training events is a line of text, and the shipped tables are used.

        Raises:
            submission.artifacts.ArtifactError: a file is missing, damaged or of another version.
        """
        estimator = artifacts.load()
        self._tables = adapted(estimator, self._get_train_set, self._systematics, _minutes(self._fit_minutes))
        self._estimator = self._tables.of(estimator)

    def predict(self, test_set: dict[str, Any]) -> dict[str, float]:
        """Estimate mu.

        Arguments:
            test_set: {"data": DataFrame of events, "weights": one weight per event; 1 each if absent}.

        Returns:
            dict of floats: mu_hat, delta_mu_hat (half the interval), p16 and p84. All are finite and within the belt's
            range of mu; where the data are none that the templates describe, a warning says so and the interval is
            the whole range. Further ones say how well the fit went (`submission.estimator.Estimate`).

        Raises:
            ValueError: no such dict, a column is missing or there twice, a feature or a weight is no number, not finite
                or absurdly large, or a weight is negative.
        """
        data, weights = _events(test_set)
        estimate = self._measured(data, weights).estimate
        if (weights != 1).any():
            warnings.warn("weights that are not 1: the interval takes their sum for a number of events", stacklevel=2)
        if not estimate.valid:
            warnings.warn("the templates do not describe these data: the interval is the whole range", stacklevel=2)
        return estimate.prediction

    def measurement(self, test_set: dict[str, Any]) -> bytes:
        """All that the interval of a test set is made by, for a page about it (`python -m measurement explain`).

        Arguments:
            test_set: as for `predict`; raises what that raises.

        Returns:
            a `submission.estimator.Measurement`, as `submission.codec.encode` writes it.
        """
        return codec.encode(self._measured(*_events(test_set)))

    def _measured(self, data: pd.DataFrame, weights: FloatArray) -> Measurement:
        """The measurement of events, with the longer interval that `fit` may have asked for."""
        return dataclasses.replace(self._ready().measurement(data, weights), widening=self._tables.widening)

    def _ready(self) -> Estimator:
        """The estimator with the tables of `fit`, its networks on this process's device."""
        self._estimator = self._estimator or self._tables.of(artifacts.load())
        settle(self._estimator.histogram.scorer)
        return self._estimator

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_estimator": None, "_get_train_set": None, "_systematics": None}


def _minutes(given: float | None) -> float:
    """The minutes that `fit` may take."""
    text = os.environ.get(MINUTES_VARIABLE, "")
    try:
        return float(text or MINUTES) if given is None else float(given)
    except ValueError:
        print(f"fit: {MINUTES_VARIABLE} is {text!r}, which is no number of minutes: it has {MINUTES:.0f}", flush=True)
        return MINUTES


def _events(test_set: Any) -> tuple[pd.DataFrame, FloatArray]:
    """The events of a test set, and an array of their weights."""
    data = test_set.get("data") if isinstance(test_set, dict) else None
    if not isinstance(data, pd.DataFrame):
        raise ValueError('the test set has no DataFrame "data"; give {"data": events, "weights": one per event}')
    weights = test_set.get("weights")
    return data, np.ones(len(data)) if weights is None else np.asarray(weights)
