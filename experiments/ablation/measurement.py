"""What a variant reaches: intervals and coverage of pseudo-experiments thrown from its own templates."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.bounds import limited, widths
from experiments.coverage import flatness, mean_over, redrawn_belts
from experiments.methods.preparation import run_or_adopt
from ingestion_test.sources import OfficialFolder
from submission.confidence import BeltConfig
from submission.estimator import Estimator
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from training.flows import TrainingFailed
from training.networks import ClassifierResult
from training.neyman import NeymanConfig, belt_throws, check_belt, check_throws, make_belts
from training.stages import STAGES, Training
from training.templates import TemplatesResult

from .variants import FITS, NETWORKS, Fit, first_config

#: Throws behind a belt, and at each of 20 true mu for its check.
THROWS = {"full": NeymanConfig(belt_throws=100_000, check_throws=5000, seed=20261124)}
THROWS["smoke"] = replace(THROWS["full"], belt_throws=4000, check_mus=3, check_throws=400)


def measured_row(
    name: str, arguments: argparse.Namespace, source: OfficialFolder, output: Path, estimator: Estimator
) -> dict[str, Any]:
    """What is kept of a variant: dict as from `measure`, or {"failed": why} where its training or its belt failed."""
    throws = THROWS[arguments.preset]
    if name in FITS:
        fit = FITS[name]
        likelihood = fit_likelihood(estimator, fit)
        try:
            return measure(likelihood, fit.belt, throws, arguments.workers, output / name / "throws")
        except TrainingFailed as error:
            return {"failed": str(error)}
    variant, first = NETWORKS[name], first_config(arguments.preset)
    config = variant.change(first)
    training = variant.training(config, source, output / name, arguments.device, arguments.workers)
    # A stage does not say whose events or networks it holds: trainings of another class agree in what they are made of.
    alike = {key: other for key, other in NETWORKS.items() if other.training is variant.training is Training}
    others = [Training(other.change(first), source, output / key) for key, other in alike.items()]
    try:
        for stage in STAGES[:-1]:
            run_or_adopt(training, stage, others)
    except TrainingFailed as error:
        return {"failed": str(error)}
    likelihood = Likelihood(training.result("templates", TemplatesResult).templates, config.likelihood)
    row = measure(likelihood, config.belt, throws, arguments.workers, output / name / "throws")
    held_out = training.result("classifier", ClassifierResult).summary.get("held_out", {})
    return row | {"auc": {category: (part["auc"], part["auc_error"]) for category, part in held_out.items()}}


def fit_likelihood(estimator: Estimator, fit: Fit) -> Likelihood:
    """The likelihood of a variant of the fit, on the templates of an estimator."""
    channels = estimator.histogram.channels
    kept = [np.arange(channel.start, channel.stop) for name, channel in channels.items() if name not in fit.without]
    shipped = limited(estimator.likelihood, np.concatenate(kept), PARAMETERS[1:])
    return Likelihood(shipped.templates, fit.likelihood)


def measure(
    likelihood: Likelihood,
    config: BeltConfig,
    throws: NeymanConfig,
    workers: int | str = 1,
    checkpoint: Path | None = None,
) -> dict[str, Any]:
    """Intervals and coverage of a likelihood and a belt over the range of mu of the challenge.

    Arguments:
        likelihood: that throws are drawn from, and fitted with.
        config: of the belt.
        throws: how many, and their seed.
        workers, checkpoint: as for `training.neyman.throw_all`.

    Returns:
        dict: mean "width" with its error, of which "scatter" is that of the check, and "redrawn" the widths by which
        the rest is known, as `coverage.redrawn_belts`; "flatness" of the coverage as `coverage.flatness`, the belt's
        error in that of the mean; "cramer_rao", the mean of the least width with the fitted nuisance parameters
        profiled; "rms" of mu_hat - mu over the range.
    """
    thrown = belt_throws(likelihood, config.mu_range, throws, workers, checkpoint)
    others = check_throws(likelihood, throws, workers, checkpoint)
    (belt,) = make_belts(thrown, [config])
    reached, redrawn = check_belt(belt, others), redrawn_belts(thrown, config, others, throws.seed)
    (width, scatter), (width_error, coverage_error) = reached.mean_width, redrawn.errors()
    flat = flatness(reached.mu, reached.coverage, np.full(len(reached.mu), throws.check_throws))
    bound = [row["profiled"] for row in widths(likelihood, reached.mu)]
    return {
        "width": (width, float(np.hypot(scatter, width_error))),
        "scatter": scatter,
        "redrawn": redrawn.width.tolist(),
        "flatness": flat | {"mean_error": float(np.hypot(flat["mean_error"], coverage_error))},
        "cramer_rao": mean_over(reached.mu, bound),
        "rms": float(np.sqrt(np.mean(reached.rmse**2))),
    }
