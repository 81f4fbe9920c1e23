"""pyhf's fit of a workspace beside ours: how well the estimates of mu and their errors agree.

An error is that of the observed information, the second derivatives of -2 ln L at its minimum, on both sides; that of
`FitResult.sigma` is of the expected one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from runtime.errors import ChallengeError
from submission.arrays import FloatArray
from submission.likelihood import Likelihood
from submission.parameters import draw_pulls, values_from_pulls
from submission.templates import TERMS, Templates
from submission.throws import with_template_error

from .workspace import workspace

#: Step of the pulls for second derivatives.
_STEP = 1e-3


@dataclass(frozen=True)
class Agreement:
    """Fits of the same data sets: arrays (data sets,).

    Attributes:
        mu_hat, error: ours.
        pyhf_mu_hat, pyhf_error: pyhf's.
    """

    mu_hat: FloatArray
    error: FloatArray
    pyhf_mu_hat: FloatArray
    pyhf_error: FloatArray

    @property
    def shift(self) -> FloatArray:
        """By what share of its error pyhf's estimate differs, array (data sets,)."""
        return (self.pyhf_mu_hat - self.mu_hat) / self.error

    @property
    def growth(self) -> FloatArray:
        """By what share of our error pyhf's is larger, array (data sets,)."""
        return self.pyhf_error / self.error - 1


def load_pyhf() -> ModuleType:
    """The package pyhf, numpy behind it and minuit as its optimizer; raises ChallengeError where it is not there."""
    try:
        import pyhf
    except ImportError as error:
        raise ChallengeError("the package pyhf is not installed: pip install pyhf, or leave --compare out") from error
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(strategy=1))
    return pyhf


def pyhf_fit(spec: Mapping[str, Any]) -> tuple[float, float]:
    """mu_hat and its error by pyhf from a workspace; raises ChallengeError where it finds no minimum."""
    pyhf = load_pyhf()
    space = pyhf.Workspace(spec)
    model = space.model()
    try:
        fit = pyhf.infer.mle.fit(space.data(model), model, return_uncertainties=True)
    except pyhf.exceptions.FailedMinimization as error:
        raise ChallengeError(
            "pyhf has found no minimum of this workspace: have another measurement exported"
        ) from error
    mu_hat, error = fit[model.config.poi_index]
    return float(mu_hat), float(error)


def compare(
    likelihood: Likelihood, channels: Mapping[str, slice], counts: FloatArray, plain: bool = False
) -> Agreement:
    """Fit data sets by both; arguments as `workspace`, but for `counts`, array (data sets, bins).

    Raises:
        ChallengeError: as `workspace`, `load_pyhf` and `pyhf_fit`.
    """
    fit = likelihood.fit(counts)
    ours = [observed_error(likelihood, pulls, data) for pulls, data in zip(fit.pulls, counts)]
    theirs = np.array([pyhf_fit(workspace(likelihood, channels, data, plain)) for data in counts]).reshape(-1, 2)
    return Agreement(fit.mu_hat, np.array(ours), *theirs.T)


def observed_error(likelihood: Likelihood, pulls: FloatArray, counts: FloatArray) -> float:
    """Error of mu_hat from the second derivatives of -2 ln L.

    Arguments:
        likelihood: `Likelihood`.
        pulls: array (7,), where it has its maximum; a pull at a bound counts as held there.
        counts: array (bins,), the data.
    """
    free = np.flatnonzero(likelihood.fitted & ((likelihood.bounds - pulls) != 0).all(axis=0))
    steps = _STEP * np.eye(len(pulls))[free]
    points = np.concatenate([pulls + steps, pulls - steps])
    slopes = likelihood.gradient(points, np.tile(counts, (len(points), 1)))[:, free]
    curvature = (slopes[: len(free)] - slopes[len(free) :]) / (2 * _STEP)
    return float(np.sqrt(2 * np.linalg.inv(curvature)[0, 0]))


def throw_counts(likelihood: Likelihood, mu: FloatArray, random: np.random.Generator) -> FloatArray:
    """Counts of a data set for each of `mu`, array (data sets,), with random nuisance parameters: (data sets, bins)."""
    pulls = np.column_stack([mu, draw_pulls(random, len(mu))])
    pulls = np.where(likelihood.fitted, pulls, likelihood.start)
    expected = likelihood.templates.expected(values_from_pulls(pulls))
    return random.poisson(with_template_error(likelihood, expected, random)).astype(float)


def linear(likelihood: Likelihood) -> Likelihood:
    """The likelihood with those terms of the templates alone that `histosys` expresses exactly."""
    kept = np.array([sum(powers) <= 1 and not powers[2] for powers in TERMS])
    templates = likelihood.templates
    coefficients = np.where(kept[:, None], templates.coefficients, 0.0)
    return dataclasses.replace(likelihood, templates=Templates(coefficients, templates.variance))
