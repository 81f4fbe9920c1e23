"""A measurement with known answers."""

import numpy as np

from measurement.explanation import Truth, explain
from measurement.finite_sample import Sample
from submission.confidence import BeltConfig, make_belt, spread_mu
from submission.estimator import Measurement
from submission.likelihood import PRESETS, Likelihood
from submission.parameters import PARAMETERS, values_from_pulls
from tests.statistics_examples import example_templates

CHANNELS = {"1-jet": (0, 8), "2-jet": (8, 14), "0-jet": (14, 20)}

#: True mu and pulls.
PULLS = np.array([1.2, 0.5, -0.8, 0.3, 0.4, -0.2, 0.1])


def belt(sigma=0.25):
    """A belt for estimates that are normal with one error."""
    random = np.random.default_rng(9)
    mu = spread_mu(random, 20_000, (0.1, 3.0))
    return make_belt(mu, mu + sigma * random.standard_normal(len(mu)), np.full(len(mu), sigma), BeltConfig())


def measurement(preset="default", relative_variance=0.05, seed=3):
    """Counts thrown at `PULLS`, in three channels."""
    likelihood = Likelihood(example_templates(relative_variance=relative_variance), PRESETS[preset])
    pulls = np.where(likelihood.fitted, PULLS, likelihood.start)
    expected = likelihood.templates.expected(values_from_pulls(pulls[None]))[0]
    counts = np.random.default_rng(seed).poisson(expected).astype(float)
    return Measurement(counts, CHANNELS, likelihood, belt())


def truth():
    """That of `PULLS`."""
    values = values_from_pulls(PULLS[None])[0].tolist()
    return Truth(values[0], dict(zip(PARAMETERS[1:], values[1:])))


def sample(of):
    """A finite sample that expects what the templates do at `PULLS`, 3% more in every bin of the first channel."""
    expected = of.likelihood.templates.expected(values_from_pulls(PULLS[None]))[0]
    expected *= np.where(np.arange(len(expected)) < 8, 1.03, 1.0)
    return Sample(np.stack([expected, expected]), 0.5 * expected)


def explanation(preset="default"):
    """The explanation of the measurement, as that of a pseudo-experiment."""
    shown = measurement(preset)
    return explain(shown, "an example", truth(), sample(shown))
