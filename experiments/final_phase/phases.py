"""Final phases thrown from templates, with the mu, nuisance parameters and seeds of `score`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import ground_truth_mus
from ingestion_test.scoring import Scores, score_sets
from submission.arrays import FloatArray, IntArray
from submission.confidence import Belt
from submission.estimator import Estimator
from submission.likelihood import FitResult
from submission.parameters import PARAMETERS
from submission.throws import with_template_error


def parameters(mu: float, seed: int) -> FloatArray:
    """All parameters of a pseudo-experiment as `score` draws them, array (7,), as `PARAMETERS`."""
    nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
    return np.array([mu, *(nuisance[name] for name in PARAMETERS[1:])])


def throw_phase(estimator: Estimator, sets: int, experiments: int, seed: int) -> Scores:
    """Scores of pseudo-experiments thrown from an `Estimator`'s templates."""
    return phase_scores(estimator, fit_phase(estimator, sets, experiments, seed))


def fit_phase(estimator: Estimator, sets: int, experiments: int, seed: int) -> list[tuple[float, FitResult]]:
    """The fits of pseudo-experiments thrown from an `Estimator`'s templates: of each set mu and the fits."""
    seeds = official_seeds(seed, [experiments] * sets)
    return [(mu, fit_set(estimator, mu, of_set)) for mu, of_set in zip(ground_truth_mus(sets, seed), seeds)]


def phase_scores(estimator: Estimator, fits: Sequence[tuple[float, FitResult]], move: float = 0.0) -> Scores:
    """Scores of fits, as `fit_phase` returns them, all mu_hat moved by `move`."""
    return score_sets([mu for mu, _ in fits], [set_result(estimator.belt, fit, move) for _, fit in fits])


def official_seeds(seed: int, sizes: Sequence[int]) -> list[IntArray]:
    """Seeds of the pseudo-experiments of sets of so many, as `score` and the official program have them: arrays."""
    return [seed + number * size + np.arange(size) for number, size in enumerate(sizes)]


def fit_set(estimator: Estimator, mu: float, seeds: IntArray) -> FitResult:
    """Fits of one set: counts drawn from the templates, with the parameters that `score` draws for these seeds."""
    values = np.stack([parameters(mu, int(seed)) for seed in seeds])
    random = np.random.default_rng([int(seeds[0]), len(seeds)])
    expected = with_template_error(estimator.likelihood, estimator.likelihood.templates.expected(values), random)
    return estimator.likelihood.fit(random.poisson(expected))


def set_result(belt: Belt, fit: FitResult, move: float) -> dict[str, Any]:
    """Result of one set as ingestion writes it, dict of arrays, all mu_hat of the `FitResult` moved by `move`."""
    moved = fit.mu_hat + move
    intervals = belt.intervals(moved, fit.sigma, fit.valid)
    half = (intervals.p84 - intervals.p16) / 2
    mu_hat = np.clip(moved, *belt.config.mu_range)
    return {"mu_hats": mu_hat, "delta_mu_hats": half, "p16": intervals.p16, "p84": intervals.p84}
