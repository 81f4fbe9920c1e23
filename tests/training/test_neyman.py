"""The neyman stage on templates with known answers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from runtime.errors import ChallengeError
from submission import confidence
from submission.confidence import COVERAGE, BeltConfig
from submission.likelihood import PRESETS, Likelihood, LikelihoodConfig
from submission.parameters import PARAMETERS
from submission.throws import STREAMS, Throws, random_stream
from tests.statistics_examples import belt_fixtures, example_templates
from training import neyman
from training.flows import TrainingFailed
from training.neyman import (
    NeymanConfig,
    belt_throws,
    check_belt,
    cramer_rao_table,
    make_belts,
    throw_all,
)

CONFIG = NeymanConfig(belt_throws=16_000, check_mus=4, check_throws=1000, seed=7)

likelihood, thrown, checks = belt_fixtures(CONFIG)


@pytest.mark.parametrize("ordering", ["central", "pratt"])
def test_coverage_and_width_of_a_belt(likelihood, thrown, checks, ordering):
    reached = check_belt(make_belts(thrown, [BeltConfig(ordering, False)])[0], checks)
    # 1000 intervals: 0.0147 each; the belt itself: 0.007.
    np.testing.assert_allclose(reached.coverage, COVERAGE, atol=4 * 0.0165)
    np.testing.assert_allclose(reached.coverage_error, 0.0147, atol=0.001)
    assert not reached.invalid.any()
    assert [row["mu"] for row in reached.table()] == pytest.approx(np.linspace(0.1, 3, 4))
    # Far from the ends of the range the intervals are as long as the Cramer-Rao bound says; towards them shorter.
    config = dataclasses.replace(CONFIG, bound_mus=tuple(reached.mu))
    bound = np.array([row["profiled"] for row in cramer_rao_table(likelihood, config)])
    np.testing.assert_allclose(reached.width[1:3], bound[1:3], rtol=0.08)
    assert (reached.width < 0.8 * bound)[[0, 3]].all()
    assert reached.mean_width[0] == pytest.approx((reached.width[1:3].sum() + reached.width[[0, 3]].mean()) / 3)
    assert reached.mean_width[1] < 0.01


def test_a_belt_that_knows_the_nuisance_parameters_does_not_cover(likelihood, checks):
    """The check can fail: where they vary, a belt made without nuisance parameters is too narrow."""
    known, random = Likelihood(likelihood.templates, LikelihoodConfig(())), np.random.default_rng(1)
    mu = confidence.spread_mu(random, 10_000, CONFIG.check_range)
    pulls = np.insert(np.zeros((len(mu), 6)), 0, mu, axis=1)
    fit = known.fit(random.poisson(likelihood.expected(pulls)[0]))
    belt = make_belts(Throws(mu, fit.mu_hat, fit.sigma, fit.valid), [BeltConfig("pratt", False)])[0]
    assert check_belt(belt, checks).coverage.mean() < COVERAGE - 0.03


def test_streams_are_disjoint(thrown, checks):
    draws = [random_stream(7, stream, number).random() for stream in STREAMS for number in range(5)]
    assert len(set(draws)) == len(draws)
    assert not set(thrown.mu_hat) & set(checks.mu_hat)


@pytest.mark.slow
def test_workers_do_not_change_the_throws(likelihood, thrown):
    short = dataclasses.replace(CONFIG, belt_throws=6000)
    alone, together = (belt_throws(likelihood, CONFIG.check_range, short, workers) for workers in (1, 2))
    np.testing.assert_allclose(alone.mu_hat, together.mu_hat, rtol=1e-9)


def test_throws_resume_and_refuse_other_templates(likelihood, tmp_path, monkeypatch):
    mu = np.full(500, 1.0)
    throws = throw_all(likelihood, mu, "check", 3, checkpoint=tmp_path)
    monkeypatch.setattr(neyman, "throw", lambda *_: pytest.fail("thrown again"))
    again = throw_all(likelihood, mu, "check", 3, checkpoint=tmp_path)
    np.testing.assert_array_equal(throws.mu_hat, again.mu_hat)
    for other in (
        (likelihood, mu, "check", 4),
        (likelihood, mu + 0.1, "check", 3),
        (Likelihood(example_templates(bins=10, relative_variance=0.1)), mu, "check", 3),
        (Likelihood(likelihood.templates, PRESETS["paper"]), mu, "check", 3),
    ):
        with pytest.raises(ChallengeError, match="remove it"):
            throw_all(*other, checkpoint=tmp_path)


def test_cramer_rao_table(likelihood):
    table = cramer_rao_table(likelihood, CONFIG)
    assert [row["mu"] for row in table] == [0.1, 1.0, 2.0, 3.0]
    assert all(0 < row["known"] < row["profiled"] for row in table)
    assert table[0]["known"] < table[-1]["known"]


def test_cramer_rao_of_some_that_are_profiled(likelihood):
    """The others are known at the values that they have: as with all or none profiled where those are all or none."""
    subsets = {"all": PARAMETERS[1:], "none": (), "two": ("tes", "jes")}
    for row in cramer_rao_table(likelihood, CONFIG, **subsets):
        assert row["all"] == pytest.approx(row["profiled"])
        assert row["none"] == pytest.approx(row["known"])
        assert row["known"] < row["two"] < row["profiled"]


def test_a_belt_without_a_solution_is_said(thrown, monkeypatch):
    given_up = SimpleNamespace(x=np.zeros(4), jac=np.ones(4), message="Maximum number of iterations.")
    monkeypatch.setattr(confidence, "minimize", lambda *_, **__: given_up)
    with pytest.raises(
        TrainingFailed, match=r"no solution \(Maximum number of iterations\. The gradient is 2\): make it"
    ):
        make_belts(thrown, [BeltConfig()])
