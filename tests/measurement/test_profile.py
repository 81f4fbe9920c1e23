"""Profiles, contours, impacts and shares: laws of the likelihood that they are made of."""

import dataclasses

import numpy as np
import pytest

from measurement import profile
from submission.likelihood import MU_RANGE, Likelihood
from submission.parameters import PARAMETERS
from tests.measurement.measurements import measurement


@pytest.fixture(scope="module", params=["default", "paper"])
def measured(request):
    return measurement(request.param)


@pytest.fixture(scope="module")
def fit(measured):
    return measured.likelihood.fit(measured.counts[None])


def test_a_profile_is_minimised_over_all_others(measured, fit):
    mu = np.linspace(0.8, 1.6, 5)
    q = profile.scan(measured.likelihood, measured.counts, "mu", mu)
    random = np.random.default_rng(1)
    for value, least in zip(mu, q):
        best = measured.likelihood.fit(measured.counts[None], {"mu": value}).pulls
        trials = best + 0.1 * random.standard_normal((50, 7)) * measured.likelihood.fitted
        trials[:, 0] = value
        others = measured.likelihood.twice_nll(trials, np.tile(measured.counts, (50, 1))) - fit.twice_nll[0]
        assert others.min() >= least - 1e-6
    assert profile.scan(measured.likelihood, measured.counts, "mu", fit.mu_hat) == pytest.approx(0, abs=1e-6)


def test_with_the_others_held_the_likelihood_is_narrower(measured, fit):
    names = profile.fitted_nuisance(measured.likelihood)
    best = {name: float(fit.pulls[0, PARAMETERS.index(name)]) for name in names}
    mu = fit.mu_hat + fit.sigma * np.array([-1.0, 1.0])
    profiled, held = (profile.scan(measured.likelihood, measured.counts, "mu", mu, some) for some in ({}, best))
    assert (held > profiled).all()


def test_q_is_the_level_at_the_ends_of_an_interval(measured, fit):
    for level in profile.LEVELS:
        ends = profile.interval(measured.likelihood, measured.counts, level)
        assert ends[0] < fit.mu_hat[0] < ends[1]
        q = profile.scan(measured.likelihood, measured.counts, "mu", np.array(ends))
        np.testing.assert_allclose(q, level, rtol=1e-3)
    assert np.diff(ends)[0] == pytest.approx(4 * fit.sigma[0], rel=0.15)


def test_an_interval_ends_with_the_range():
    """Without events the data say nothing."""
    measured = measurement("paper")
    low, high = profile.interval(measured.likelihood, np.zeros(20))
    assert low == pytest.approx(measured.likelihood.bounds[0, 0])
    assert high == MU_RANGE[1]


def test_the_least_of_a_contour_at_each_mu_is_the_profile(measured, fit):
    mu = fit.mu_hat[0] + fit.sigma[0] * np.linspace(-1, 1, 3)
    pull = fit.pulls[0, 1] + fit.errors[0, 1] * np.linspace(-2, 2, 81)
    grid = profile.contour(measured.likelihood, measured.counts, ("mu", "tes"), mu, pull)
    assert grid.shape == (81, 3)
    assert grid.min(axis=0) == pytest.approx(profile.scan(measured.likelihood, measured.counts, "mu", mu), abs=2e-3)


def test_impacts_are_the_covariance(measured, fit):
    """To first order the change of mu_hat is the covariance with the parameter over its error."""
    shown = profile.impacts(measured.likelihood, measured.counts, {"tes": 0.7})
    assert {impact.name for impact in shown} == set(measured.likelihood.config.nuisance)
    largest = [max(abs(impact.up), abs(impact.down)) for impact in shown]
    assert largest == sorted(largest, reverse=True)
    for impact in shown:
        place = PARAMETERS.index(impact.name)
        linear = fit.covariance[0, 0, place] / fit.errors[0, place]
        assert impact.pull == fit.pulls[0, place]
        assert impact.up - impact.down == pytest.approx(2 * linear, rel=0.2, abs=0.05 * fit.sigma[0])
        held = measured.likelihood.fit(measured.counts[None], {impact.name: 0.0})
        assert impact.at_nominal == pytest.approx(held.mu_hat[0])
        assert (impact.at_truth is None) == (impact.name != "tes")


def test_shares_are_of_the_variance(measured, fit):
    total = measured.counts.sum()
    shown = {share.source: share for share in profile.shares(measured.likelihood, fit, total)}
    exact = Likelihood(
        measured.likelihood.templates, dataclasses.replace(measured.likelihood.config, template_error=False)
    )
    known = exact.cramer_rao(fit.pulls, np.array([total])).known[0]
    assert shown["statistics"].error == pytest.approx(known)
    assert shown["statistics"].share == pytest.approx((known / fit.sigma[0]) ** 2, rel=1e-6)
    assert all(share.share >= -1e-9 for share in shown.values())
    assert ("templates" in shown) == measured.likelihood.config.template_error
    assert ("background yields" in shown) == ("bkg_scale" in measured.likelihood.config.nuisance)


def test_what_is_not_fitted_contributes_nothing():
    measured = measurement("mu alone")
    fit = measured.likelihood.fit(measured.counts[None])
    (share,) = profile.shares(measured.likelihood, fit, measured.counts.sum())
    assert (share.source, share.share) == ("statistics", pytest.approx(1))
    assert profile.impacts(measured.likelihood, measured.counts) == []
