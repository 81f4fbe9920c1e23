"""The final phase at histogram level: `python -m experiments final` (protocol, sec. 5).

Counts are thrown from the shipped templates instead of being made of events: 10,000 pseudo-experiments take seconds.
The true mu and the nuisance parameters are those that `python -m ingestion_test score` draws with the same seed, so a
run of it (`--event-level`) checks the short cut.
"""

from pathlib import Path

import numpy as np

from ingestion_test.cli import count, seed
from ingestion_test.errors import ChallengeError
from ingestion_test.files import write_json
from ingestion_test.ingestion import DEFAULT_SEED
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import ground_truth_mus
from ingestion_test.scoring import bootstrap, load_predictions, score_sets, summary_table
from submission import artifacts
from submission.parameters import PARAMETERS
from training.neyman import with_template_error

SUMMARY = "the final phase, 10 x 1000 pseudo-experiments thrown at histogram level, with its bootstraps"


def add_arguments(parser):
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--sets", type=count, default=10, metavar="N", help="true values of mu (default 10)")
    add("--experiments", type=count, default=1000, metavar="N", help="pseudo-experiments of each (default 1000)")
    add("--seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"as of `score` (default {DEFAULT_SEED})")
    add("--repeats", type=count, default=20, metavar="N", help="final phases with other seeds, for the spread")
    add("--event-level", metavar="DIR", help="output folder of `score` with the same seed, to compare with")
    add("--output", type=Path, default=Path("runs/final"), metavar="DIR", help="default: runs/final")


def run(arguments):
    """Print the scores of the final phase and their spread, write final.json."""
    try:
        estimator = artifacts.load(arguments.artifacts)
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}; --artifacts takes their folder") from error
    size = arguments.sets, arguments.experiments
    scores = throw_phase(estimator, *size, arguments.seed)
    print(summary_table(scores, None, bootstrap(scores)))
    repeated = [
        summary(throw_phase(estimator, *size, arguments.seed + 10**6 * (1 + i))) for i in range(arguments.repeats)
    ]
    result = {"seed": arguments.seed, "first": summary(scores), "repeated": repeated}
    print(f"{arguments.repeats} final phases with other mu, nuisance parameters and counts:")
    for name in ("coverage", "interval", "score", "bootstrapped_score"):
        values = np.array([one[name] for one in repeated])
        print(f"  {name:20} mean {values.mean():8.4f}   standard deviation {values.std():.4f}")
    if arguments.event_level:
        result["comparison"] = compare(estimator, arguments.event_level, arguments.seed)
        for name, value in result["comparison"].items():
            print(f"  {name:42} {value:.4f}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output / "final.json", result)


def parameters(mu, seed):
    """All parameters of a pseudo-experiment as `score` draws them, array (7,), as `PARAMETERS`."""
    nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
    return np.array([mu, *(nuisance[name] for name in PARAMETERS[1:])])


def throw_phase(estimator, sets, experiments, seed):
    """`scoring.Scores` of pseudo-experiments thrown from the templates of an `Estimator`."""
    mus = ground_truth_mus(sets, seed)
    results = []
    for number, mu in enumerate(mus):
        seeds = seed + number * experiments + np.arange(experiments)
        results.append(_throw(estimator, mu, seeds))
    return score_sets(mus, results)


def _throw(estimator, mu, seeds):
    """Results of one set, dict of lists: counts drawn from the templates, fitted, intervals by the belt."""
    values = np.stack([parameters(mu, int(one)) for one in seeds])
    random = np.random.default_rng([int(seeds[0]), len(seeds)])
    expected = with_template_error(estimator.likelihood, estimator.likelihood.templates.expected(values), random)
    fit = estimator.likelihood.fit(random.poisson(expected))
    intervals = estimator.belt.intervals(fit.mu_hat, fit.sigma, fit.valid)
    half = (intervals.p84 - intervals.p16) / 2
    mu_hat = np.clip(fit.mu_hat, *estimator.belt.config.mu_range)
    return {"mu_hats": mu_hat, "delta_mu_hats": half, "p16": intervals.p16, "p84": intervals.p84}


def summary(scores):
    """What is kept of a final phase: dict of floats and, per set, lists."""
    drawn = bootstrap(scores).summary()
    return {
        "coverage": scores.coverage,
        "interval": scores.interval,
        "score": scores.quantiles_score,
        "bootstrapped_score": drawn["quantiles_score"]["mean"],
        "bootstrapped_score_deviation": drawn["quantiles_score"]["std"],
        "mu": [one.mu for one in scores.sets],
        "coverage_of_sets": [one.coverage for one in scores.sets],
        "interval_of_sets": [one.interval for one in scores.sets],
    }


def compare(estimator, folder, seed):
    """The events of a run of `score` beside the templates' throws for the same pseudo-experiments.

    Returns:
        dict of floats: per quantity the mean difference, events minus templates, and its error; the difference of
        mu_hat in units of half an interval.

    Raises:
        ChallengeError: the run is of another seed, or its files are not as they should be.
    """
    predictions = load_predictions(folder)
    mus = np.array(predictions.settings["ground_truth_mus"])
    if not np.array_equal(mus, ground_truth_mus(len(mus), seed)):
        raise ChallengeError(f"{folder} has other true mu than --seed {seed} gives: name the seed that `score` had")
    events = score_sets(mus, predictions.results)
    thrown = throw_phase(estimator, len(mus), events.sets[0].size, seed)
    result = {}
    for name, values in {
        "mean interval": lambda one: one.p84 - one.p16,
        "coverage": lambda one: ((one.p16 <= one.mu) & (one.mu <= one.p84)).astype(float),
        "bias of mu_hat in half intervals": lambda one: (one.mu_hats - one.mu) / np.mean(one.delta_mu_hats),
    }.items():
        ours, theirs = (np.concatenate([values(one) for one in scores.sets]) for scores in (events, thrown))
        result[f"{name}, events"], result[f"{name}, templates"] = float(ours.mean()), float(theirs.mean())
        result[f"{name}, error of the difference"] = float(np.hypot(ours.std(), theirs.std()) / np.sqrt(len(ours)))
    return result
