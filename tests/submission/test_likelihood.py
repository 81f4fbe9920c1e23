"""Laws of the likelihood and its fits, and agreement with iminuit."""

import iminuit
import numpy as np
import pytest

from submission.likelihood import MU_RANGE, PRESETS, Likelihood, LikelihoodConfig
from submission.parameters import PARAMETERS, PULL_BOUNDS, draw_pulls, values_from_pulls
from submission.throws import with_template_error
from tests.statistics_examples import example_templates

CONFIGS = {
    **PRESETS,
    "known": LikelihoodConfig((), template_error=False),
    "exact": LikelihoodConfig(template_error=False),
    "shape": LikelihoodConfig(shape_only=True),
}


@pytest.fixture(params=CONFIGS)
def likelihood(request):
    return Likelihood(example_templates(relative_variance=0.1), CONFIGS[request.param])


def throw(likelihood, size, seed=5):
    """True pulls and counts, of the parameters that the likelihood knows."""
    random = np.random.default_rng(seed)
    pulls = np.column_stack([random.uniform(0.1, 3, size), draw_pulls(random, size)])
    pulls = np.where(likelihood.fitted, pulls, likelihood.start)
    return pulls, random.poisson(likelihood.templates.expected(values_from_pulls(pulls))).astype(float)


def test_gradient_against_finite_differences(likelihood):
    pulls, counts = throw(likelihood, 4)
    gradient = likelihood.gradient(pulls, counts)
    for i in np.flatnonzero(likelihood.fitted):
        step = np.zeros(len(PARAMETERS))
        step[i] = 1e-5
        upper, lower = (likelihood.twice_nll(pulls + sign * step, counts) for sign in (1, -1))
        np.testing.assert_allclose(gradient[:, i], (upper - lower) / 2e-5, rtol=1e-4, atol=1e-3)


def test_twice_nll_is_minus_two_log_likelihood():
    templates = example_templates()
    likelihood = Likelihood(templates, CONFIGS["exact"])
    pulls, counts = throw(likelihood, 2)
    expected = templates.expected(values_from_pulls(pulls))
    direct = 2 * np.sum(expected - counts * np.log(expected), axis=1) + np.sum(pulls[:, 1:] ** 2, axis=1)
    np.testing.assert_allclose(
        np.diff(likelihood.twice_nll(pulls, counts)), np.diff(direct) - np.diff(saturated(counts))
    )


def saturated(counts):
    """-2 ln L of a model that expects what is observed, up to the same constant."""
    return 2 * np.sum(counts - counts * np.log(counts), axis=1)


def test_template_error_is_profiled():
    """The factors of the bins are at their maximum: any other ones are less likely."""
    templates = example_templates(relative_variance=0.1)
    likelihood = Likelihood(templates)
    pulls, counts = throw(likelihood, 1)
    expected, r = templates.expected(values_from_pulls(pulls))[0], likelihood.relative_variance
    prior = np.sum(pulls[:, 1:] ** 2)

    def with_factors(factor):
        mean = factor * expected
        poisson = 2 * np.sum(mean - counts[0] + counts[0] * np.log(np.maximum(counts[0], 1e-9) / mean))
        return poisson + np.sum((factor - 1) ** 2 / r) + prior

    profiled = likelihood.twice_nll(pulls, counts)[0]
    random = np.random.default_rng(0)
    trials = [with_factors(1 + scale * random.standard_normal(len(r))) for scale in (0, 1e-3, 1e-2) for _ in range(20)]
    assert min(trials) >= profiled
    assert min(trials) < with_factors(np.full(len(r), 1.05))


def test_agrees_with_iminuit(likelihood):
    """The estimate of mu to 1e-3 of its error."""
    _, counts = throw(likelihood, 8)
    fit = likelihood.fit(counts)
    assert fit.valid.all()
    for number, data in enumerate(counts):

        def twice_nll(pulls, data=data):
            return likelihood.twice_nll(np.array([pulls]), data[None])[0]

        minuit = iminuit.Minuit(twice_nll, likelihood.start, name=PARAMETERS)
        minuit.errordef = iminuit.Minuit.LEAST_SQUARES
        minuit.strategy, minuit.tol = 2, 1e-4
        minuit.errors = 0.5
        for name, fitted, low, high in zip(PARAMETERS, likelihood.fitted, *likelihood.bounds):
            minuit.fixed[name], minuit.limits[name] = not fitted, (low, high)
        minuit.migrad(ncall=10_000)
        assert fit.twice_nll[number] <= minuit.fval + 1e-6
        assert fit.mu_hat[number] == pytest.approx(minuit.values["mu"], abs=1e-3 * fit.sigma[number])


def test_error_is_that_of_the_profile_likelihood():
    """One error away from the best mu, with the other parameters fitted again, -2 ln L has grown by about 1."""
    likelihood = Likelihood(example_templates())
    _, counts = throw(likelihood, 1)
    best = likelihood.fit(counts)
    for sign in (-1, 1):
        held = likelihood.fit(counts, {"mu": best.mu_hat + sign * best.sigma})
        assert held.twice_nll[0] - best.twice_nll[0] == pytest.approx(1, abs=0.15)


def test_held_parameters_are_not_fitted(likelihood):
    """Held at the best values, or at others that iminuit holds too."""
    _, counts = throw(likelihood, 6)
    best = likelihood.fit(counts)
    for place in np.flatnonzero(likelihood.fitted):
        name = PARAMETERS[place]
        same = likelihood.fit(counts, {name: best.pulls[:, place]})
        np.testing.assert_allclose(same.pulls, best.pulls, atol=2e-3)
        np.testing.assert_allclose(same.twice_nll, best.twice_nll, atol=1e-5)
        assert (same.errors[:, place] == 0).all()
        assert (same.sigma <= best.sigma * (1 + 1e-6)).all()
    held = likelihood.fit(counts, {"mu": 2.5})
    assert (held.mu_hat == 2.5).all()
    assert (held.twice_nll >= best.twice_nll).all()
    inside = likelihood.fitted & (held.pulls > likelihood.bounds[0]) & (held.pulls < likelihood.bounds[1])
    slope = np.where(inside, likelihood.gradient(held.pulls, counts), 0)[:, 1:]
    assert np.abs(slope).max() < 0.05


def test_what_cannot_be_held_is_refused():
    likelihood = Likelihood(example_templates(), PRESETS["paper"])
    counts = throw(likelihood, 2)[1]
    for held, text in (
        ({"soft_met": 0.0}, "soft_met cannot be held, as this likelihood does not fit it; it fits mu, tes, jes"),
        ({"taus": 0.0}, "taus cannot be held"),
        ({"tes": 11.0}, "tes cannot be held at 11.0: it can be -10 to 10"),
        ({"mu": np.nan}, "mu cannot be held at nan"),
    ):
        with pytest.raises(ValueError, match=text):
            likelihood.fit(counts, held)


@pytest.mark.parametrize("name", CONFIGS)
def test_goodness_of_fit_is_chi_squared(name):
    """With the templates' own error drawn too."""
    templates = example_templates(relative_variance=0.1)
    likelihood = Likelihood(templates, CONFIGS[name])
    pulls, random = throw(likelihood, 1000)[0], np.random.default_rng(8)
    expected = with_template_error(likelihood, templates.expected(values_from_pulls(pulls)), random)
    fit = likelihood.fit(random.poisson(expected))
    freedom = fit.degrees_of_freedom
    assert fit.twice_nll.mean() == pytest.approx(freedom[0], abs=4 * np.sqrt(2 * freedom[0] / 1000))


def test_pulls_of_mu_are_standard_normal():
    likelihood = Likelihood(example_templates())
    pulls, counts = throw(likelihood, 4000)
    fit = likelihood.fit(counts)
    assert fit.valid.all()
    pull = (fit.mu_hat - pulls[:, 0]) / fit.sigma
    assert pull.mean() == pytest.approx(0, abs=0.08)
    assert pull.std() == pytest.approx(1, abs=0.06)


def test_cramer_rao_bounds():
    likelihood = Likelihood(example_templates(), CONFIGS["exact"])
    points = np.zeros((2, 7))
    points[:, 0] = 1, 3
    bound = likelihood.cramer_rao(points)
    assert (bound.known < bound.profiled).all()
    # With everything known, information is the sum of S^2 / (S + B).
    templates = likelihood.templates
    values = values_from_pulls(points)
    signal = templates.counts(values)[:, 3] / points[:, :1]
    direct = np.sum(signal**2 / templates.expected(values), axis=1) ** -0.5
    np.testing.assert_allclose(bound.known, direct, rtol=1e-4)
    none = Likelihood(templates, CONFIGS["known"]).cramer_rao(np.where([True] + [False] * 6, points, 0))
    np.testing.assert_allclose(none.known, none.profiled)


def test_template_error_widens():
    points = np.eye(7)[:1]
    exact, finite = (Likelihood(example_templates(relative_variance=v)).cramer_rao(points) for v in (0, 1))
    np.testing.assert_allclose(finite.known / exact.known, np.sqrt(2), rtol=0.01)


def test_shape_only_does_not_know_the_total():
    likelihood = Likelihood(example_templates(), PRESETS["paper"])
    _, counts = throw(likelihood, 20)
    once, twice = likelihood.fit(counts), likelihood.fit(2 * counts)
    assert np.abs(once.mu_hat - twice.mu_hat).max() < 0.5 * once.sigma.min()
    assert likelihood.fit(counts).valid.all()


@pytest.mark.parametrize("name", CONFIGS)
def test_extreme_data_end_finite(name):
    templates = example_templates(relative_variance=0.01)
    likelihood = Likelihood(templates, CONFIGS[name])
    typical = throw(likelihood, 1)[1][0]
    one, crowded, shifted = np.zeros((3, templates.bins))
    one[-1], crowded[3] = 1, 1e6
    shifted[:] = np.roll(typical, 3)
    data = np.array([np.zeros(templates.bins), one, crowded, shifted, 5 * typical, typical + crowded])
    fit = likelihood.fit(data)
    for array in (fit.pulls, fit.covariance, fit.twice_nll):
        assert np.isfinite(array).all()
    assert (fit.sigma > 0).all()
    assert (fit.mu_hat >= MU_RANGE[0]).all()
    assert (fit.mu_hat <= MU_RANGE[1]).all()
    assert (fit.pulls[:, 1:] >= np.where(likelihood.fitted[1:], PULL_BOUNDS[0], -np.inf)).all()
    assert not (likelihood.config.check_fit and fit.valid[[2, 5]].any())
    assert likelihood.fit(typical[None]).valid.all()


def test_an_uninformed_fit_says_so():
    """No event at all: the shape says nothing about mu."""
    likelihood = Likelihood(example_templates(), PRESETS["paper"])
    assert likelihood.fit(np.zeros((1, 20))).sigma[0] > 100


def test_fits_do_not_depend_on_their_neighbours(likelihood):
    _, counts = throw(likelihood, 300)
    together, alone = likelihood.fit(counts), likelihood.fit(counts[299:])
    np.testing.assert_allclose(together.mu_hat[299:], alone.mu_hat, rtol=1e-6)
    assert len(likelihood.fit(counts[:0]).mu_hat) == 0


@pytest.mark.parametrize("counts", [np.ones((2, 19)), np.ones(20), -np.ones((1, 20)), np.full((1, 20), np.nan)])
def test_wrong_counts_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        Likelihood(example_templates()).fit(counts)


def test_unknown_nuisance_parameters_are_refused():
    with pytest.raises(ValueError, match="soft_mat"):
        LikelihoodConfig(("soft_mat",))
