"""The neyman stage: pseudo-experiments at histogram level, the confidence belt that they give, and what it reaches.

A throw draws the six nuisance parameters from their priors, the counts from Poisson distributions around the templates,
and fits. The throws that check a belt have other random streams than those that made it.
"""

import dataclasses
import functools
import multiprocessing
import os
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ingestion_test import files
from ingestion_test.errors import ChallengeError
from submission.confidence import make_belt, spread_mu
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS, draw_pulls

#: Throws of a task of a worker process.
BLOCK = 5000

#: Random streams of a run.
_BELT_STREAM, _CHECK_STREAM, _BOUND_STREAM = range(3)

#: Draws of the nuisance parameters over which a Cramer-Rao bound is averaged.
_BOUND_DRAWS = 500


@dataclasses.dataclass(frozen=True)
class NeymanConfig:
    """How a belt is made and checked.

    Arguments:
        belt_throws: pseudo-experiments behind the belt.
        check_mus: number of true mu, from one end of `check_range` to the other, at which the belt is checked.
        check_throws: pseudo-experiments at each of them.
        check_range: the mu of the challenge.
        bound_mus: true mu at which the Cramer-Rao bound is computed.
        seed: of all pseudo-experiments.
    """

    belt_throws: int = 400_000
    check_mus: int = 20
    check_throws: int = 10_000
    check_range: tuple[float, float] = (0.1, 3.0)
    bound_mus: tuple[float, ...] = (0.1, 1.0, 2.0, 3.0)
    seed: int = 20250509


@dataclasses.dataclass(frozen=True)
class Throws:
    """Fitted pseudo-experiments: arrays (throws,) of true mu, estimate, its error and whether the fit is valid."""

    mu: np.ndarray
    mu_hat: np.ndarray
    sigma: np.ndarray
    valid: np.ndarray


def throw(likelihood, mu, random):
    """Draw and fit one pseudo-experiment for each true mu.

    The templates' own error, where the likelihood includes it, is drawn too: each throw has other true templates.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        mu: array (throws,).
        random: `numpy.random.Generator`.

    Returns:
        `Throws`.
    """
    pulls = np.column_stack([mu, draw_pulls(random, len(mu))])
    expected = likelihood.templates.expected(values_from_pulls(pulls))
    expected *= np.maximum(1 + np.sqrt(likelihood.relative_variance) * random.standard_normal(expected.shape), 0)
    fit = likelihood.fit(random.poisson(expected))
    return Throws(mu, fit.mu_hat, fit.sigma, fit.valid)
