"""Throws from templates with known answers."""

import numpy as np
import pytest

from submission.likelihood import Likelihood, LikelihoodConfig
from submission.throws import STREAMS, Throws, belt_mu, random_stream, throw
from tests.statistics_examples import example_templates


def test_throws_are_joined_and_selected():
    parts = [Throws(*np.arange(4.0 * size).reshape(4, size)) for size in (2, 3)]
    throws = Throws.joined(parts)
    np.testing.assert_array_equal(throws.mu, [0, 1, 0, 1, 2])
    np.testing.assert_array_equal(throws.select(slice(2, None)).sigma, parts[1].sigma)


def test_streams_are_disjoint():
    draws = [random_stream(7, stream, number).random() for stream in STREAMS for number in range(5)]
    assert len(set(draws)) == len(draws)


def test_mu_of_a_belt_fill_the_range():
    mu = belt_mu(3, 1000, (0.1, 3.0))
    assert 0.1 <= mu.min() < 0.11
    assert 2.99 < mu.max() <= 3


def test_throws_know_all_six_nuisance_parameters():
    """A fit that knows only two is shaken by the other four, which are thrown nevertheless."""
    templates = example_templates(bins=10)
    mu = np.full(2000, 1.0)
    config = LikelihoodConfig(("tes", "jes"))
    residual = throw(Likelihood(templates, config), mu, np.random.default_rng(1))
    assert np.std((residual.mu_hat - 1) / residual.sigma) > 1.1


def test_template_error_is_thrown():
    """The pulls stay standard normal although the templates are as uncertain as the data."""
    likelihood = Likelihood(example_templates(bins=10, relative_variance=1.0))
    thrown = throw(likelihood, np.full(3000, 1.0), np.random.default_rng(2))
    assert np.std((thrown.mu_hat - 1) / thrown.sigma) == pytest.approx(1, abs=0.08)
