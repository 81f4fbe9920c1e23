"""The belts on an example with known answers: a normal mu_hat with the errors of the paper.

Source of the numbers: docs/mathematics.md#published-numbers.
"""

import numpy as np
import pytest

from submission.codec import decode, encode
from submission.confidence import COVERAGE, Belt, BeltConfig, make_belt, spread_mu

CHALLENGE = (0.1, 3.0)


def error(mu):
    """From 0.23 at mu = 0.1 to 0.27 at mu = 3."""
    return 0.23 + 0.04 * (mu - 0.1) / 2.9


def throws(mu, seed, spread=0.0):
    """Estimates and errors at true `mu`; `spread` is that of the logarithm of the relative error."""
    random = np.random.default_rng(seed)
    tau = np.exp(spread * random.standard_normal(len(mu)))
    mu_hat = mu + error(mu) * tau * random.standard_normal(len(mu))
    return mu_hat, error(mu_hat) * tau


def belt(config, size=150_000, seed=1, spread=0.0):
    mu = spread_mu(np.random.default_rng(seed), size, config.mu_range)
    return make_belt(mu, *throws(mu, seed + 1, spread), config)


def reached(made, seed=9, spread=0.0, mus=9, size=10_000):
    """Coverage and mean length at equidistant mu, two arrays."""
    # Away from the ends of the range, which are the intervals of data that no mu accepts.
    grid = np.linspace(CHALLENGE[0] + 1e-6, CHALLENGE[1] - 1e-6, mus)
    mu = np.repeat(grid, size)
    intervals = made.intervals(*throws(mu, seed, spread))
    shape = (mus, size)
    return intervals.cover(mu).reshape(shape).mean(axis=1), (intervals.p84 - intervals.p16).reshape(shape).mean(axis=1)


def mean_width(width):
    return (width[:-1] + width[1:]).mean() / 2


@pytest.mark.parametrize(
    ("ordering", "mu_range", "width"),
    [("central", (-1.4, 4.5), 0.497), ("central", CHALLENGE, 0.457), ("pratt", CHALLENGE, 0.446)],
)
def test_widths_and_coverage_of_the_known_example(ordering, mu_range, width):
    coverage, widths = reached(belt(BeltConfig(ordering, False, mu_range)))
    # 10,000 intervals: 0.0047 each; the belt itself: less than 0.003.
    np.testing.assert_allclose(coverage, COVERAGE, atol=0.018)
    assert coverage.mean() == pytest.approx(COVERAGE, abs=0.006)
    assert mean_width(widths) == pytest.approx(width, abs=0.004)


def test_statistical_error_of_a_belt():
    """Belts from 100,000 pseudo-experiments each scatter by less than 0.003 in coverage, at every mu."""
    belts = [belt(BeltConfig("central", False, (-1.4, 4.5)), 100_000, seed) for seed in range(10, 22)]
    coverage = np.array([reached(member, mus=6, size=3000)[0] for member in belts])  # the same data for all
    assert coverage.std(axis=0).max() < 1.5 * 0.003  # the error of a standard deviation of 12 is 21%


@pytest.mark.parametrize("ordering", ["central", "pratt"])
def test_coverage_holds_for_every_error(ordering):
    """With the error in x, data that know much and data that know little are both covered as they should be."""
    spread = 0.15
    made = belt(BeltConfig(ordering, True), 300_000, spread=spread)
    random = np.random.default_rng(4)
    mu = random.uniform(*CHALLENGE, 100_000)
    mu_hat, sigma = throws(mu, 5, spread)
    intervals = made.intervals(mu_hat, sigma)
    covered, width, tau = intervals.cover(mu), intervals.p84 - intervals.p16, sigma / error(mu_hat)
    parts = np.digitize(tau, np.quantile(tau, (0.25, 0.5, 0.75)))
    for part in range(4):
        assert covered[parts == part].mean() == pytest.approx(COVERAGE, abs=0.02)
    assert width[parts == 0].mean() < 0.8 * width[parts == 3].mean()


def test_ignoring_the_error_covers_on_average_only():
    spread = 0.15
    made = belt(BeltConfig("central", False), spread=spread)
    coverage, _ = reached(made, spread=spread)
    np.testing.assert_allclose(coverage, COVERAGE, atol=0.018)
    mu = np.full(30_000, 1.5)
    mu_hat, sigma = throws(mu, 5, spread)
    covered = made.intervals(mu_hat, sigma).cover(mu)
    assert covered[sigma > 1.15 * error(mu_hat)].mean() < 0.62


def test_positive_mu_only():
    made = belt(BeltConfig("pratt", False, (0.0, 6.0)))
    coverage, _ = reached(made)
    np.testing.assert_allclose(coverage, COVERAGE, atol=0.018)
    assert made.intervals(np.array([-0.3]), np.array([0.23])).p16[0] == 0


@pytest.mark.parametrize("ordering", ["central", "pratt"])
@pytest.mark.parametrize("use_error", [False, True])
def test_intervals_are_sane_for_any_data(ordering, use_error):
    made = belt(BeltConfig(ordering, use_error), 20_000, spread=0.05)
    mu_hat, sigma = (x.ravel() for x in np.meshgrid([-1e6, -5, 0, 0.1, 1, 3, 20, 1e6], [1e-6, 0.1, 0.25, 0.4, 1e3]))
    intervals = made.intervals(mu_hat, sigma)
    assert np.isfinite([intervals.p16, intervals.p84]).all()
    assert (intervals.p16 <= intervals.p84).all()
    assert (intervals.p16 >= CHALLENGE[0]).all()
    assert (intervals.p84 <= CHALLENGE[1]).all()
    unknown = sigma > 100
    np.testing.assert_array_equal(intervals.p84[unknown] - intervals.p16[unknown], CHALLENGE[1] - CHALLENGE[0])
    usual = (sigma == 0.25) & (mu_hat > 0.5) & (mu_hat < 2)
    assert ((intervals.p16 < mu_hat) & (mu_hat < intervals.p84))[usual].all()
    assert not (intervals.empty & ~unknown).any() or ordering == "central"


@pytest.mark.parametrize("ordering", ["central", "pratt"])
@pytest.mark.parametrize("use_error", [False, True])
def test_few_pseudo_experiments_give_a_rough_belt(ordering, use_error):
    for seed in range(4):
        coverage, _ = reached(belt(BeltConfig(ordering, use_error), 500, seed, spread=0.05), spread=0.05, size=500)
        assert coverage.mean() == pytest.approx(COVERAGE, abs=0.15)


def test_an_invalid_fit_gets_the_whole_range():
    made = belt(BeltConfig(), 20_000)
    intervals = made.intervals(np.array([1.0, 1.0]), np.array([0.25, 0.25]), np.array([True, False]))
    assert intervals.p84[0] - intervals.p16[0] < 1
    assert (intervals.p16[1], intervals.p84[1]) == CHALLENGE


def test_ends_of_intervals_grow_with_the_estimate():
    made = belt(BeltConfig("pratt", False), 50_000)
    mu_hat = np.linspace(-0.5, 3.5, 200)
    intervals = made.intervals(mu_hat, error(mu_hat))
    assert (np.diff(intervals.p16) >= -1e-9).all()
    assert (np.diff(intervals.p84) >= -1e-9).all()
    assert np.abs(np.diff(intervals.p84)).max() < 0.1


def test_saved_and_loaded_belts_are_the_same():
    made = belt(BeltConfig(use_error=True), 20_000, spread=0.05)
    again = decode(Belt, encode(made))
    mu = np.linspace(*CHALLENGE, 50)
    mu_hat, sigma = throws(mu, 3, 0.05)
    one, other = made.intervals(mu_hat, sigma), again.intervals(mu_hat, sigma)
    np.testing.assert_array_equal(one.p16, other.p16)
    np.testing.assert_array_equal(one.p84, other.p84)


@pytest.mark.parametrize("wrong", [{"ordering": "bayes"}, {"mu_range": (3, 0.1)}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=r"ordering|mu_range"):
        BeltConfig(**wrong)


@pytest.mark.parametrize("ordering", ["central", "pratt"])
def test_few_throws_with_far_ones_make_a_belt(ordering):
    """Newton's method by itself ends in a singular matrix in a third of these."""
    inside = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        mu = spread_mu(random, 40, CHALLENGE)
        mu_hat, sigma = mu + 0.3 * random.standard_cauchy(len(mu)), np.full(len(mu), 0.3)
        inside.append(make_belt(mu, mu_hat, sigma, BeltConfig(ordering)).intervals(mu_hat, sigma).cover(mu).mean())
    # So few throws widen the step that stands for P, which errs on the safe side.
    assert min(inside) > 0.6
    assert COVERAGE - 0.02 < np.mean(inside) < 0.9
