"""The region of a belt is what its intervals say."""

import numpy as np
import pytest

from measurement.acceptance import acceptance
from submission.confidence import BeltConfig, make_belt, spread_mu


@pytest.mark.parametrize("ordering", ["central", "pratt"])
def test_acceptance_is_what_the_intervals_say(ordering):
    random = np.random.default_rng(9)
    mu = spread_mu(random, 30_000, (0.1, 3.0))
    mu_hat = mu + 0.25 * random.standard_normal(len(mu))
    belt = make_belt(mu, mu_hat, np.full(len(mu), 0.25), BeltConfig(ordering))
    grid = np.linspace(-1, 4, 2001)
    ends = {name: np.array(values) for name, values in acceptance(belt, grid).items()}
    intervals = belt.intervals(grid, np.full(len(grid), 0.25))
    inside = (intervals.p16[:, None] <= belt.mu) & (belt.mu <= intervals.p84[:, None]) & ~intervals.empty[:, None]
    accepted = (ends["low"] <= grid[:, None]) & (grid[:, None] <= ends["high"])
    assert np.mean(inside == accepted) > 0.999
    if ordering == "central":
        np.testing.assert_allclose(ends["low"], belt.mu - 0.25, atol=0.015)
        np.testing.assert_allclose(ends["high"], belt.mu + 0.25, atol=0.015)
