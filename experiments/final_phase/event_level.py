"""A run of `score` beside throws for the same pseudo-experiments."""

from pathlib import Path

import numpy as np

from experiments.score_runs import load_run
from ingestion_test.ingestion import JOURNAL_FILE
from ingestion_test.journal import Journal
from ingestion_test.pseudo_experiments import ground_truth_mus
from ingestion_test.scoring import score_sets
from runtime.errors import ChallengeError

from .phases import fit_set, official_seeds, phase_scores


def load_events(folder, seed):
    """A run of `score`, or of the official program.

    Returns:
        (`scoring.Scores`, seeds of the pseudo-experiments of each set: list of arrays). Where there is a journal the
        seeds are its: a run may be the first pseudo-experiments of the sets of a longer one.

    Raises:
        ChallengeError: the run is of another seed, or its files are not as they should be; as `method.load_run`.
    """
    predictions = load_run(folder)
    mus = np.array(predictions.settings["ground_truth_mus"])
    if not np.array_equal(mus, ground_truth_mus(len(mus), seed)):
        raise ChallengeError(f"{folder} has other true mu than --seed {seed} gives: name the seed that `score` had")
    sizes, journal = [len(result["p16"]) for result in predictions.results], Path(folder) / JOURNAL_FILE
    seeds = official_seeds(seed, sizes)
    if journal.exists():
        outcomes = Journal(journal, {}, resume=True).outcomes
        if sorted(outcomes) != [(i, j) for i, size in enumerate(sizes) for j in range(size)]:
            raise ChallengeError(
                f"{journal} has other pseudo-experiments than the results beside it: run `score` again"
            )
        seeds = [np.array([outcomes[i, j].experiment.seed for j in range(size)]) for i, size in enumerate(sizes)]
    return score_sets(mus, predictions.results), seeds


def compare(estimator, events, seeds):
    """A run of `score` beside the templates' throws for the same pseudo-experiments.

    Arguments:
        estimator: `submission.estimator.Estimator`.
        events: `scoring.Scores` of the run.
        seeds: of its pseudo-experiments: of each set an array.

    Returns:
        list of dicts: "quantity", its mean of "events" and of "templates", and the "error" of their difference, from
        its scatter within the sets; the bias of mu_hat in units of half an interval.
    """
    mus = [one.mu for one in events.sets]
    thrown = phase_scores(estimator, [(mu, fit_set(estimator, mu, own)) for mu, own in zip(mus, seeds)])
    result = []
    for name, values in {
        "interval": lambda one: one.p84 - one.p16,
        "coverage": lambda one: ((one.p16 <= one.mu) & (one.mu <= one.p84)).astype(float),
        "bias of mu_hat in half intervals": lambda one: (one.mu_hats - one.mu) / np.mean(one.delta_mu_hats),
    }.items():
        pairs = [(values(one), values(other)) for one, other in zip(events.sets, thrown.sets)]
        ours, theirs = map(np.concatenate, zip(*pairs))
        # Both have the same mu and nuisance parameters, whose spread is in no difference.
        variance = sum(len(own) * np.var(own - other) for own, other in pairs)
        means = {"events": float(ours.mean()), "templates": float(theirs.mean())}
        result.append({"quantity": name, "number": len(ours), **means, "error": float(np.sqrt(variance) / len(ours))})
    return result
