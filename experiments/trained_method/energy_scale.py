"""What the energy scale of the tau does to scores: a cut at nominal scores, and distributions (Fig. 6, left)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from submission.arrays import FloatArray
from submission.features import CATEGORIES

from .scored_events import ScoredEvents

#: Signal kept at the cut whose effect on shifted events is shown.
CUT_EFFICIENCY = 0.3

DENSITY_BINS = 30


def signal_flows(record: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Place and strength c of the flows that model signal, from the record of a training; empty without flows."""
    flows = record["config"]["networks"]["flows"]
    if flows is None:
        return []
    pairs = zip(flows["training"]["models"], flows["training"]["strengths"])
    return [(place, strength) for place, (model, strength) in enumerate(pairs) if model == "S"]


def cut_shifts(shifted: Mapping[float, ScoredEvents]) -> dict[str, Any]:
    """Shares of signal and background above the score that keeps `CUT_EFFICIENCY` of the nominal signal.

    Arguments:
        shifted: from tes to the events.

    Returns:
        dict: "signal_kept", the nominal share; "events", dict from category to a list of dicts: tes, the two shares
        and their errors (the events are the same at all tes, so differences are known better).
    """
    cuts = {name: _cut(events) for name, events in shifted[1.0].by_category().items()}
    result: dict[str, list[dict[str, float]]] = {name: [] for name in cuts}
    for tes, events in shifted.items():
        for name, part in events.by_category().items():
            row = {"tes": tes}
            for kind, rows in part.classes().items():
                weights, passed = part.weights[rows], part.score[rows] > cuts[name]
                share = np.average(passed, weights=weights)
                row[kind] = float(share)
                row[f"{kind}_error"] = float(np.sqrt(np.sum((weights * (passed - share)) ** 2)) / weights.sum())
            result[name].append(row)
    return {"signal_kept": CUT_EFFICIENCY, "events": result}


def _cut(events: ScoredEvents) -> float:
    """The score that keeps `CUT_EFFICIENCY` of the signal."""
    scores, weights = events.score[events.is_signal], events.weights[events.is_signal]
    order = np.argsort(scores)
    above = 1 - np.cumsum(weights[order]) / weights.sum()
    return float(scores[order][np.argmax(above <= CUT_EFFICIENCY)])


def densities(shifted: Mapping[float, ScoredEvents], flows: Sequence[tuple[int, float]]) -> list[dict[str, Any]]:
    """Distributions of discrimination functions and scores (Fig. 6, left).

    Arguments:
        shifted: from tes to the events.
        flows: place and strength of the flows shown, as from `signal_flows`.

    Returns:
        list of panels, dicts: category, label of the variable, edges of the bins, and "curves", dicts with process
        class, tes, density per unit of the variable, and its error.
    """
    variables: list[tuple[str, int | None]] = [(f"discrimination by the flow of S, c = {c:g}", k) for k, c in flows]
    edges = np.linspace(0, 1, DENSITY_BINS + 1)
    panels = []
    for number, category in enumerate(CATEGORIES):
        for label, flow in [*variables, ("classifier's score", None)]:
            curves = []
            for tes, events in shifted.items():
                part = events.select(events.category == number)
                values = expit(part.logit) if flow is None else part.discrimination[:, flow]
                for kind, rows in part.classes().items():
                    density, error = _density(values[rows], part.weights[rows], edges)
                    curves.append({"class": kind, "tes": tes, "density": density, "error": error})
            panels.append({"category": category, "variable": label, "edges": edges.tolist(), "curves": curves})
    return panels


def _density(values: FloatArray, weights: FloatArray, edges: FloatArray) -> tuple[list[float], list[float]]:
    """Density of weighted values in bins, and its error."""
    scale = 1 / (weights.sum() * np.diff(edges))
    counts, squares = (np.histogram(values, edges, weights=w)[0] for w in (weights, weights**2))
    return (counts * scale).tolist(), (np.sqrt(squares) * scale).tolist()
