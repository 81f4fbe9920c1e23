"""Nuisance parameters from the sum of scores: app. E, eq. 26 and 27; travels in the submission.

Nearly all events are background, whose density is the denominator of the ratio that the score stands for: with the
copy of S frozen, the sum of the logits is -ln L of the copy of B up to a constant. So what is minimised are logits, not
their sigmoids, whose sum has its minimum elsewhere. Each parameter's Gaussian term is added: those that the data do not
determine would run away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from experiments.methods.mle_nu.scorer import EMBEDDED, NuScorer
from submission.arrays import Columns, FloatArray
from submission.classifier import Classifier
from submission.features import CATEGORIES, FEATURES, categories
from submission.parameters import PRIORS

#: Largest pull that a fit can reach: the classifier has hardly seen larger ones.
MAX_PULL = 4.0

#: The first steps are made with so many events, the last ones with all.
FIRST_EVENTS = 40_000

#: A fit has converged if the next step is expected to lower -ln L by less than this.
TOLERANCE = 0.005
MAX_ITERATIONS = 20

_CHUNK = 4096
_UPPER = np.array([min(MAX_PULL, prior.bounds[1]) for prior in PRIORS if prior.name in EMBEDDED])


@dataclass(frozen=True)
class NuisanceFit:
    """The minimum of the sum of scores.

    Attributes:
        pulls: array (5,), of the `EMBEDDED` parameters.
        covariance: array (5, 5), inverse of the information, priors included.
        converged: whether the fit has converged.
    """

    pulls: FloatArray
    covariance: FloatArray
    converged: bool

    @property
    def values(self) -> dict[str, float]:
        """Values of the `EMBEDDED` parameters by name."""
        priors = {prior.name: prior for prior in PRIORS}
        shifts = {name: priors[name].width * float(pull) for name, pull in zip(EMBEDDED, self.pulls)}
        return {name: float(np.exp(x)) if priors[name].lognormal else 1 + x for name, x in shifts.items()}


@dataclass(frozen=True)
class SumOfScores:
    """The sum of the logits of events with a jet as a function of the pulls of B, those of S being 0.

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

    @property
    def events(self) -> int:
        """Number of events."""
        return sum(len(inputs) for inputs, _ in self.parts)

    def first(self, events: int) -> SumOfScores:
        """The sum over about `events` of the events, each category's first ones."""
        share = min(1.0, events / max(self.events, 1))
        sizes = [round(share * len(inputs)) for inputs, _ in self.parts]
        parts = [(inputs[:size], weights[:size]) for size, (inputs, weights) in zip(sizes, self.parts)]
        return SumOfScores(self.classifier, parts)

    def evaluate(self, pulls: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Minus ln L with the Gaussian terms, its gradient (5,) and the information matrix (5, 5) at `pulls`.

        The information is the sum over events of the outer product of their gradients.
        """
        value, slope, information = 0.5 * float(pulls @ pulls), pulls.astype(float), np.eye(len(pulls))
        device = next(self.classifier.parameters()).device
        for number, (inputs, weights) in enumerate(self.parts):
            for chunk, weight in zip(inputs.split(_CHUNK), weights.split(_CHUNK)):
                copy = torch.as_tensor(pulls, dtype=torch.float32, device=device).repeat(len(chunk), 1).requires_grad_()
                logits = self.classifier(torch.cat([chunk.to(device), copy], 1), number)
                gradient = torch.autograd.grad(logits.sum(), copy)[0].double().cpu()
                value += float(weight @ logits.detach().double().cpu())
                slope += (weight @ gradient).numpy()
                information += ((weight[:, None] * gradient).T @ gradient).numpy()
        return value, slope, information


def fit_nuisance(total: SumOfScores) -> NuisanceFit:
    """Minimise a `SumOfScores` by Fisher scoring, from the first events to all."""
    pulls = np.zeros(len(EMBEDDED))
    for part in (total.first(FIRST_EVENTS), total) if total.events > FIRST_EVENTS else (total,):
        pulls, covariance, converged = _minimise(part, pulls)
    return NuisanceFit(pulls, covariance, converged)


def _minimise(total: SumOfScores, pulls: FloatArray) -> tuple[FloatArray, FloatArray, bool]:
    value, slope, information = total.evaluate(pulls)
    for _ in range(MAX_ITERATIONS):
        stopped = ((pulls <= -MAX_PULL) & (slope > 0)) | ((pulls >= _UPPER) & (slope < 0))
        free = np.where(stopped[:, None] | stopped, np.eye(len(pulls)), information)
        step = np.clip(pulls - np.linalg.solve(free, np.where(stopped, 0, slope)), -MAX_PULL, _UPPER) - pulls
        promise = -0.5 * step @ slope
        if promise < TOLERANCE:
            return pulls + step, np.linalg.inv(information), True
        new = total.evaluate(pulls + step)
        while new[0] > value and np.max(np.abs(step)) > 1e-3:
            step = step / 4
            new = total.evaluate(pulls + step)
        pulls, (value, slope, information) = pulls + step, new
    return pulls, np.linalg.inv(information), False
