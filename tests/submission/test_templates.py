"""Laws of the parameters and of the templates."""

import numpy as np
import pytest

from ingestion_test import nuisance
from ingestion_test.pseudo_experiments import process_scales
from ingestion_test.schema import PROCESSES as CHALLENGE_PROCESSES
from submission.codec import decode, encode
from submission.parameters import PARAMETERS, PRIORS, draw_pulls, slopes_from_pulls, values_from_pulls
from submission.templates import PROCESSES, TERMS, Templates, fit_templates, positive, scales
from tests.statistics_examples import example_templates


def points(size=50, seed=1):
    random = np.random.default_rng(seed)
    return np.column_stack([random.uniform(-0.2, 3, size), draw_pulls(random, size)])


def test_priors_are_those_of_the_challenge():
    assert PROCESSES == CHALLENGE_PROCESSES
    for ours, theirs in zip(PRIORS, nuisance.NUISANCE_PARAMETERS, strict=True):
        assert (ours.name, ours.width, ours.clip, ours.lognormal) == (
            theirs.name,
            theirs.width,
            theirs.clip,
            theirs.lognormal,
        )


def test_draws_have_the_distribution_of_the_challenge():
    values = values_from_pulls(np.insert(draw_pulls(np.random.default_rng(2), 20_000), 0, 1.0, axis=1))
    theirs = [nuisance.draw_nuisance_parameters(seed, set(nuisance.NUISANCE_NAMES)) for seed in range(4000)]
    for i, name in enumerate(PARAMETERS[1:], 1):
        expected = np.array([draw[name] for draw in theirs])
        spread = expected.std() / np.sqrt(len(expected))
        assert values[:, i].mean() == pytest.approx(expected.mean(), abs=5 * spread)
        assert values[:, i].std() == pytest.approx(expected.std(), rel=0.1)
    soft_met = values[:, PARAMETERS.index("soft_met")]
    assert soft_met.max() == pytest.approx(5)
    assert np.mean(soft_met > 4.9999) == pytest.approx(0.0538, abs=0.008)  # P(ln 5 < z)


def test_values_stay_within_the_clip_for_any_pull():
    for pull in (-1e6, -50.0, 50.0, 1e6):
        values = values_from_pulls(np.full(7, pull))[1:]
        assert all(low <= value <= high for value, (low, high) in zip(values, [prior.clip for prior in PRIORS]))


def test_slopes_of_the_values():
    pulls, step = points(), 1e-6
    numeric = (values_from_pulls(pulls + step) - values_from_pulls(pulls - step)) / (2 * step)
    inside = np.abs(pulls[:, 3] - np.log(5)) > 1e-3
    np.testing.assert_allclose(slopes_from_pulls(pulls)[inside], numeric[inside], rtol=1e-6)


def test_scales_are_those_of_the_pseudo_experiments():
    values = values_from_pulls(points(1))
    mu, _, _, _, *normalisations = values[0]
    expected = process_scales(mu, *normalisations)
    np.testing.assert_allclose(scales(values)[0][0], [expected[process] for process in PROCESSES])


def test_normalisations_are_exact_factors():
    templates, values = example_templates(), values_from_pulls(points(1))
    unit = values.copy()
    unit[:, [0, 4, 5, 6]] = 1
    ratio = templates.counts(values) / templates.counts(unit)
    np.testing.assert_allclose(ratio, np.broadcast_to(scales(values)[0][:, :, None], ratio.shape))


def test_gradient_against_finite_differences():
    templates, values = example_templates(), values_from_pulls(points(size=5))
    values = np.concatenate([values, [[1.0, 0.93, 1.08, 4.9, 0.9, 1.5, 1.01]]])  # where the powers go on linearly
    expected, gradient = templates.expected_and_gradient(values)
    np.testing.assert_allclose(expected, templates.expected(values))
    for i in range(len(PARAMETERS)):
        step = np.zeros(len(PARAMETERS))
        step[i] = 1e-6
        numeric = (templates.expected(values + step) - templates.expected(values - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, i], numeric, rtol=1e-4, atol=1e-3)


def test_soft_met_has_an_effect_of_second_order():
    values = np.ones((3, 7))
    values[:, 3] = 0, 0.1, 0.2
    none, small, twice = example_templates().counts(values).sum(axis=1)
    np.testing.assert_allclose((twice - none) / (small - none), 4, rtol=0.01)


def test_counts_are_positive_and_finite_wherever_the_clips_reach():
    templates = example_templates()
    corners = np.array(np.meshgrid([-5.0, 20.0], *[prior.clip for prior in PRIORS])).reshape(7, -1).T
    expected, gradient = templates.expected_and_gradient(corners)
    assert (expected > 0).all()
    assert np.isfinite(gradient).all()


def test_positive_leaves_large_counts_alone():
    counts = np.array([[-1e6, -1.0, 0.0, 1e-3, 10.0]])
    held, slope = positive(counts, np.full(5, 1e-3))
    assert (held > 0).all()
    assert held[0, 4] == pytest.approx(10, rel=1e-7)
    step = 1e-7
    numeric = (positive(counts + step, 1e-3)[0] - positive(counts - step, 1e-3)[0]) / (2 * step)
    np.testing.assert_allclose(slope[0, 1:], numeric[0, 1:], rtol=1e-5)


def test_fit_finds_the_polynomials_again():
    templates = example_templates()
    values = values_from_pulls(points(40, seed=3))
    values[:, [0, 4, 5, 6]] = 1
    values[0, 1:4] = 1, 1, 0
    again = fit_templates(values[:, 1:4], templates.counts(values), templates.variance)
    np.testing.assert_allclose(again.coefficients, templates.coefficients, atol=1e-6 * templates.coefficients.max())


def test_too_few_points_are_refused():
    values = np.ones((len(TERMS) - 1, 3))
    with pytest.raises(ValueError, match="do not determine"):
        fit_templates(values, np.ones((len(values), 4, 5)), np.ones((4, 5)))


def test_saved_and_loaded_templates_are_the_same():
    templates = example_templates(relative_variance=0.01)
    again = decode(Templates, encode(templates))
    np.testing.assert_array_equal(again.coefficients, templates.coefficients)
    np.testing.assert_array_equal(again.variance, templates.variance)


@pytest.mark.parametrize("broken", ["shape", "number"])
def test_broken_templates_are_refused(broken):
    templates = example_templates()
    variance = templates.variance[:, 1:] if broken == "shape" else templates.variance * np.nan
    with pytest.raises(ValueError, match="make them anew"):
        Templates(templates.coefficients, variance)
