"""What the energy scale of the tau does to scores: a cut at nominal scores, and distributions (Fig. 6, left)."""

import numpy as np
from scipy.special import expit

from submission.features import CATEGORIES

#: Signal kept at the cut whose effect on shifted events is shown.
CUT_EFFICIENCY = 0.3


DENSITY_BINS = 30


def signal_flows(record):
    """Place and strength c of the flows that model signal: list of pairs, empty without flows."""
    flows = record["config"]["networks"]["flows"]
    if flows is None:
        return []
    pairs = zip(flows["training"]["models"], flows["training"]["strengths"])
    return [(place, strength) for place, (model, strength) in enumerate(pairs) if model == "S"]


def cut_shifts(shifted):
    """Shares of signal and background above the score that keeps `CUT_EFFICIENCY` of the nominal signal.

    Arguments:
        shifted: dict from tes to `Scored`.

    Returns:
        dict: "signal_kept", the nominal share; "events", dict from category to a list of dicts: tes, the two shares
        and their errors (the events are the same at all tes, so differences are known better).
    """
    cuts = {}
    for name, events in shifted[1.0].named().items():
        order = np.argsort(events.score[events.is_signal])
        above = 1 - np.cumsum(events.weights[events.is_signal][order]) / events.weights[events.is_signal].sum()
        cuts[name] = events.score[events.is_signal][order][np.argmax(above <= CUT_EFFICIENCY)]
    result = {name: [] for name in cuts}
    for tes, events in shifted.items():
        for name, own in events.named().items():
            row = {"tes": tes}
            for kind, rows in (("signal", own.is_signal), ("background", ~own.is_signal)):
                weights, passed = own.weights[rows], own.score[rows] > cuts[name]
                share = np.average(passed, weights=weights)
                row[kind] = float(share)
                row[f"{kind}_error"] = float(np.sqrt(np.sum((weights * (passed - share)) ** 2)) / weights.sum())
            result[name].append(row)
    return {"signal_kept": CUT_EFFICIENCY, "events": result}


def densities(shifted, flows):
    """Distributions of discrimination functions and scores (Fig. 6, left).

    Arguments:
        shifted: dict from tes to `Scored`.
        flows: place and strength of the flows shown, as from `signal_flows`.

    Returns:
        list of panels, dicts: category, label of the variable, edges of the bins, and "curves", dicts with process
        class, tes, density per unit of the variable, and its error.
    """
    variables = [(f"discrimination by the flow of S, c = {c:g}", k) for k, c in flows]
    edges = np.linspace(0, 1, DENSITY_BINS + 1)
    panels = []
    for number, category in enumerate(CATEGORIES):
        for label, flow in [*variables, ("classifier's score", None)]:
            curves = []
            for tes, events in shifted.items():
                own = events.of(events.category == number)
                values = expit(own.logit) if flow is None else own.discrimination[:, flow]
                for kind, rows in (("signal", own.is_signal), ("background", ~own.is_signal)):
                    density, error = _density(values[rows], own.weights[rows], edges)
                    curves.append({"class": kind, "tes": tes, "density": density, "error": error})
            panels.append({"category": category, "variable": label, "edges": edges.tolist(), "curves": curves})
    return panels


def _density(values, weights, edges):
    """Density of weighted values in bins and its error, two lists."""
    scale = 1 / (weights.sum() * np.diff(edges))
    counts, squares = (np.histogram(values, edges, weights=w)[0] for w in (weights, weights**2))
    return (counts * scale).tolist(), (np.sqrt(squares) * scale).tolist()
