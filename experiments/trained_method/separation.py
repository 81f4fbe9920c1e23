"""How well scores separate signal and background."""

import dataclasses

import numpy as np

from training.networks import EFFICIENCIES

from .tables import BOTH

REPLICAS = 200  # bootstraps behind an error, and samples of simulated events beside the official ones


def separations(events, random):
    """`separation` of each category and of both together, which their yields weight; the latter also without gate."""
    named = events.named()
    if np.any(events.score != events.logit):
        named[f"{BOTH}, without gate"] = dataclasses.replace(events, score=events.logit)
    return {name: separation(own, random) for name, own in named.items()}


def separation(events, random, replicas=REPLICAS):
    """How well scores separate weighted events.

    Arguments:
        events: `Scored`.
        random: `numpy.random.Generator`, for the errors.
        replicas: bootstraps of the events.

    Returns:
        dict: "auc", the area under the ROC curve; "background_kept" at each of `EFFICIENCIES`; the standard errors of
        both; "signal_events" and "background_events" as numbers of rows.
    """
    auc, kept = roc(events, events.weights)
    drawn = [roc(events, events.weights * random.poisson(1.0, len(events.weights))) for _ in range(replicas)]
    auc_error, kept_error = (np.std(values, axis=0) for values in zip(*drawn))
    return {
        "auc": float(auc),
        "auc_error": float(auc_error),
        "background_kept": dict(zip(map(str, EFFICIENCIES), map(float, kept))),
        "background_kept_error": dict(zip(map(str, EFFICIENCIES), map(float, kept_error))),
        "signal_events": int(np.sum(events.is_signal)),
        "background_events": int(np.sum(~events.is_signal)),
    }


def roc(events, weights):
    """Area under the ROC curve, and background kept at `EFFICIENCIES`, of events with other weights."""
    scores, place = np.unique(events.score, return_inverse=True)
    shares = []
    for own in (events.is_signal, ~events.is_signal):
        counts = np.bincount(place, weights * own, len(scores))
        shares.append(counts / counts.sum())
    signal, background = shares
    area = signal @ (np.cumsum(background) - background / 2)
    above = [np.concatenate([[0.0], np.cumsum(counts[::-1])]) for counts in shares]
    return area, np.interp(EFFICIENCIES, *above)
