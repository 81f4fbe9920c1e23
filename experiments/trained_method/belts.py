"""The shipped belt and the central one: acceptance regions, coverage, width."""

import dataclasses

import numpy as np
from scipy.special import ndtri

from experiments.bounds import limited, widths
from experiments.coverage import flatness, mean_over, redrawn_belts
from submission.confidence import BeltConfig
from submission.parameters import PARAMETERS
from training.neyman import (
    check,
    make_belts,
)

#: Moves of all estimates whose effect on the coverage is shown, in mu, and the throws at each true mu.
SHIFTS = (-0.03, 0.0, 0.015, 0.03)


def belts(estimator, thrown):
    """The acceptance region of the shipped belt and of the central one made from the `neyman.Throws` `thrown`.

    Returns:
        "range" of mu_hat drawn, and per belt lists over true mu: "mu", and "low" and "high", the ends of the region.
    """
    shipped = estimator.belt
    shown = {f"shipped ({shipped.config.ordering})": shipped}
    if shipped.config.ordering != "central":
        (shown["central"],) = make_belts(thrown, [dataclasses.replace(shipped.config, ordering="central")])
    ends = np.quantile(thrown.mu_hat[thrown.valid], (0.002, 0.998))
    grid = np.linspace(*ends, 2001)
    return {"range": ends.tolist(), "regions": {name: acceptance(belt, grid) for name, belt in shown.items()}}


def acceptance(belt, mu_hat):
    """The mu_hat that a belt accepts at each true mu, for data sets with the usual error.

    Arguments:
        belt: `submission.confidence.Belt`.
        mu_hat: rising array, within which the region is looked for; where it reaches beyond, it ends there.

    Returns:
        dict of lists: "mu", "low", "high"; None where nothing is accepted.
    """
    margin = belt.margin(mu_hat, np.zeros(len(mu_hat))).T
    low: list[float | None] = []
    high: list[float | None] = []
    for row in margin:
        inside = np.flatnonzero(row > 0)
        if not len(inside):
            low.append(None)
            high.append(None)
            continue
        for ends, step, place in ((low, -1, inside[0]), (high, 1, inside[-1])):
            beyond = place + step
            if 0 <= beyond < len(row):
                part = row[place] / (row[place] - row[beyond])
                ends.append(float(mu_hat[place] + part * (mu_hat[beyond] - mu_hat[place])))
            else:
                ends.append(float(mu_hat[place]))
    return {"mu": belt.mu.tolist(), "low": low, "high": high}


def coverage(likelihood, record, thrown, checked, seed):
    """Coverage and width of the belts at histogram level, as the training found them.

    Their errors include that of the belt, redrawn from `thrown` and brought to the number of throws of the training.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        record: of the training.
        thrown, checked: `neyman.Throws` for belts and for their check.
        seed: of the redraws.

    Returns:
        dict: "cramer_rao", the widths at the same mu, "mean_cramer_rao", the mean of those with six nuisance parameters
        profiled, and "mean_cut", the same for intervals of +-1 sigma that end at the ends of the range; and per belt
        its "table", "flatness", "width" with its error, and "ratio" of it to "mean_cramer_rao".
    """
    found, config = record["neyman"], record["config"]
    number, belt = config["neyman"]["check_throws"], BeltConfig(**config["belt"])
    scale = np.sqrt(len(thrown.mu) / config["neyman"]["belt_throws"])
    mu = np.array([row["mu"] for row in found["shipped_table"]])
    bound = widths(limited(likelihood, np.arange(likelihood.templates.bins), PARAMETERS[1:]), mu)
    mean_bound = mean_over(mu, [row["profiled"] for row in bound])
    cut = cut_widths(mu, np.array([row["profiled"] for row in bound]) / 2, belt.mu_range)
    result = {"cramer_rao": bound, "mean_cramer_rao": mean_bound, "mean_cut": mean_over(mu, cut), "belts": {}}
    for name, own in (("shipped", belt), ("central", dataclasses.replace(belt, ordering="central"))):
        table, (width, scatter) = found[f"{name}_table"], found[f"{name}_width"]
        flat = flatness(mu, [row["coverage"] for row in table], np.full(len(mu), number))
        width_error, coverage_error = scale * np.array(redrawn_belts(thrown, own, checked, seed).errors())
        error = float(np.hypot(scatter, width_error))
        result["belts"][name] = {
            "table": table,
            "flatness": flat | {"mean_error": float(np.hypot(flat["mean_error"], coverage_error))},
            "width": width,
            "width_error": error,
            "ratio": width / mean_bound,
            "ratio_error": error / mean_bound,
        }
    return result


def common_shifts(estimator, checked):
    """Coverage at histogram level where all estimates are moved alike, as a finite sample of events moves them.

    Arguments:
        estimator: `submission.estimator.Estimator`.
        checked: `neyman.Throws`, as many at each true mu.

    Returns:
        list of dicts: "shift" of mu_hat, and what `flatness` says.
    """
    result = []
    for shift in SHIFTS:
        found = check(estimator.belt, dataclasses.replace(checked, mu_hat=checked.mu_hat + shift))
        number = np.full(len(found.mu), len(checked.mu) // len(found.mu))
        result.append({"shift": shift, **flatness(found.mu, found.coverage, number)})
    return result


def cut_widths(mu, sigma, ends):
    """Mean length of mu_hat +- sigma cut at the `ends` of the range, for normal mu_hat around `mu`: array (mus,)."""
    quantiles = ndtri((np.arange(2000) + 0.5) / 2000)
    mu_hat = np.asarray(mu)[:, None] + np.asarray(sigma)[:, None] * quantiles
    low, high = (np.clip(mu_hat + side * np.asarray(sigma)[:, None], *ends) for side in (-1, 1))
    return (high - low).mean(axis=1)
