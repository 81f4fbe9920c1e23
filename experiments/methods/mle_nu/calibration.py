"""What held-out events say of the classifier's derivatives by the nuisance parameters; travels in the submission.

The score of an event is s(x) = -d logit / d nu at nominal nu, nu being the copy of B. With the true ratio of densities
it is the derivative of log p(x | B, nu), whose mean over events made at nominal nu is 0. The cross-entropy fixes the
logit where the classes mix, but nearly all events lie far from there, and what their scores have wrong adds up. So the
mean that held-out events have as a function of the true nu is measured, and nu is where it is that of the data: at the
mu of these events right on average whatever the network has learned. The scores are weighted as V. P. Godambe and C. C.
Heyde find optimal (Int. Stat. Rev. 55 (1987) 231).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from experiments.methods.mle_nu.scorer import EMBEDDED
from submission.arrays import FloatArray

_SOFT_MET = EMBEDDED.index("soft_met")

#: Step in the pulls by which derivatives of the mean are taken.
_STEP = 1e-4


def terms(pulls: FloatArray) -> FloatArray:
    """1, the pulls and their products, array (..., 21), of pulls (..., 5); of soft_met its square, which events follow.

    The square is (exp(2 pull) - 1) / 2, whose derivative at pull 0 is 1, as those of the other pulls are.
    """
    values = np.array(pulls, dtype=np.float64)
    values[..., _SOFT_MET] = np.expm1(2 * values[..., _SOFT_MET]) / 2
    pairs = itertools.combinations_with_replacement(np.moveaxis(values, -1, 0), 2)
    return np.stack(
        [np.ones(values.shape[:-1]), *np.moveaxis(values, -1, 0), *(first * second for first, second in pairs)], axis=-1
    )


@dataclass(frozen=True)
class Calibration:
    """Mean score as a function of the true nuisance parameters.

    Arguments:
        mean: array (21, 5), coefficients of `terms` for the mean score of an event.
        weights: array (5, 5), that combines scores: the response of their means to the pulls over their covariance.
        events: that the means are of: effective number, squared sum of the weights over the sum of their squares.
    """

    mean: FloatArray
    weights: FloatArray
    events: float = np.inf

    @classmethod
    def of(cls, pulls: FloatArray, scores: FloatArray, covariance: FloatArray, events: float) -> Calibration:
        """The calibration from the mean scores of events made at several pulls.

        Arguments:
            pulls: array (points, 5), where events were made.
            scores: array (points, 5), their mean scores.
            covariance: array (5, 5), of the score of an event at pulls 0.
            events: effective number of the events at a point.
        """
        mean = np.linalg.lstsq(terms(pulls), scores, rcond=None)[0]
        weights = np.linalg.solve(covariance, mean[1 : 1 + pulls.shape[1]].T).T
        return cls(mean, weights, events)

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the score of an event at pulls 0, array (5, 5)."""
        return np.linalg.solve(self.weights, self.mean[1 : 1 + len(self.weights)])

    def size(self, events: float) -> float:
        """The number of events that would know as much about the pulls as `events` do, if the means were exact."""
        return 1 / (1 / max(events, 1e-30) + 1 / self.events)

    def __call__(self, score: FloatArray, pulls: FloatArray) -> FloatArray:
        """The estimating function of an event with mean score `score`, array (5,): 0 on average at the true `pulls`."""
        return np.asarray(self.weights @ (score - terms(pulls) @ self.mean))

    def information(self, pulls: FloatArray) -> FloatArray:
        """Minus the derivatives of the estimating function by the pulls, array (5, 5): at pulls 0 the information."""
        steps = _STEP * np.eye(len(pulls))
        slopes = (terms(pulls + steps) - terms(pulls - steps)) @ self.mean / (2 * _STEP)
        return np.asarray(self.weights @ slopes.T)
