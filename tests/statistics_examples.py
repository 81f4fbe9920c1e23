"""Templates with known answers for the tests of the statistics, and belts of them."""

import numpy as np
import pytest

from submission.likelihood import Likelihood
from submission.templates import PROCESSES, TERMS, Templates
from training.neyman import belt_throws, check_throws

#: Expected events of the processes in the examples, and how fast their density grows or falls over the histogram.
COUNTS = {"ztautau": 60_000.0, "diboson": 600.0, "ttbar": 6_000.0, "htautau": 400.0}
SLOPES = {"ztautau": -7.0, "diboson": -2.0, "ttbar": -4.0, "htautau": 2.0}


def example_templates(bins=20, relative_variance=0.0):
    """Exponential score histograms whose polynomials bend all bins by a few percent, differently for each process."""
    x = (np.arange(bins) + 0.5) / bins
    density = np.array([np.exp(SLOPES[process] * x) for process in PROCESSES])
    nominal = density / density.sum(axis=1, keepdims=True) * np.array([[COUNTS[process]] for process in PROCESSES])
    coefficients = np.empty((len(PROCESSES), len(TERMS), bins))
    for process, count in enumerate(nominal):
        for number, powers in enumerate(TERMS):
            size = 0.02 * 0.1 ** (sum(powers) - 1)
            coefficients[process, number] = count * size * np.cos(process + number + 3 * x)
        coefficients[process, 0] = count
    return Templates(coefficients, relative_variance * nominal)


def belt_fixtures(config):
    """Fixtures of a module: a likelihood, the throws behind its belt, and those of the belt's check."""

    @pytest.fixture(scope="module")
    def likelihood():
        return Likelihood(example_templates(bins=10))

    @pytest.fixture(scope="module")
    def thrown(likelihood):
        return belt_throws(likelihood, config.check_range, config)

    @pytest.fixture(scope="module")
    def checks(likelihood):
        return check_throws(likelihood, config)

    return likelihood, thrown, checks
