"""How well scores separate signal and background."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from sklearn.metrics import auc, roc_curve

from submission.arrays import FloatArray
from training.networks import EFFICIENCIES

from .scored_events import BOTH, ScoredEvents

#: Bootstraps behind an error.
REPLICAS = 200


def separations(events: ScoredEvents, random: np.random.Generator) -> dict[str, dict[str, Any]]:
    """`separation` of each category and of both together, which their yields weight; the latter also without gate."""
    parts = events.by_category()
    if np.any(events.score != events.logit):
        parts[f"{BOTH}, without gate"] = dataclasses.replace(events, score=events.logit)
    return {name: separation(part, random) for name, part in parts.items()}


def separation(events: ScoredEvents, random: np.random.Generator, replicas: int = REPLICAS) -> dict[str, Any]:
    """How well scores separate weighted events.

    Arguments:
        events: of one category or of several.
        random: for the errors.
        replicas: bootstraps of the events.

    Returns:
        dict: "auc", the area under the ROC curve; "background_kept" at each of `EFFICIENCIES`; the standard errors of
        both; "signal_events" and "background_events" as numbers of rows.
    """
    area, kept = roc(events, events.weights)
    replicated = [roc(events, events.weights * random.poisson(1.0, len(events.weights))) for _ in range(replicas)]
    area_error, kept_error = (np.std(values, axis=0) for values in zip(*replicated))
    return {
        "auc": area,
        "auc_error": float(area_error),
        "background_kept": dict(zip(map(str, EFFICIENCIES), map(float, kept))),
        "background_kept_error": dict(zip(map(str, EFFICIENCIES), map(float, kept_error))),
        "signal_events": int(np.sum(events.is_signal)),
        "background_events": int(np.sum(~events.is_signal)),
    }


def roc(events: ScoredEvents, weights: FloatArray) -> tuple[float, FloatArray]:
    """Area under the ROC curve, and background kept at `EFFICIENCIES`, of events with other weights, (events,)."""
    background, signal, _ = roc_curve(events.is_signal, events.score, sample_weight=weights, drop_intermediate=False)
    return float(auc(background, signal)), np.interp(EFFICIENCIES, signal, background)
