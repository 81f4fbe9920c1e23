"""-2 ln L that a finite sample makes one expect, beside fits of data that are drawn from it."""

import numpy as np
import pytest
from scipy.stats import ks_1samp

from measurement.finite_sample import fit_sample
from submission.likelihood import Likelihood
from submission.parameters import draw_pulls, values_from_pulls
from submission.throws import with_template_error
from tests.statistics_examples import example_templates


@pytest.mark.parametrize("error", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("smear", [0.0, 0.01])
@pytest.mark.parametrize("variance", [0.0, 0.2])
def test_it_is_that_of_data_from_the_sample(error, smear, variance):
    """Samples that are wrong by `error`, common to all data, and smeared anew in each of two sums of their weights."""
    likelihood, random = Likelihood(example_templates(relative_variance=variance)), np.random.default_rng(7)
    reached = []
    for _ in range(60):
        pulls = np.column_stack([[1.3], draw_pulls(random, 1)])
        expected = likelihood.templates.expected(values_from_pulls(pulls))
        sample = with_template_error(likelihood, expected, random)[0] * (1 + error * random.standard_normal(20))
        counts = sample * (1 + smear * random.standard_normal((2, 20)))
        reached.extend(
            fit_sample(likelihood, counts).twice_nll.cdf(likelihood.fit(random.poisson([sample] * 5)).twice_nll)
        )
    assert ks_1samp(reached, lambda share: share).pvalue > 0.01
