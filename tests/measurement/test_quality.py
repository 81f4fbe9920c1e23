"""Goodness of fit of a run: alike where the throws are right, and unlike where the sample is another."""

import numpy as np
import pytest

from ingestion_test.ingestion import RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.nuisance import NUISANCE_NAMES
from measurement.explanation import Sample
from measurement.quality import THROWS, qualities, true_values
from runtime.errors import ChallengeError
from submission.likelihood import Likelihood
from tests.statistics_examples import example_templates


@pytest.mark.parametrize("factor", [1.0, 1.02])
def test_pseudo_experiments_are_like_throws_from_their_own_sample(factor):
    """Counts from a sample that has some percent more in half of the bins."""
    likelihood = Likelihood(example_templates(relative_variance=0.02))
    plan = RunSettings(2, 100).plan()
    change = np.where(np.arange(20) % 2, factor, 1.0)
    values = np.array([true_values(Outcome(item, {}, 0.0, 0.0), NUISANCE_NAMES) for item in plan])
    counts = np.random.default_rng(2).poisson(likelihood.templates.expected(values) * change)
    fitted = likelihood.fit(counts).twice_nll.tolist()
    outcomes = [Outcome(item, {}, 0.0, 0.0, {"twice_nll": value}) for item, value in zip(plan, fitted)]
    nominal = likelihood.templates.expected(np.array([[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]]))[0]
    events, templates, sample = qualities(likelihood, outcomes, NUISANCE_NAMES, Sample(nominal * change, np.zeros(20)))
    assert (events.number, events.mean, events.p_value) == (200, pytest.approx(np.mean(fitted)), None)
    assert sample.number == templates.number == 200 * THROWS
    assert sample.p_value > 0.01
    assert (templates.p_value < 1e-6) == (factor > 1)


def test_a_run_without_goodness_of_fit_is_refused():
    outcomes = [Outcome(item, {}, 0.0, 0.0) for item in RunSettings(1, 1).plan()]
    with pytest.raises(ChallengeError, match="no twice_nll"):
        qualities(Likelihood(example_templates()), outcomes, NUISANCE_NAMES, Sample(np.ones(20), np.ones(20)))
