"""Templates with known answers for the tests of the statistics."""

import numpy as np

from submission.templates import PROCESSES, TERMS, Templates

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
