"""What a variant reaches: intervals and coverage of pseudo-experiments thrown from its own templates."""

from dataclasses import replace

import numpy as np

from experiments.bounds import limited, widths
from experiments.coverage import flatness, mean_over, redrawn_belts
from experiments.methods.preparation import run_or_adopt
from submission import artifacts
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from training.flows import TrainingFailed
from training.networks import ClassifierResult, FlowsResult
from training.neyman import NeymanConfig, belt_throws, check, check_throws, make_belts
from training.stages import STAGES, Stage, Training

from .variants import FITS, NETWORKS, first_config

#: Throws behind a belt, and at each of 20 true mu for its check.
THROWS = {"full": NeymanConfig(belt_throws=100_000, check_throws=5000, seed=20261124)}
THROWS["smoke"] = replace(THROWS["full"], belt_throws=4000, check_mus=3, check_throws=400)


class _ShippedScores(Training):
    """A `Training` whose networks are the shipped ones."""

    @property
    def stages(self) -> dict[str, Stage]:
        scorer = artifacts.load().histogram.scorer
        shipped = Stage(ClassifierResult, lambda _: ClassifierResult(scorer, {}))
        return super().stages | {"flows": Stage(FlowsResult, lambda _: FlowsResult((), {})), "classifier": shipped}


def measured_row(name, arguments, source, output, estimator):
    """What is kept of a variant: dict as from `measure`, or {"failed": why} where its training or its belt failed."""
    throws = THROWS[arguments.preset]
    if name in FITS:
        fit = FITS[name]
        likelihood = fit_likelihood(estimator, fit)
        try:
            return measure(likelihood, fit.belt, throws, arguments.workers, output / name / "throws")
        except TrainingFailed as error:
            return {"failed": str(error)}
    variant = NETWORKS[name]
    kind = _ShippedScores if variant.shipped else Training
    first = first_config(arguments.preset)
    config = variant.change(first)
    # A stage does not say whose networks it holds: shipped ones agree with others in all that they were made from.
    own = {key: other for key, other in NETWORKS.items() if not other.shipped}
    others = [Training(other.change(first), source, output / key) for key, other in own.items()]
    training = kind(config, source, output / name, arguments.device, arguments.workers)
    try:
        for stage in STAGES[:-1]:
            run_or_adopt(training, stage, [] if variant.shipped else others)
    except TrainingFailed as error:
        return {"failed": str(error)}
    likelihood = Likelihood(training.result("templates").templates, config.likelihood)
    row = measure(likelihood, config.belt, throws, arguments.workers, output / name / "throws")
    held_out = {} if variant.shipped else training.result("classifier").summary["held_out"]
    return row | {"auc": {category: (one["auc"], one["auc_error"]) for category, one in held_out.items()}}


def fit_likelihood(estimator, fit):
    """The `Likelihood` of a `Fit`, on the templates of an `Estimator`."""
    channels = estimator.histogram.channels
    kept = [np.arange(channel.start, channel.stop) for name, channel in channels.items() if name not in fit.without]
    shipped = limited(estimator.likelihood, np.concatenate(kept), PARAMETERS[1:])
    return Likelihood(shipped.templates, fit.likelihood)


def measure(likelihood, belt, throws, workers=1, checkpoint=None):
    """Intervals and coverage of a likelihood and a belt over the range of mu of the challenge.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        belt: `submission.confidence.BeltConfig`.
        throws: `training.neyman.NeymanConfig`.
        workers, checkpoint: as for `training.neyman.throw_all`.

    Returns:
        dict: mean "width" with its error, of which "scatter" is that of the check, and "redrawn" the widths by which
        the rest is known, as `redrawn_belts`; "flatness" of the coverage as `method.flatness`, the belt's error
        in that of the mean; "cramer_rao", the mean of the least width with the fitted nuisance parameters profiled;
        "rms" of mu_hat - mu over the range.
    """
    thrown = belt_throws(likelihood, belt.mu_range, throws, workers, checkpoint)
    checked = check_throws(likelihood, throws, workers, checkpoint)
    (made,) = make_belts(thrown, [belt])
    found, redrawn = check(made, checked), redrawn_belts(thrown, belt, checked, throws.seed)
    (width, scatter), (width_error, coverage_error) = found.mean_width, redrawn.errors()
    flat = flatness(found.mu, found.coverage, np.full(len(found.mu), throws.check_throws))
    bound = [row["profiled"] for row in widths(likelihood, found.mu)]
    return {
        "width": (width, float(np.hypot(scatter, width_error))),
        "scatter": scatter,
        "redrawn": redrawn.width.tolist(),
        "flatness": flat | {"mean_error": float(np.hypot(flat["mean_error"], coverage_error))},
        "cramer_rao": mean_over(found.mu, bound),
        "rms": float(np.sqrt(np.mean(found.rmse**2))),
    }
