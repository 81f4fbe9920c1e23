"""Coverage and width of a run of `python -m ingestion_test score`."""

import numpy as np

from experiments.bounds import limited, widths
from experiments.coverage import flatness
from experiments.score_runs import load_run
from ingestion_test.scoring import score_sets
from submission.confidence import COVERAGE
from submission.parameters import PARAMETERS


def event_level(likelihood, folder):
    """Coverage and width of pseudo-experiments of events, from the output folder of an ingestion.

    Returns:
        dict: "table", per true mu its number of pseudo-experiments, coverage, width, bias, their errors, and the
        Cramer-Rao width; "flatness"; mean "width"; "ratio" of it to the mean Cramer-Rao width at the same mu.

    Raises:
        ChallengeError: as `load_run`.
    """
    predictions = load_run(folder)
    scores = score_sets(predictions.settings["ground_truth_mus"], predictions.results)
    sets = sorted(scores.sets, key=lambda one: one.mu)
    bound = widths(limited(likelihood, np.arange(likelihood.templates.bins), PARAMETERS[1:]), [s.mu for s in sets])
    table = []
    for one, least in zip(sets, bound):
        width, residual, root = np.abs(one.p84 - one.p16), one.mu_hats - one.mu, np.sqrt(one.size)
        table.append(
            {
                "mu": one.mu,
                "number": one.size,
                "coverage": one.coverage,
                "coverage_error": float(np.sqrt(COVERAGE * (1 - COVERAGE)) / root),
                "width": one.interval,
                "width_error": float(width.std() / root),
                "bias": float(residual.mean()),
                "bias_error": float(residual.std() / root),
                "cramer_rao": least["profiled"],
            }
        )
    columns = {name: np.array([row[name] for row in table]) for name in table[0]}
    width, error = columns["width"].mean(), np.sqrt(np.sum(columns["width_error"] ** 2)) / len(table)
    mean_bound = columns["cramer_rao"].mean()
    return {
        "table": table,
        "flatness": flatness(columns["mu"], columns["coverage"], columns["number"]),
        "width": float(width),
        "width_error": float(error),
        "ratio": float(width / mean_bound),
        "ratio_error": float(error / mean_bound),
    }
