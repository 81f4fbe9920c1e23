"""The model of one measurement for pyhf and cabinetry: `python -m experiments export` (docs/export.md)."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from experiments.trained_artifacts import load_estimator
from ingestion_test import simulation
from ingestion_test.ingestion import DEFAULT_SEED, RunSettings
from ingestion_test.pseudo_experiments import PseudoExperiment, experiment_test_set
from ingestion_test.sources import OfficialFolder
from runtime.arguments import count, seed
from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.tables import Table
from submission import artifacts
from submission.arrays import FloatArray
from submission.estimator import Estimator

from .fits import compare, linear, throw_counts
from .workspace import workspace

SUMMARY = "the model of one measurement as a HistFactory workspace, which pyhf and cabinetry read"

#: True mu of data sets that are thrown to compare the fits, and the seed of their random numbers.
MU_RANGE, THROWS_SEED = (0.1, 3.0), 20250509


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("what", metavar="SET:INDEX", help="the pseudo-experiment, as of `python -m ingestion_test score`")
    add("--output", type=Path, default=Path("workspace.json"), metavar="FILE", help="default: workspace.json")
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--data", metavar="DIR", help="events in the official format (default: simulated ones, made on first use)")
    add("--sets", type=count, default=10, metavar="N", help="true values of mu of the run (default 10)")
    add("--experiments", type=count, default=10, metavar="N", help="pseudo-experiments of each (default 10)")
    add("--seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"seed of the run (default {DEFAULT_SEED})")
    add("--plain", action="store_true", help="one sample for each process, with templates at one standard deviation")
    add("--compare", type=count, metavar="N", help="also fit N thrown data sets by pyhf, and print how the fits differ")


def run(flags: argparse.Namespace) -> None:
    """Write the workspace; compare fits if asked to."""
    estimator = load_estimator(flags.artifacts)
    experiment = _experiment(RunSettings(flags.sets, flags.experiments, seed=flags.seed), flags.what)
    source = OfficialFolder(flags.data or simulation.cached_folder())
    counts = _counts(estimator, source, experiment)
    spec = workspace(estimator.likelihood, estimator.histogram.channels, counts, flags.plain)
    write_json(flags.output, spec)
    fit = estimator.likelihood.fit(counts[None])
    print(f"{experiment}: mu = {fit.mu_hat[0]:.3f} ± {fit.sigma[0]:.3f}, true mu {experiment.mu:.3f}")
    print(f"workspace   {flags.output}")
    if flags.compare:
        print(comparison(estimator, flags.compare).text())


def _experiment(settings: RunSettings, what: str) -> PseudoExperiment:
    places = {f"{item.set_index}:{item.index}": item for item in settings.plan()}
    if what not in places:
        last = f"{settings.num_sets - 1}:{settings.num_experiments - 1}"
        raise ChallengeError(
            f"no pseudo-experiment {what}: there are 0:0 to {last}; --sets and --experiments make more"
        )
    return places[what]


def _counts(estimator: Estimator, source: OfficialFolder, experiment: PseudoExperiment) -> FloatArray:
    """The histogram of a pseudo-experiment with all nuisance parameters drawn, array (bins,)."""
    test_set = experiment_test_set(source.test_events(), experiment, RunSettings().systematics)
    return estimator.histogram.counts(test_set["data"], test_set["weights"])


def comparison(estimator: Estimator, size: int) -> Table:
    """How pyhf's fits differ from ours, for `size` data sets thrown from the templates.

    The row of linear templates has no interpolation that could differ: what is left there is the accuracy of fits.
    """
    likelihood, channels = estimator.likelihood, estimator.histogram.channels
    rows = []
    for title, expressed, plain in (
        ("as exported", likelihood, False),
        ("--plain", likelihood, True),
        ("linear templates", linear(likelihood), False),
    ):
        random = np.random.default_rng(THROWS_SEED)
        agreement = compare(
            expressed, channels, throw_counts(expressed, random.uniform(*MU_RANGE, size), random), plain
        )
        shift, growth = agreement.shift, agreement.growth
        numbers = (np.sqrt(np.mean(shift**2)), np.abs(shift).max(), np.abs(growth).max())
        rows.append((title, *(f"{number:.4f}" for number in numbers)))
    head = ("templates", "rms shift of mu / error", "largest shift of mu / error", "largest change of error / error")
    return Table(head, rows, f"pyhf's fit beside ours, {size} data sets")
