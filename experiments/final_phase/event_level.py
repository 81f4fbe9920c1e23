"""A run of `score` beside throws for the same pseudo-experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from experiments.coverage import flatness
from experiments.score_runs import load_run
from ingestion_test.ingestion import JOURNAL_FILE
from ingestion_test.journal import Journal
from ingestion_test.pseudo_experiments import ground_truth_mus
from ingestion_test.scoring import Scores, SetScore, score_sets
from runtime.errors import ChallengeError
from submission.arrays import FloatArray, IntArray
from submission.confidence import COVERAGE, Belt
from submission.estimator import Estimator

from .phases import fit_set, official_seeds, phase_scores
from .tables import of_sets

#: Throws for each pseudo-experiment of a run, and how far their seeds are from its.
THROWS, _OTHER_SEEDS = 10, 10**6

#: What is compared: of the pseudo-experiments of a set an array (experiments,).
_QUANTITIES: dict[str, Callable[[SetScore], FloatArray]] = {
    "interval": lambda subset: subset.p84 - subset.p16,
    "coverage": lambda subset: ((subset.p16 <= subset.mu) & (subset.mu <= subset.p84)).astype(float),
    "bias of mu_hat in half intervals": lambda subset: (subset.mu_hats - subset.mu) / np.mean(subset.delta_mu_hats),
}

#: What is said of the time of a run: key, and attribute of an `Outcome`.
_SECONDS = {"generation": "seconds_events", "prediction": "seconds_predict", "prediction_cpu": "cpu_predict"}


@dataclass(frozen=True)
class EventRun:
    """A run of `score`, or of the official program.

    Attributes:
        scores: its `Scores`.
        seeds: of the pseudo-experiments of each set, arrays. Where there is a journal they are its: a run may be the
            first pseudo-experiments of the sets of a longer one.
        duration: where there is a journal "minutes" of the run, and means over its pseudo-experiments: wall clock of
            "generation" and "prediction", and CPU time of "prediction_cpu", in seconds.
    """

    scores: Scores
    seeds: list[IntArray]
    duration: dict[str, float]


def load_events(folder: str | Path, sets: int, seed: int, belt: Belt) -> EventRun:
    """A run of `score`, or of the official program.

    Arguments:
        folder: of the run.
        sets, seed: number of true mu of the final phase that it is shown beside, and its seed.
        belt: of the weights that it has to be of.

    Raises:
        ChallengeError: the run is of other sets or of another seed, or its files are not as they should be; as
            `load_run`.
    """
    predictions, duration = load_run(folder, belt), {}
    mus = np.array(predictions.settings["ground_truth_mus"])
    if len(mus) != sets:
        raise ChallengeError(f"{folder} has {len(mus)} sets, not {sets}: add --sets {len(mus)}")
    if not np.array_equal(mus, ground_truth_mus(sets, seed)):
        raise ChallengeError(f"{folder} has other true mu than --seed {seed} gives: name the seed that `score` had")
    sizes, journal = [len(result["p16"]) for result in predictions.results], Path(folder) / JOURNAL_FILE
    seeds = official_seeds(seed, sizes)
    if journal.exists():
        kept = Journal(journal, {}, resume=True)
        outcomes = kept.outcomes
        if sorted(outcomes) != [(i, j) for i, size in enumerate(sizes) for j in range(size)]:
            raise ChallengeError(
                f"{journal} has other pseudo-experiments than the results beside it: run `score` again"
            )
        seeds = [np.array([outcomes[i, j].experiment.seed for j in range(size)]) for i, size in enumerate(sizes)]
        duration = {"minutes": kept.seconds / 60} | {
            key: float(np.mean([getattr(outcome, name) for outcome in outcomes.values()]))
            for key, name in _SECONDS.items()
        }
    return EventRun(score_sets(mus, predictions.results), seeds, duration)


def common_move(estimator: Estimator, run: EventRun) -> dict[str, Any]:
    """What the templates give where all their estimates are moved until their mean is that of a run of `score`.

    A finite sample of events moves all estimates of its pseudo-experiments alike, to a first approximation. The throws
    are `THROWS` times as many as the pseudo-experiments of the run.

    Arguments:
        estimator: whose templates are thrown from.
        run: the `EventRun`.

    Returns:
        dict: "move", in mu, with its "error", which is that of the pseudo-experiments and of the throws; of the moved
        throws what `of_sets` says; and "left", the `flatness` of the nominal coverage plus the difference of events
        and moved throws.
    """
    sets, sizes = run.scores.sets, np.array([subset.size for subset in run.scores.sets])
    seeds = official_seeds(int(run.seeds[0][0]) + _OTHER_SEEDS, (THROWS * sizes).tolist())
    fits = [(subset.mu, fit_set(estimator, subset.mu, of_set)) for subset, of_set in zip(sets, seeds)]
    (low, high), bias = estimator.belt.config.mu_range, _bias(run.scores)
    farthest = 2 * (high - low)  # all estimates are at an end
    move = brentq(lambda by: _bias(phase_scores(estimator, fits, by)) - bias, -farthest, farthest, xtol=1e-5)
    moved = phase_scores(estimator, fits, move)
    estimates = np.concatenate([subset.mu_hats for subset in moved.sets])
    variance = (1 + 1 / THROWS) * sum(subset.size * np.var(subset.mu_hats) for subset in sets)
    # The mean follows the move by the share of the estimates that are not at an end of the range.
    error = np.sqrt(variance) / sizes.sum() / np.mean((low < estimates) & (estimates < high))
    left = [COVERAGE + ours.coverage - theirs.coverage for ours, theirs in zip(sets, moved.sets)]
    flat = flatness([subset.mu for subset in sets], left, sizes / (1 + 1 / THROWS))
    return {"move": move, "error": float(error), **of_sets(moved), "left": flat}


def _bias(scores: Scores) -> float:
    return float(np.mean(np.concatenate([subset.mu_hats - subset.mu for subset in scores.sets])))


def compare(estimator: Estimator, run: EventRun) -> list[dict[str, Any]]:
    """A run of `score` beside the templates' throws for the same pseudo-experiments.

    Arguments:
        estimator: whose templates are thrown from.
        run: the `EventRun`.

    Returns:
        list of dicts: "quantity", its mean of "events" and of "templates", and the "error" of their difference, from
        its scatter within the sets; the bias of mu_hat in units of half an interval.
    """
    fits = [(subset.mu, fit_set(estimator, subset.mu, of_set)) for subset, of_set in zip(run.scores.sets, run.seeds)]
    thrown = phase_scores(estimator, fits)
    result = []
    for name, quantity in _QUANTITIES.items():
        pairs = [(quantity(events), quantity(throws)) for events, throws in zip(run.scores.sets, thrown.sets)]
        ours, theirs = map(np.concatenate, zip(*pairs))
        # Both have the same mu and nuisance parameters, whose spread is in no difference.
        variance = sum(len(events) * np.var(events - throws) for events, throws in pairs)
        means = {"events": float(ours.mean()), "templates": float(theirs.mean())}
        result.append({"quantity": name, "number": len(ours), **means, "error": float(np.sqrt(variance) / len(ours))})
    return result
