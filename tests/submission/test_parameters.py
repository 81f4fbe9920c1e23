"""Parameters of the fit: priors as pulls, their clips, and draws."""

import numpy as np
import pytest

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from submission.parameters import PARAMETERS, PRIORS, PULL_BOUNDS, draw_pulls, slopes_from_pulls, values_from_pulls


def test_pulls_of_zero_are_the_nominal_values():
    pulls = np.zeros((1, len(PARAMETERS)))
    pulls[0, 0] = 1.3
    assert dict(zip(PARAMETERS, values_from_pulls(pulls)[0])) == dict.fromkeys(PARAMETERS, 1.0) | {"mu": 1.3}


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.name)
def test_a_pull_moves_its_parameter_by_the_width_up_to_the_clip(prior):
    place = PARAMETERS.index(prior.name)
    pulls = np.zeros((3, len(PARAMETERS)))
    pulls[:, place] = (1.0, 1e3, -1e3)
    one, high, low = values_from_pulls(pulls)[:, place]
    assert one == pytest.approx(np.exp(prior.width) if prior.lognormal else 1 + prior.width)
    assert (low, high) == pytest.approx(prior.clip)
    np.testing.assert_array_equal(PULL_BOUNDS[:, place - 1], prior.bounds)


def test_slopes_are_the_derivatives():
    pulls, step = np.random.default_rng(1).uniform(-1, 1, (20, len(PARAMETERS))), 1e-6
    numeric = (values_from_pulls(pulls + step) - values_from_pulls(pulls - step)) / (2 * step)
    np.testing.assert_allclose(slopes_from_pulls(pulls), numeric, rtol=1e-6)


def test_draws_are_standard_normal_within_the_clips():
    pulls = draw_pulls(np.random.default_rng(2), 20_000)
    assert pulls.shape == (20_000, len(PRIORS))
    assert (pulls >= PULL_BOUNDS[0]).all()
    assert (pulls <= PULL_BOUNDS[1]).all()
    for place, prior in enumerate(PRIORS):
        if prior.name not in ("soft_met", "diboson_scale"):  # whose clips are near
            assert np.mean(pulls[:, place]) == pytest.approx(0, abs=0.03)
            assert np.std(pulls[:, place]) == pytest.approx(1, abs=0.03)


def test_the_priors_are_those_of_the_challenge():
    """The same distributions, by their quantiles: the challenge draws one set at a time."""
    theirs = [draw_nuisance_parameters(seed, NUISANCE_NAMES) for seed in range(2000)]
    pulls = np.insert(draw_pulls(np.random.default_rng(3), 2000), 0, 1.0, axis=1)
    ours = dict(zip(PARAMETERS, values_from_pulls(pulls).T))
    for prior in PRIORS:
        values = np.array([nuisance[prior.name] for nuisance in theirs])
        spread = np.std(values)
        assert np.median(values) == pytest.approx(np.median(ours[prior.name]), abs=0.12 * spread)
        assert spread == pytest.approx(np.std(ours[prior.name]), rel=0.12)
