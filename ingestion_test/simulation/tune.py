"""Fit the numbers of `parameters.json` to reference events: minimal chi-square of the histograms of `HISTOGRAMS`.

python -m ingestion_test.simulation.tune --reference reference_events.parquet --process ztautau
"""

import argparse
import json

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from ..derived import derived_features
from ..schema import DERIVED, PRIMARIES
from . import processes
from .vectors import wrap

#: Fitted numbers per process, with the size of the first step; "a.b" is b in the part a, "x:y" a channel.
_RADIATION = {
    "radiation.strength": 0.1,
    "radiation.scale": 15.0,
    "radiation.power": 0.2,
    "radiation.curve": 0.3,
    "radiation.boost": 0.2,
    "radiation.follow": 0.2,
    "radiation.spread": 0.3,
    "radiation.narrowing": 0.15,
    "radiation.soft": 1.0,
}
_RESPONSE = {
    "response.jet": 0.05,
    "response.fragmentation": 0.04,
    "response.tail": 0.03,
    "response.noise_spread": 0.1,
    "response.had": 0.03,
    "response.had_width": 0.03,
    "response.underlying": 0.5,
    "response.noise": 1.0,
    "response.soft": 0.2,
}
FITTED = {
    "ztautau": {"spread": 0.3} | _RADIATION | _RESPONSE,
    "htautau": {"spread": 0.3, "quark_pt": 10, "quark_rapidity": 0.3, "quark_spread": 0.2, "associated_pt": 20}
    | _RADIATION
    | _RESPONSE,
    "ttbar": {"mean_pt": 20, "spread": 0.2, "separation": 0.2, "fake_slope": 20}
    | _RADIATION
    | _RESPONSE
    | {"channels.tt:fake": 0.2, "channels.tw:tau": 0.2, "channels.tw:fake": 0.1},
    "diboson": {"alignment": 0.3, "mean_pt": 15, "spread": 0.2, "separation": 0.2, "fake_slope": 20}
    | _RADIATION
    | _RESPONSE
    | {"channels.ww:fake": 0.2, "channels.zz:qq": 0.1, "channels.zz:nunu": 0.1},
}


def observables(columns):
    """Rotation-free observables of events: dict from a name to a float array (events,), NaN where undefined."""
    p = {name: np.asarray(columns[name], np.float32) for name in PRIMARIES}
    d = dict(zip(DERIVED, derived_features(p).T.astype(float)))
    one, two = p["PRI_n_jets"] >= 1, p["PRI_n_jets"] >= 2
    at = lambda mask, v: np.where(mask, v, np.nan)
    dphi = lambda a, b: np.abs(wrap(p[f"PRI_{a}_phi"] - p[f"PRI_{b}_phi"]))
    eta = {k: p[f"PRI_{k}_eta"] for k in ("lep", "had", "jet_leading", "jet_subleading")}
    o = {
        "n_jets": p["PRI_n_jets"],
        "lep_pt": p["PRI_lep_pt"],
        "had_pt": p["PRI_had_pt"],
        "met": p["PRI_met"],
        "abs_lep_eta": np.abs(eta["lep"]),
        "abs_had_eta": np.abs(eta["had"]),
        "deta_lep_had": np.abs(eta["lep"] - eta["had"]),
        "dphi_lep_had": dphi("lep", "had"),
        "dphi_lep_met": dphi("lep", "met"),
        "dphi_had_met": dphi("had", "met"),
        "mass_vis": d["DER_mass_vis"],
        "mt": d["DER_mass_transverse_met_lep"],
        "pt_h": d["DER_pt_h"],
        "pt_tot": d["DER_pt_tot"],
        "centrality": d["DER_met_phi_centrality"],
        "jet_pt": at(one, p["PRI_jet_leading_pt"]),
        "abs_jet_eta": at(one, np.abs(eta["jet_leading"])),
        "deta_jet_lep": at(one, np.abs(eta["jet_leading"] - eta["lep"])),
        "dphi_jet_lep": at(one, dphi("jet_leading", "lep")),
        "dphi_jet_met": at(one, dphi("jet_leading", "met")),
        "jet_all_pt": at(one, p["PRI_jet_all_pt"]),
        "subjet_pt": at(two, p["PRI_jet_subleading_pt"]),
        "abs_subjet_eta": at(two, np.abs(eta["jet_subleading"])),
        "mass_jj": at(two, d["DER_mass_jet_jet"]),
        "deta_jj": at(two, d["DER_deltaeta_jet_jet"]),
        "dphi_jj": at(two, dphi("jet_leading", "jet_subleading")),
    }
    for name in ("pt_h", "pt_tot", "met", "mass_vis", "lep_pt", "had_pt", "mt"):
        o[f"{name}_0"], o[f"{name}_1"] = at(~one, o[name]), at(one, o[name])
    return o


def histograms(reference, bins=12):
    """Edges (quantiles), contents and their variances of the observables of reference events."""
    result = {}
    for name, values in observables(reference).items():
        values = values[~np.isnan(values)]
        edges = (
            np.arange(-0.5, 6.5) if name == "n_jets" else np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))
        )
        edges[0], edges[-1] = -np.inf, np.inf
        counts = np.histogram(values, edges)[0] / len(reference)
        result[name] = edges, counts, counts / len(reference)
    return result


def pulls(columns, weights, targets):
    """Differences in standard deviations, per observable an array (bins,), of weighted events from `histograms`."""
    result = {}
    weights = weights / weights.sum(dtype=float)
    for name, values in observables(columns).items():
        edges, contents, variances = targets[name]
        good = ~np.isnan(values)
        cell = np.searchsorted(edges[1:-1], values[good], side="right")
        expected = np.bincount(cell, weights[good], len(contents))
        result[name] = (expected - contents) / np.sqrt(variances + 1e-9)
    return result


def residuals(columns, weights, targets):
    """All `pulls` in one array, each observable weighted by one over the root of its number of bins."""
    return np.concatenate([v / np.sqrt(len(v)) for v in pulls(columns, weights, targets).values()])


def chi_square(columns, weights, targets):
    """Chi-square per bin of each observable."""
    return {name: float(np.mean(v**2)) for name, v in pulls(columns, weights, targets).items()}


def get(parameters, name):
    part, _, last = name.rpartition(".")
    return (parameters[part] if part else parameters)[last]


def changed(parameters, names, values):
    """A copy of a process's parameters with the named numbers set to `values`."""
    copy = json.loads(json.dumps(parameters))
    for name, value in zip(names, values):
        part, _, last = name.rpartition(".")
        (copy[part] if part else copy)[last] = abs(round(float(value), 4))
    return copy


def sample(process, parameters, events, seed=0):
    rng = np.random.default_rng(seed)
    model = processes.model(process, parameters)
    parts = [processes.throw(process, rng, 1 << 14, model) for _ in range(-(-events // (1 << 14)))]
    return {k: np.concatenate([p[0][k] for p in parts]) for k in PRIMARIES}, np.concatenate([p[1] for p in parts])
