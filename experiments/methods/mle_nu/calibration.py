"""What held-out events say of the classifier's derivatives by the nuisance parameters; travels in the submission.

The score of an event is s(x; nu) = -d logit / d nu, nu being the copy of B. With the true ratio of densities it is the
derivative of log p(x | B, nu): its mean over events made at nu is 0, and its covariance is the information. The
cross-entropy fixes the logit where the classes mix, but nearly all events lie far from there, and what their scores
have wrong adds up. So the mean that held-out events have at each nu is subtracted, and the scores are recombined by the
response of their mean to the true nu: the estimating function V. P. Godambe and C. C. Heyde call optimal (Int. Stat.
Rev. 55 (1987) 231). Its expectation is 0 at the true nu whatever the network has learned.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from submission.arrays import FloatArray


def terms(pulls: FloatArray) -> FloatArray:
    """1, the pulls and their products, array (..., 1 + n + n (n + 1) / 2), of pulls (..., n)."""
    pulls = np.asarray(pulls, dtype=np.float64)
    number = pulls.shape[-1]
    pairs = [pulls[..., i] * pulls[..., j] for i, j in itertools.combinations_with_replacement(range(number), 2)]
    return np.stack([np.ones(pulls.shape[:-1]), *np.moveaxis(pulls, -1, 0), *pairs], axis=-1)


@dataclass(frozen=True)
class Calibration:
    """Mean score, and its response to the true nuisance parameters, n of them.

    Arguments:
        mean: array (terms, n), coefficients of `terms` for the mean score of an event at the true pulls.
        weights: array (n, n), that recombines scores.
        information: array (n, n), of an event on the pulls.
        events: that the means are of: effective number, squared sum of the weights over the sum of their squares.
    """

    mean: FloatArray
    weights: FloatArray
    information: FloatArray
    events: float = np.inf

    @classmethod
    def of(
        cls,
        pulls: FloatArray,
        true: FloatArray,
        nominal: FloatArray,
        covariance: FloatArray,
        events: float,
    ) -> Calibration:
        """The calibration from the mean scores of events made at several pulls.

        Arguments:
            pulls: array (points, n), where events were made.
            true, nominal: arrays (points, n), their mean scores with the copy of B there, and with pulls 0.
            covariance: array (n, n), of the score of an event at pulls 0.
            events: effective number of the events at a point.
        """
        design = terms(pulls)
        mean = np.linalg.lstsq(design, true, rcond=None)[0]
        response = np.linalg.lstsq(design, nominal, rcond=None)[0][1 : 1 + pulls.shape[1]]  # (pulls, scores)
        weights = np.linalg.solve(covariance, response.T).T
        return cls(mean, weights, weights @ response.T, events)

    def size(self, events: float) -> float:
        """The number of events that would know as much about the pulls as `events` do, if the means were exact."""
        return 1 / (1 / max(events, 1e-30) + 1 / self.events)

    def __call__(self, score: FloatArray, pulls: FloatArray) -> FloatArray:
        """The estimating function of an event, array (n,): its mean is 0 where the events were made at `pulls`.

        Arguments:
            score: array (n,), mean score with the copy of B at `pulls`.
        """
        return np.asarray(self.weights @ (score - terms(pulls) @ self.mean))
