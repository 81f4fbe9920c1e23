"""Coverage over the range of mu: its flatness, and the part of its error that comes from the belt."""

import dataclasses

import numpy as np
import pytest

from experiments import coverage
from experiments.coverage import flatness, redrawn_belts
from submission.confidence import COVERAGE, BeltConfig
from tests.statistics_examples import belt_fixtures
from training.neyman import NeymanConfig, belt_throws, check_belt, make_belts

CONFIG = NeymanConfig(belt_throws=8000, check_mus=4, check_throws=500, seed=7)

likelihood, thrown, checks = belt_fixtures(CONFIG)


@pytest.mark.slow
def test_redrawn_belts_spread_as_belts_of_other_throws(likelihood, thrown, checks):
    config = BeltConfig("central")
    errors = redrawn_belts(thrown, config, checks, seed=1, redraws=30).errors()
    (whole,) = make_belts(thrown, [config])
    others = [dataclasses.replace(CONFIG, seed=seed, belt_throws=4000) for seed in range(8)]
    reached = [
        check_belt(make_belts(belt_throws(likelihood, CONFIG.check_range, o), [config])[0], checks) for o in others
    ]
    # Belts of half the throws, whose spread eight of them know to a quarter.
    widths, coverages = zip(*((belt.mean_width[0], belt.coverage.mean()) for belt in reached))
    for error, values in zip(errors, (widths, coverages)):
        assert 0.5 < np.sqrt(2) * error / np.std(values, ddof=1) < 2
    assert errors[0] > check_belt(whole, checks).mean_width[1]


def test_belts_of_the_same_throws_are_redrawn_alike(thrown, checks, monkeypatch):
    redrawn = []

    def recorded(throws, configs):
        redrawn.append(throws.mu)
        return make_belts(throws, configs)

    monkeypatch.setattr(coverage, "make_belts", recorded)
    first, again, central = (redrawn_belts(thrown, BeltConfig(o), checks, 1, 3) for o in ("pratt", "pratt", "central"))
    np.testing.assert_array_equal(first.width, again.width)
    assert (first.width != central.width).all()
    np.testing.assert_array_equal(redrawn[:3], redrawn[6:])
    assert not np.array_equal(redrawn[0], redrawn[1])


def test_flatness_against_a_weighted_fit():
    random = np.random.default_rng(10)
    mu, number = np.linspace(0.1, 3, 12), random.integers(200, 2000, 12)
    share = 0.66 + 0.02 * mu + random.normal(0, 0.01, 12)
    result = flatness(mu, share, number)
    errors = np.sqrt(COVERAGE * (1 - COVERAGE) / number)
    (slope, _), covariance = np.polyfit(mu, share, 1, w=1 / errors, cov="unscaled")
    assert result["slope"] == pytest.approx(slope)
    assert result["slope_error"] == pytest.approx(np.sqrt(covariance[0, 0]))
    assert result["chi2"] == pytest.approx(np.sum(((share - COVERAGE) / errors) ** 2))
    assert result["dof"] == 12
    assert (result["least"], result["largest"]) == (share.min(), share.max())
    assert flatness([1.0], [0.7], [100])["slope"] is None


def test_flatness_of_right_coverage_has_uniform_p():
    random = np.random.default_rng(11)
    mu, number = np.linspace(0.1, 3, 20), np.full(20, 1000)
    results = [flatness(mu, random.binomial(1000, COVERAGE, 20) / 1000, number) for _ in range(400)]
    assert np.mean([result["p"] < 0.3 for result in results]) == pytest.approx(0.3, abs=0.07)
    assert np.std([result["slope"] for result in results]) == pytest.approx(results[0]["slope_error"], rel=0.12)
    assert np.std([result["mean"] for result in results]) == pytest.approx(results[0]["mean_error"], rel=0.12)
