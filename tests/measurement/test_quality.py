"""Goodness of fit of a run: alike where the sample is the right one, and unlike where it is another."""

import numpy as np
import pytest

from ingestion_test.ingestion import RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.nuisance import NUISANCE_NAMES
from measurement.explanation import Truth
from measurement.finite_sample import fit_sample
from measurement.quality import THROWS, qualities, require_twice_nll, residuals
from runtime.errors import ChallengeError
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from tests.statistics_examples import example_templates


def run(factor):
    """A likelihood, and pseudo-experiments of a sample that has some percent more in half of the bins."""
    likelihood, plan = Likelihood(example_templates(relative_variance=0.02)), RunSettings(2, 100).plan()
    truths = [Truth.of(item, NUISANCE_NAMES) for item in plan]
    values = np.array([[truth.mu, *(truth.values[name] for name in PARAMETERS[1:])] for truth in truths])
    expected = likelihood.templates.expected(values) * np.where(np.arange(20) % 2, factor, 1.0)
    fit = likelihood.fit(np.random.default_rng(2).poisson(expected))
    outcomes = [
        Outcome(item, {}, 0.0, 0.0, {"twice_nll": twice_nll} | dict(zip([f"pull_{n}" for n in PARAMETERS[1:]], pulls)))
        for item, twice_nll, pulls in zip(plan, fit.twice_nll.tolist(), fit.pulls[:, 1:].tolist())
    ]
    return likelihood, outcomes, NUISANCE_NAMES, [fit_sample(likelihood, np.stack([row, row])) for row in expected]


@pytest.mark.parametrize("factor", [1.0, 1.02])
def test_pseudo_experiments_are_like_draws_from_their_own_sample(factor):
    known = run(factor)
    events, templates, sample = qualities(*known)
    assert (events.number, events.p_value) == (200, None)
    assert events.mean == pytest.approx(np.mean([outcome.further["twice_nll"] for outcome in known[1]]))
    assert sample.number == templates.number == 200 * THROWS
    assert sample.p_value > 0.01
    assert (templates.p_value < 1e-6) == (factor > 1)


def test_pulls_are_off_as_the_sample_is():
    likelihood, outcomes, _, samples = run(1.02)
    rows = residuals(likelihood, outcomes, NUISANCE_NAMES[:-1], samples)
    assert [row.name for row in rows] == list(NUISANCE_NAMES[:-1])
    assert max(abs(row.mean) for row in rows) > 0.5
    assert max(abs(row.mean - row.expected) / row.error for row in rows) < 4


def test_a_run_without_goodness_of_fit_is_refused():
    outcomes = [Outcome(item, {}, 0.0, 0.0) for item in RunSettings(1, 1).plan()]
    with pytest.raises(ChallengeError, match="no twice_nll"):
        require_twice_nll(outcomes)
    with pytest.raises(ChallengeError, match="no pseudo-experiment yet"):
        require_twice_nll([])
