"""The test of templates with events: its p-values where they describe the events, and where they do not."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import kstest

from submission.agreement import PARTS, Agreement, agreement
from submission.counting import PointCounts
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from tests.statistics_examples import example_templates

WEIGHT = 0.05


@pytest.fixture(scope="module")
def templates():
    exact = example_templates(bins=20)
    return dataclasses.replace(exact, variance=0.02 * exact.nominal)


def _counted(templates, random, change=1.0):
    """Counts of weighted events at each point, from true templates that differ from `templates` by their error."""
    values = np.ones((len(PARTS), len(PARAMETERS)))
    values[:, 1:4] = [point for point, _ in PARTS]
    expected = templates.counts(values) + random.normal(0, np.sqrt(templates.variance))
    parts = []
    for (_, share), counts in zip(PARTS, np.maximum(expected * change, 0)):
        weight = WEIGHT * 16 / len(share)
        number = random.poisson(counts / weight)
        parts.append(PointCounts(weight * number, weight**2 * number))
    return parts


def test_p_values_are_uniform_where_the_templates_describe_the_events(templates):
    random = np.random.default_rng(1)
    values = [agreement(templates, _counted(templates, random)).p_value for _ in range(300)]
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.mean(np.array(values) < 0.1) == pytest.approx(0.1, abs=0.06)


@pytest.mark.parametrize("size", [0.9, 1.1])
def test_another_slope_is_found(templates, size):
    change = np.linspace(1, size, 20)
    assert agreement(templates, _counted(templates, np.random.default_rng(2), change)).p_value < 1e-4


def test_a_change_of_one_process_alone_is_found(templates):
    change = np.ones((4, 1))
    change[1] = 1.2
    assert agreement(templates, _counted(templates, np.random.default_rng(3), change)).p_value < 1e-4


def test_a_change_of_shifted_events_alone_is_found(templates):
    counted = _counted(templates, np.random.default_rng(4))
    moved = [counted[0], *(PointCounts(1.03 * part.counts, part.variance) for part in counted[1:])]
    assert agreement(templates, moved).p_value < 1e-4


def test_the_shift_is_that_of_the_fit(templates):
    """Expected counts that differ by what one sigma of mu is worth: the shift says one sigma."""
    likelihood = Likelihood(templates)
    fit = likelihood.fit(templates.nominal.sum(axis=0)[None])
    more = templates.nominal.copy()
    more[3] *= 1 + fit.sigma[0]
    exact = [PointCounts(counts, 1e-3 * counts) for counts in [more] * len(PARTS)]
    result = agreement(templates, exact)
    assert result.shift == pytest.approx(1, rel=0.1)
    assert result.largest_shift == result.shift + result.shift_error
    assert "mu_hat is off by +" in str(result)


def test_either_a_bad_chi2_or_a_large_shift_is_a_small_p_value():
    fine = Agreement(chi2=100, bins=100, shift=0.3, shift_error=1)
    assert fine.p_value > 0.5
    assert dataclasses.replace(fine, chi2=200).p_value < 1e-7
    assert dataclasses.replace(fine, shift=6.0).p_value < 1e-7


def test_few_events_say_nothing(templates):
    empty = [PointCounts.empty(20) for _ in PARTS]
    assert agreement(templates, empty).bins == 0
