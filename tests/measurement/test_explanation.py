"""The numbers of a page are those of the fit."""

import json

import numpy as np
import pytest
from scipy.stats import chi2

from measurement.explanation import Truth, explain
from measurement.finite_sample import fit_sample
from submission.parameters import PARAMETERS, values_from_pulls
from tests.measurement.measurements import CHANNELS, PULLS, explanation, measurement, sample, truth


@pytest.fixture(scope="module", params=["default", "paper", "mu alone"])
def preset(request):
    return request.param


@pytest.fixture(scope="module")
def measured(preset):
    return measurement(preset)


@pytest.fixture(scope="module")
def shown(preset):
    return explanation(preset)


@pytest.fixture(scope="module")
def fit(measured):
    return measured.likelihood.fit(measured.counts[None])


def test_the_estimate_is_that_of_the_submission(measured, shown, fit):
    assert shown.estimate == measured.estimate
    assert shown.events == measured.counts.sum()
    assert shown.belt["mu_hat"] == fit.mu_hat[0]
    assert shown.names == ["mu", *(name for name in PARAMETERS if name in measured.likelihood.config.nuisance)]


def test_channels_hold_data_and_expectation(measured, shown, fit):
    assert [channel.name for channel in shown.channels] == list(CHANNELS)
    np.testing.assert_array_equal(np.concatenate([channel.data for channel in shown.channels]), measured.counts)
    total = np.array([measured.counts.sum()])
    for when, pulls in (("before", measured.likelihood.start[None]), ("after", fit.pulls)):
        stacks = [getattr(channel, when) for channel in shown.channels]
        expected = measured.likelihood.expected(pulls, total)[0][0]
        np.testing.assert_allclose(np.concatenate([stack.total for stack in stacks]), expected)
        parts = np.concatenate([sum(stack.processes.values()) for stack in stacks])
        np.testing.assert_allclose(parts, expected, rtol=1e-4)


def test_bands_are_the_spread_of_what_is_expected(measured, shown, fit):
    """Of pulls thrown from the covariance of the fit, and of the templates' own error."""
    likelihood, random = measured.likelihood, np.random.default_rng(4)
    pulls = random.multivariate_normal(fit.pulls[0], fit.covariance[0], 4000)
    expected = likelihood.expected(pulls, np.full(4000, measured.counts.sum()))[0]
    expected *= 1 + np.sqrt(likelihood.relative_variance) * random.standard_normal(expected.shape)
    band = np.concatenate([channel.after.band for channel in shown.channels])
    np.testing.assert_allclose(band, expected.std(axis=0), rtol=0.15)


def test_twice_nll_is_the_sum_of_channels_and_priors(shown, fit):
    priors = sum(impact.pull**2 for impact in shown.impacts)
    assert sum(channel.twice_nll for channel in shown.channels) + priors == pytest.approx(fit.twice_nll[0])
    assert shown.p_value == chi2.sf(fit.twice_nll[0], fit.degrees_of_freedom[0])


def test_correlations(shown, fit):
    np.testing.assert_allclose(np.diag(shown.correlation), 1)
    for row, one in enumerate(shown.names):
        for column, other in enumerate(shown.names):
            i, j = PARAMETERS.index(one), PARAMETERS.index(other)
            expected = fit.covariance[0, i, j] / (fit.errors[0, i] * fit.errors[0, j])
            assert shown.correlation[row, column] == pytest.approx(expected)


def test_the_interval_is_read_off_the_belt(shown):
    """The mu that accept the estimate are those within the interval."""
    mu, low, high = (np.array(shown.belt[name], dtype=float) for name in ("mu", "low", "high"))
    accept = mu[(low <= shown.belt["mu_hat"]) & (shown.belt["mu_hat"] <= high)]
    step = mu[1] - mu[0]
    assert accept.min() == pytest.approx(shown.estimate.p16, abs=step)
    assert accept.max() == pytest.approx(shown.estimate.p84, abs=step)


def test_true_pulls_are_those_of_the_values():
    assert list(truth().pulls.values()) == pytest.approx(PULLS[1:])
    off = {name: 0.0 if name == "soft_met" else 1.0 for name in PARAMETERS[1:]}
    assert Truth(1.0, off).pulls == {name: 0.0 for name in PARAMETERS[1:] if name != "soft_met"}


def test_the_finite_sample_is_taken_into_account():
    measured = measurement()
    expected = fit_sample(measured.likelihood, sample(measured).counts)
    quality = explanation().sample
    assert (quality.mean, quality.deviation) == (expected.twice_nll.mean(), expected.twice_nll.std())
    assert quality.shift == pytest.approx(expected.fit.mu_hat[0] - truth().mu)
    assert quality.p_value == expected.twice_nll.sf(measured.estimate.twice_nll)
    assert quality.twice_nll < measured.estimate.twice_nll


def test_data_without_a_truth_have_no_sample():
    shown = explain(measurement(), "data")
    assert shown.truth is None
    assert shown.sample is None
    assert all(impact.at_truth is None for impact in shown.impacts)


def test_content_is_json(shown):
    content = json.loads(json.dumps(shown.content()))
    assert content["estimate"]["mu_hat"] == shown.estimate.mu_hat
    assert content["channels"][1]["data"] == shown.channels[1].data.tolist()
    assert content["truth"]["values"]["tes"] == pytest.approx(values_from_pulls(PULLS[None])[0, 1])
