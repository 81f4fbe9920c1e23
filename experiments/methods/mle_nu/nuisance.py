"""Nuisance parameters from the sum of scores: app. E, eq. 26 and 27; travels in the submission.

Nearly all events are background, whose density is the denominator of the ratio that the score stands for: with the
copy of S frozen, the sum of the logits is -ln L of the copy of B up to a constant. So what is summed are derivatives of
logits, not of their sigmoids, whose sum has its minimum elsewhere. The sum is calibrated (`calibration.Calibration`),
and each parameter's Gaussian term is added: the data hardly determine some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from experiments.methods.mle_nu.calibration import Calibration
from experiments.methods.mle_nu.scorer import EMBEDDED, NuScorer
from submission.arrays import Columns, FloatArray
from submission.classifier import Classifier
from submission.features import CATEGORIES, FEATURES, categories
from submission.parameters import PRIORS

#: Largest pull that a fit can reach: the classifier has hardly seen larger ones.
MAX_PULL = 4.0

#: A fit has converged when no pull moves by more than this.
TOLERANCE = 1e-3
MAX_ITERATIONS = 50

_CHUNK = 4096
_UPPER = np.array([min(MAX_PULL, prior.bounds[1]) for prior in PRIORS if prior.name in EMBEDDED])


@dataclass(frozen=True)
class NuisanceFit:
    """Where the calibrated sum of scores, with the Gaussian terms, is 0.

    Attributes:
        pulls: array (5,), of the `EMBEDDED` parameters.
        covariance: array (5, 5), inverse of the information, priors included.
        converged: whether the fit has converged.
    """

    pulls: FloatArray
    covariance: FloatArray
    converged: bool


@dataclass(frozen=True)
class SumOfScores:
    """Scores of events with a jet as a function of the pulls of B, those of S being 0.

    Arguments:
        classifier: `submission.classifier.Classifier` of a `scorer.NuScorer`.
        parts: for each category its inputs without the copy of B, tensor (events, inputs), and the weights (events,).
    """

    classifier: Classifier
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]]

    @classmethod
    def of(cls, scorer: NuScorer, columns: Columns, weights: FloatArray) -> SumOfScores:
        """The sum over the events with the features `columns` and `weights`, array (events,)."""
        which, parts = categories(columns), []
        for number, category in enumerate(CATEGORIES):
            rows = np.flatnonzero(which == number)
            members = {name: np.asarray(columns[name])[rows] for name in FEATURES[category]}
            inputs = scorer.inputs(members, number)[:, : -len(EMBEDDED)]  # the copy of B comes last
            parts.append((torch.as_tensor(inputs), torch.as_tensor(np.asarray(weights, dtype=np.float64)[rows])))
        assert isinstance(scorer.classifier, Classifier)
        return cls(scorer.classifier, parts)

    @cached_property
    def weight(self) -> float:
        """Sum of the weights."""
        return sum(float(weights.sum()) for _, weights in self.parts)

    def evaluate(self, pulls: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of the scores (5,), and of their outer products (5, 5), at `pulls`: -d logit / d pulls of each event."""
        total, square = np.zeros(len(pulls)), np.zeros((len(pulls), len(pulls)))
        device = next(self.classifier.parameters()).device
        for number, (inputs, weights) in enumerate(self.parts):
            for chunk, weight in zip(inputs.split(_CHUNK), weights.split(_CHUNK)):
                copy = torch.as_tensor(pulls, dtype=torch.float32, device=device).repeat(len(chunk), 1).requires_grad_()
                logits = self.classifier(torch.cat([chunk.to(device), copy], 1), number)
                score = -torch.autograd.grad(logits.sum(), copy)[0].double().cpu()
                total += (weight @ score).numpy()
                square += ((weight[:, None] * score).T @ score).numpy()
        return total, square


def fit_nuisance(total: SumOfScores, calibration: Calibration) -> NuisanceFit:
    """The pulls of the events that a sum is over."""
    score = total.evaluate(np.zeros(len(EMBEDDED)))[0] / max(total.weight, 1e-30)
    return pulls_at(score, calibration.size(total.weight), calibration)


def pulls_at(score: FloatArray, size: float, calibration: Calibration) -> NuisanceFit:
    """Solve for the pulls by Newton's method.

    Arguments:
        score: array (5,), mean score of the data.
        size: number of events that would know as much about the pulls, as `Calibration.size`.
        calibration: of the scores.
    """
    pulls, converged, step = np.zeros(len(EMBEDDED)), False, np.inf
    for _ in range(MAX_ITERATIONS):
        slope = size * calibration(score, pulls) - pulls
        matrix = size * calibration.information(pulls) + np.eye(len(pulls))
        stopped = ((pulls <= -MAX_PULL) & (slope < 0)) | ((pulls >= _UPPER) & (slope > 0))
        free = np.where(stopped[:, None] | stopped, np.eye(len(pulls)), matrix)
        step = np.clip(np.linalg.solve(free, np.where(stopped, 0, slope)), -1, 1)
        new = np.clip(pulls + step, -MAX_PULL, _UPPER)
        converged, pulls = bool(np.abs(new - pulls).max() < TOLERANCE), new
        if converged:
            break
    information = size * calibration.information(np.zeros(len(EMBEDDED))) + np.eye(len(EMBEDDED))
    return NuisanceFit(pulls, np.linalg.inv(information), converged)
