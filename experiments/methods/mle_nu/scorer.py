"""A scorer whose classifier reads the nuisance parameters, once for S and once for B; travels in the submission."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from submission.arrays import Columns, FloatArray
from submission.parameters import PRIORS
from submission.score import Scorer

#: Nuisance parameters that the classifier reads, as pulls: all that change how the events of a category are
#: distributed. bkg_scale multiplies all of the background.
EMBEDDED = ("tes", "jes", "soft_met", "ttbar_scale", "diboson_scale")


def pulls_of(nuisance: Mapping[str, Any]) -> FloatArray:
    """Pulls of the `EMBEDDED` parameters, float32 array (5,), from their values."""
    pulls = []
    for prior in (prior for prior in PRIORS if prior.name in EMBEDDED):
        value = nuisance[prior.name]
        pulls.append((np.log(value) if prior.lognormal else value - 1) / prior.width)
    return np.array(pulls, dtype=np.float32)


def values_of(pulls: FloatArray) -> dict[str, float]:
    """Values of the `EMBEDDED` parameters by name, from their pulls, array (5,)."""
    priors = (prior for prior in PRIORS if prior.name in EMBEDDED)
    return {prior.name: prior.value(float(pull)) for prior, pull in zip(priors, pulls)}


@dataclass(frozen=True)
class NuScorer(Scorer):
    """A `Scorer` with two copies of the nuisance parameters after the features, the same in all events.

    With the ideal classifier the logit is log p(x | S, nu of S) - log p(x | B, nu of B).

    Arguments:
        signal_pulls, background_pulls: arrays (5,), pulls of the `EMBEDDED` parameters in the two copies.
    """

    signal_pulls: FloatArray = field(default_factory=lambda: np.zeros(len(EMBEDDED), np.float32))
    background_pulls: FloatArray = field(default_factory=lambda: np.zeros(len(EMBEDDED), np.float32))

    def _inputs(self, standardised: FloatArray, columns: Columns, number: int) -> FloatArray:
        inputs = super()._inputs(standardised, columns, number)
        pulls = np.concatenate([self.signal_pulls, self.background_pulls]).astype(np.float32)
        return np.concatenate([inputs, np.broadcast_to(pulls, (len(inputs), len(pulls)))], axis=1)
