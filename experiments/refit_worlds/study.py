"""Tables, shipped or made by a refit, in a world: do they describe it, and what do they reach there?

A world is what all its blocks give together. Training events are drawn from it block by block, with replacement, so
they are an independent sample of it, and data are Poisson counts of what it expects. What is left is the finite number
of training events. Halves of the blocks that share no event, one for the tables and one for the data, have two such
errors.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kstest

from experiments.coverage import flatness
from experiments.trained_artifacts import load
from ingestion_test.scoring import share_interval
from runtime.errors import ChallengeError
from runtime.tasks import completed
from submission.agreement import agreement
from submission.arrays import IntArray
from submission.confidence import Belt
from submission.counting import PointCounts, grid
from submission.estimator import Estimator
from submission.likelihood import Likelihood, mu_response
from submission.parameters import draw_pulls, values_from_pulls
from submission.refit import Clock, RefitError, make_own_belt, templates_of
from submission.tables import TEST_ROWS
from submission.templates import Templates, fit_templates
from submission.throws import Throws
from submission.wide_bins import joined
from training.neyman import check_belt

from .blocks import BLOCK_ROWS, Blocks


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Arguments:
        rows: numbers of training events.
        samples: of training events of each number.
        sets, experiments: true mu, and pseudo-experiments at each.
        throws: behind each belt.
        seed: of all draws.
    """

    rows: tuple[int, ...]
    samples: int
    sets: int
    experiments: int
    throws: int
    seed: int


@dataclass(frozen=True)
class TablesOf:
    """Tables: which bins of the shipped histogram theirs begin with, likelihood and belt."""

    begins: IntArray
    likelihood: Likelihood
    belt: Belt

    @classmethod
    def shipped(cls, estimator: Estimator) -> TablesOf:
        """Those of an `Estimator`."""
        return cls(np.arange(estimator.histogram.bins), estimator.likelihood, estimator.belt)

    @classmethod
    def made(cls, estimator: Estimator, blocks: Blocks, some: IntArray, throws: int, exact: bool = False) -> TablesOf:
        """Those that `Model.fit` makes of some blocks; where `exact`, as if these were any number of events.

        Raises:
            ChallengeError: the events are too few.
        """
        try:
            begins, templates = np.arange(estimator.histogram.bins), _world(blocks, some, variance=0)
            if not exact:
                begins, templates = templates_of(estimator.histogram, blocks.at_points(some))
            likelihood = Likelihood(templates, estimator.likelihood.config)
            belt, _ = make_own_belt(estimator.belt.config, likelihood, Clock(time.monotonic(), np.inf), throws)
        except RefitError as error:
            raise ChallengeError(f"{error}; give larger --rows and --train") from error
        return cls(begins, likelihood, belt)


def study(estimator: Estimator, blocks: Blocks, size: Size, workers: int | str) -> dict[str, Any]:
    """What tables reach in a world: a dict that JSON can hold.

    Arguments:
        estimator: the shipped `Estimator`.
        blocks: `Blocks` of the world.
        size: `Size`.
        workers: as for `runtime.tasks.as_completed`.
    """
    everything, half = np.arange(len(blocks)), len(blocks) // 2
    halves = (everything[:half], everything[half : 2 * half])
    tasks = [partial(_shipped, estimator, blocks, size), partial(_exact, estimator, blocks, size)]
    for rows in size.rows:
        tasks += [partial(_of_sample, estimator, blocks, size, rows, number) for number in range(size.samples)]
    tasks += [partial(_of_parts, estimator, blocks, size, *parts) for parts in (halves, halves[::-1])]
    shipped, exact, *others = completed(tasks, workers, "tables", "sample")
    refits = [
        {"rows": rows, "samples": others[place * size.samples : (place + 1) * size.samples]}
        for place, rows in enumerate(size.rows)
    ]
    refits.append({"rows": half * BLOCK_ROWS, "disjoint": True, "samples": others[-2:]})
    return {"rows": len(blocks) * BLOCK_ROWS, "shipped": shipped, "refits": refits, "exact": exact}


def uniformity(estimator: Estimator, blocks: Blocks, sets: int) -> dict[str, Any]:
    """p-values of the shipped tables' test in sets of blocks that share no event, and whether they are uniform."""
    parts = np.array_split(np.arange(len(blocks)), min(sets, len(blocks)))
    values = [agreement(estimator.likelihood.templates, blocks.for_test(part)).p_value for part in parts]
    return {
        "rows": len(blocks) * BLOCK_ROWS // len(parts),
        "p_values": values,
        "ks": float(kstest(values, "uniform").pvalue),
    }


def full_training(folder: Path, sets: int) -> dict[str, Any]:
    """What a training reaches that was made of events of a world, at the true mu of a study: a dict that JSON can hold.

    Arguments:
        folder: output folder of the training.
        sets: true mu, as of `Size`.

    Raises:
        ChallengeError: as `trained_artifacts.load`.
    """
    _, record = load(folder / "artifacts")
    rows = record["neyman"]["shipped_table"]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    coverage, mu = columns["coverage"], columns["mu"]
    covered = flatness(mu, coverage, coverage * (1 - coverage) / columns["coverage_error"] ** 2)
    return {
        "coverage": covered["mean"],
        "coverage_error": covered["mean_error"],
        "slope": covered["slope"],
        "slope_error": covered["slope_error"],
        "width": float(np.interp(np.linspace(mu[0], mu[-1], sets), mu, columns["width"]).mean()),
        "invalid": float(columns["invalid"].mean()),
    }


def _shipped(estimator: Estimator, blocks: Blocks, size: Size) -> dict[str, Any]:
    tested = blocks.for_test(np.arange(min(len(blocks), TEST_ROWS // BLOCK_ROWS)))
    tables, world = TablesOf.shipped(estimator), _world(blocks, np.arange(len(blocks)))
    return _p_value(tables, tested) | _reached(tables, world, size, 0)


def _exact(estimator: Estimator, blocks: Blocks, size: Size) -> dict[str, Any]:
    """With templates that are those of the world: what any number of training events would give."""
    everything = np.arange(len(blocks))
    tables = TablesOf.made(estimator, blocks, everything, size.throws, exact=True)
    return _reached(tables, _world(blocks, everything), size, 0)


def _of_sample(estimator: Estimator, blocks: Blocks, size: Size, rows: int, number: int) -> dict[str, Any]:
    random = np.random.default_rng([size.seed, rows, number])
    sample = random.integers(len(blocks), size=rows // BLOCK_ROWS)
    tables = TablesOf.made(estimator, blocks, sample, size.throws)
    return _reached(tables, _world(blocks, np.arange(len(blocks))), size, 1 + number)


def _of_parts(estimator: Estimator, blocks: Blocks, size: Size, train: IntArray, test: IntArray) -> dict[str, Any]:
    tables = TablesOf.made(estimator, blocks, train, size.throws)
    world = _world(blocks, test)
    of_test = mu_response(world)[0] ** 2 @ world.variance.sum(axis=0)
    result = _p_value(tables, blocks.for_test(test)) | _reached(tables, world, size, 0)
    return result | {"test_error": float(np.sqrt(of_test))}


def _world(blocks: Blocks, some: IntArray, variance: float = 1) -> Templates:
    """What the world of some blocks expects in the shipped bins, with so much of the variance that these have."""
    counted = blocks.at_points(some)
    return fit_templates(grid(), np.stack([point.counts for point in counted]), variance * counted[0].variance)


def _p_value(tables: TablesOf, tested: Sequence[PointCounts]) -> dict[str, float]:
    """That of the test with events that the tables were not made from."""
    counted = [
        PointCounts(*(joined(array, tables.begins) for array in (part.counts, part.variance))) for part in tested
    ]
    return {"p_value": agreement(tables.likelihood.templates, counted).p_value}


def _reached(tables: TablesOf, world: Templates, size: Size, stream: int) -> dict[str, Any]:
    """What pseudo-experiments reach; the shift is the mean of (mu_hat - mu) / sigma, and its error that of the data."""
    templates, belt = tables.likelihood.templates, tables.belt
    random = np.random.default_rng([size.seed, stream])
    mu = np.repeat(np.linspace(*belt.config.mu_range, size.sets), size.experiments)
    pulls = np.column_stack([mu, draw_pulls(random, len(mu))])
    counts = random.poisson(world.expected(values_from_pulls(pulls))).astype(float)
    fit = tables.likelihood.fit(joined(counts, tables.begins))
    check = check_belt(belt, Throws(mu, fit.mu_hat, fit.sigma, fit.valid))
    covered = flatness(check.mu, check.coverage, np.full(size.sets, size.experiments))
    shift = (fit.mu_hat - mu) / fit.sigma
    low, high = share_interval(covered["mean"], len(mu))
    error = mu_response(templates)[0] ** 2 @ templates.variance.sum(axis=0)
    return {
        "coverage": covered["mean"],
        "coverage_error": (high - low) / 2,
        "slope": covered["slope"],
        "slope_error": covered["slope_error"],
        "width": float(check.width.mean()),
        "shift": float(shift.mean()),
        "shift_error": float(shift.std() / np.sqrt(len(mu))),
        "template_error": float(np.sqrt(error)),
        "invalid": float(check.invalid.mean()),
        "bins": len(tables.begins),
    }
