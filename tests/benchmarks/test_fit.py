"""The fits that are timed find the same minimum."""

import numpy as np
import pytest

from benchmarks.fit import REDUCED, migrad, reduced, throw
from submission import artifacts
from submission.likelihood import Likelihood


def test_iminuit_finds_the_same_minimum():
    likelihood = artifacts.load().likelihood
    for variant in (likelihood, Likelihood(reduced(likelihood.templates), REDUCED)):
        counts = throw(variant, 2, np.random.default_rng(3))
        fit = variant.fit(counts)
        for row, mu_hat, sigma in zip(counts, fit.mu_hat, fit.sigma):
            assert migrad(variant, row, derivatives=True) == pytest.approx(mu_hat, abs=0.05 * sigma)
