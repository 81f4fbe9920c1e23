"""Whether the nuisance parameters that `mle-nu` fits are the true ones: `python -m experiments pulls`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.methods.mle_nu.calibration import Calibration, terms
from experiments.methods.mle_nu.estimator import NuArtifacts, NuEstimator
from experiments.methods.mle_nu.nuisance import pulls_at
from experiments.methods.mle_nu.scorer import EMBEDDED, values_of
from experiments.methods.mle_nu.training import MU, NuExperiments, NuResult
from ingestion_test.official.systematics import systematics
from runtime import files
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.output import output_folder
from runtime.tables import Table
from submission import codec
from submission.arrays import FloatArray

SUMMARY = "fitted minus true pulls of the method mle-nu, in the pseudo-experiments of its belt"

FOLDER = Path("runs/table2-full/mle-nu/training")

#: Repetitions of the whole study with scores thrown around their measured mean, and their seed.
REPETITIONS, SEED = 50, 11


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--training", type=Path, default=FOLDER, metavar="DIR", help=f"training of mle-nu (default: {FOLDER})")
    add("--output", type=Path, default=Path("runs/pulls"), metavar="DIR", help="default: runs/pulls")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the table, write pulls.json."""
    path = arguments.training / "neyman.npz"
    remedy = "--training takes the training of mle-nu that `python -m experiments table2 --methods mle-nu` leaves"
    try:
        trained = codec.decode(NuResult, path.read_bytes())
    except (OSError, codec.FormatError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): {remedy}") from error
    if trained.experiments is None:
        raise ChallengeError(f"{path} holds no pseudo-experiments: {remedy}")
    result = study(trained.estimator, trained.experiments)
    with output_folder(arguments.output, None):
        files.write_json(arguments.output / "pulls.json", result)
    print(table(result).text())
    publish(arguments.docs, "results", sections(result), [arguments.output / "pulls.json"])


def study(parts: NuArtifacts, experiments: NuExperiments) -> dict[str, Any]:
    """Fitted minus true pulls, and what is expected of them.

    Returns:
        dict: the number of "experiments", the "mu" that the calibration's events have, and by parameter "mean" at that
        mu, "slope" per unit of mu with its statistical error, and "deviation" from that line; "expected", as of
        `expected`.
    """
    residual, mu = experiments.pulls - experiments.truth, experiments.throws.mu - MU
    basis = np.stack([np.ones_like(mu), mu], axis=1)
    line = np.linalg.lstsq(basis, residual, rcond=None)[0]
    deviation = (residual - basis @ line).std(axis=0, ddof=2)
    slope_error = deviation / np.sqrt(np.sum((mu - mu.mean()) ** 2))
    nominal = NuEstimator(parts, systematics).templates(parts.histogram, values_of(np.zeros(len(EMBEDDED)))).nominal
    selected = nominal.sum() / parts.events["weights"].sum(dtype=np.float64)
    return {
        "experiments": len(mu),
        "mu": MU,
        "mean": _by_name(line[0]),
        "slope": _by_name(np.stack([line[1], slope_error], axis=1)),
        "deviation": _by_name(deviation),
        "expected": expected(parts.calibration, nominal.sum(), selected * experiments.sample, experiments.truth),
    }


def expected(calibration: Calibration, events: float, sample: float, truth: FloatArray) -> dict[str, Any]:
    """What the fit gives where scores have exactly the mean and the covariance that the calibration says.

    The calibration's statistical error, and that of the sample behind the pseudo-experiments, move the scores of all
    of them alike.

    Arguments:
        calibration: of the method.
        events: of a data set.
        sample: effective number of the events that pseudo-experiments are taken from.
        truth: array (pseudo-experiments, 5), their true pulls.

    Returns:
        dict: by parameter "mean" of fitted minus true pull with its standard deviation over repetitions of the study,
        and "deviation", the standard deviation over pseudo-experiments.
    """
    random, size = np.random.default_rng(SEED), calibration.size(events)
    root = np.linalg.cholesky(calibration.covariance)
    common = np.sqrt(1 / calibration.events + 1 / sample)
    residual = np.empty((REPETITIONS, *truth.shape))
    for repetition in residual:
        noise = common * random.normal(size=len(EMBEDDED)) + random.normal(size=truth.shape) / np.sqrt(events)
        scores = terms(truth) @ calibration.mean + noise @ root.T
        repetition[:] = [pulls_at(score, size, calibration).pulls for score in scores] - truth
    means, deviation = residual.mean(axis=1), residual.std(axis=1).mean(axis=0)
    return {
        "mean": _by_name(np.stack([means.mean(axis=0), means.std(axis=0, ddof=1)], axis=1)),
        "deviation": _by_name(deviation),
    }


def _by_name(values: FloatArray) -> dict[str, Any]:
    return dict(zip(EMBEDDED, values.tolist()))


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What pulls.json makes of the page: section -> Markdown."""
    return {"pulls": table(result).markdown()}


def table(result: Mapping[str, Any]) -> Table:
    """A line for each parameter: fitted minus true pull, its slope in mu, its standard deviation, and what is expected.

    The error of the expected mean is that of the finite samples and of the number of pseudo-experiments.
    """
    lines = []
    for name, mean in result["mean"].items():
        (expected_mean, error), expected_deviation = (result["expected"][key][name] for key in ("mean", "deviation"))
        slope, slope_error = result["slope"][name]
        means = f"{mean:+.2f}", f"{expected_mean:+.2f} ± {error:.2f}", f"{slope:+.3f} ± {slope_error:.3f}"
        lines.append((name, *means, f"{result['deviation'][name]:.2f}", f"{expected_deviation:.2f}"))
    head = (f"{result['experiments']} pseudo-experiments", f"fitted - true pull, mean at μ = {result['mu']}")
    return Table((*head, "expected", "per unit of μ", "standard deviation", "expected"), lines)
