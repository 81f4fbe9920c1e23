"""The shipped belt and the central one: acceptance regions, coverage, width."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from experiments.bounds import limited, widths
from experiments.coverage import flatness, mean_over, redrawn_belts
from measurement.acceptance import acceptance
from submission.arrays import FloatArray
from submission.confidence import BeltConfig, make_belt
from submission.estimator import Estimator
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from submission.throws import Throws
from training.neyman import check_belt, make_belts

#: Moves of all estimates whose effect on the coverage is shown, in mu.
SHIFTS = (-0.03, 0.0, 0.015, 0.03)

#: Points in mu of the Cramer-Rao width, and points in mu and pull that stand for the throws of an efficient estimate.
BOUND_MUS, THROWN_MUS, PULLS = 30, 200, 500


def belts(estimator: Estimator, throws: Throws) -> dict[str, Any]:
    """The acceptance region of the shipped belt and of the central one that is made from `throws`.

    Returns:
        "range" of mu_hat drawn, and per belt lists over true mu: "mu", and "low" and "high", the ends of the region.
    """
    shipped = estimator.belt
    shown = {f"shipped ({shipped.config.ordering})": shipped}
    if shipped.config.ordering != "central":
        (shown["central"],) = make_belts(throws, [dataclasses.replace(shipped.config, ordering="central")])
    low, high = np.quantile(throws.mu_hat[throws.valid], (0.002, 0.998)).tolist()
    grid = np.linspace(low, high, 2001)
    return {"range": [low, high], "regions": {name: acceptance(belt, grid) for name, belt in shown.items()}}


def coverage(
    likelihood: Likelihood, record: Mapping[str, Any], throws: Throws, others: Throws, seed: int
) -> dict[str, Any]:
    """Coverage and width of the belts at histogram level, as the training found them.

    Their errors include that of the belt, redrawn from `throws` and brought to the number of throws of the training.

    Arguments:
        likelihood: of the trained method.
        record: of the training.
        throws, others: for belts, and for their check.
        seed: of the redraws.

    Returns:
        dict: "cramer_rao", the widths at the same mu, "mean_cramer_rao", the mean of those with six nuisance parameters
        profiled; and of each of "belts" its "table", "flatness", "width" with its error, "ratio" of it to
        "mean_cramer_rao", and "efficient_width", that of an estimate whose error is half the Cramer-Rao width.
    """
    summary, config = record["neyman"], record["config"]
    number, shipped = config["neyman"]["check_throws"], BeltConfig(**config["belt"])
    scale = np.sqrt(len(throws.mu) / config["neyman"]["belt_throws"])
    mu = np.array([row["mu"] for row in summary["shipped_table"]])
    whole = limited(likelihood, np.arange(likelihood.templates.bins), PARAMETERS[1:])
    bound, grid = widths(whole, mu), np.linspace(*shipped.mu_range, BOUND_MUS)
    mean_bound = mean_over(mu, [row["profiled"] for row in bound])
    least_error = np.array([row["profiled"] for row in widths(whole, grid)]) / 2
    reached = {}
    for name, belt in (("shipped", shipped), ("central", dataclasses.replace(shipped, ordering="central"))):
        table, (width, scatter) = summary[f"{name}_table"], summary[f"{name}_width"]
        flat = flatness(mu, [row["coverage"] for row in table], np.full(len(mu), number))
        width_error, coverage_error = scale * np.array(redrawn_belts(throws, belt, others, seed).errors())
        error = float(np.hypot(scatter, width_error))
        reached[name] = {
            "table": table,
            "flatness": flat | {"mean_error": float(np.hypot(flat["mean_error"], coverage_error))},
            "width": width,
            "width_error": error,
            "ratio": width / mean_bound,
            "ratio_error": error / mean_bound,
            "efficient_width": mean_over(mu, mean_lengths(mu, grid, least_error, belt)),
        }
    return {"cramer_rao": bound, "mean_cramer_rao": mean_bound, "belts": reached}


def common_shifts(estimator: Estimator, throws: Throws) -> list[dict[str, Any]]:
    """Coverage at histogram level where all estimates are moved alike, as a finite sample of events moves them.

    Arguments:
        estimator: of the trained method.
        throws: as many at each true mu.

    Returns:
        list of dicts: "shift" of mu_hat, and what `flatness` says.
    """
    result = []
    for shift in SHIFTS:
        reached = check_belt(estimator.belt, dataclasses.replace(throws, mu_hat=throws.mu_hat + shift))
        number = np.full(len(reached.mu), len(throws.mu) // len(reached.mu))
        result.append({"shift": shift, **flatness(reached.mu, reached.coverage, number)})
    return result


def mean_lengths(mu: FloatArray, grid: FloatArray, errors: FloatArray, config: BeltConfig) -> FloatArray:
    """Mean lengths that a belt gives for an unbiased normal estimate, without statistical error.

    Arguments:
        mu: array (mus,), where they are wanted.
        grid, errors: arrays (points,), rising true mu over the range of the belt, and the estimate's error there.
        config: of the belt.

    Returns:
        array (mus,).
    """
    pulls = ndtri((np.arange(PULLS) + 0.5) / PULLS)

    def estimates(true: FloatArray) -> tuple[FloatArray, FloatArray]:
        mu_hat = true[:, None] + np.interp(true, grid, errors)[:, None] * pulls
        return mu_hat.ravel(), np.interp(mu_hat.ravel(), grid, errors)

    (low, high), steps = config.mu_range, (np.arange(THROWN_MUS) + 0.5) / THROWN_MUS
    thrown = (low + high) / 2 - (high - low) / 2 * np.cos(np.pi * steps)  # as dense as those of `spread_mu`
    belt = make_belt(np.repeat(thrown, PULLS), *estimates(thrown), config)
    intervals = belt.intervals(*estimates(mu))
    return np.asarray((intervals.p84 - intervals.p16).reshape(len(mu), PULLS).mean(axis=1))
