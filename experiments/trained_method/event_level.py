"""Coverage and width of a run of `python -m ingestion_test score`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.bounds import limited, widths
from experiments.coverage import flatness
from experiments.score_runs import load_run
from experiments.table2.rows import row
from ingestion_test.scoring import SetScore, score_sets
from submission.confidence import COVERAGE
from submission.estimator import Estimator
from submission.parameters import PARAMETERS


def event_level(estimator: Estimator, folder: str | Path) -> dict[str, Any]:
    """Coverage and width of pseudo-experiments of events, from the output folder of an ingestion.

    Arguments:
        estimator: that of the run.
        folder: of the run.

    Returns:
        dict: "table", per true mu its number of pseudo-experiments, coverage, width, bias, their errors, and the
        Cramer-Rao width; "flatness"; mean "width"; "ratio" of it to the mean Cramer-Rao width at the same mu; "score"
        and "rmse", the challenge's, each with its error.

    Raises:
        ChallengeError: as `load_run`.
    """
    predictions, likelihood = load_run(folder, estimator.belt), estimator.likelihood
    scores = score_sets(predictions.settings["ground_truth_mus"], predictions.results)
    sets = sorted(scores.sets, key=lambda subset: subset.mu)
    whole = limited(likelihood, np.arange(likelihood.templates.bins), PARAMETERS[1:])
    bounds = widths(whole, [subset.mu for subset in sets])
    table = [_row(subset) | {"cramer_rao": bound["profiled"]} for subset, bound in zip(sets, bounds)]
    columns = {name: np.array([row[name] for row in table]) for name in table[0]}
    width, error = columns["width"].mean(), np.sqrt(np.sum(columns["width_error"] ** 2)) / len(table)
    mean_bound = columns["cramer_rao"].mean()
    whole_run = row(predictions.settings["ground_truth_mus"], predictions.results)
    return {
        "table": table,
        "flatness": flatness(columns["mu"], columns["coverage"], columns["number"]),
        "width": float(width),
        "width_error": float(error),
        "ratio": float(width / mean_bound),
        "ratio_error": float(error / mean_bound),
        **{name: whole_run[name] for name in ("score", "rmse")},
    }


def _row(subset: SetScore) -> dict[str, Any]:
    """Coverage, width and bias of the pseudo-experiments of one true mu, with their errors."""
    width, residual, root = np.abs(subset.p84 - subset.p16), subset.mu_hats - subset.mu, np.sqrt(subset.size)
    return {
        "mu": subset.mu,
        "number": subset.size,
        "coverage": subset.coverage,
        "coverage_error": float(np.sqrt(COVERAGE * (1 - COVERAGE)) / root),
        "width": subset.interval,
        "width_error": float(width.std() / root),
        "bias": float(residual.mean()),
        "bias_error": float(residual.std() / root),
    }
