"""Rotation-free observables of events, and their histograms: what the simulation is fitted to and shown against."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..arrays import BoolArray, Columns, FloatArray
from ..derived import derived_features
from ..schema import DERIVED, PRIMARIES
from .vectors import wrap

#: Observables that are also fitted separately without jets ("_0") and with at least one ("_1").
SPLIT = ("pt_h", "pt_tot", "met", "mass_vis", "lep_pt", "had_pt", "mt")


def observables(columns: Mapping[str, npt.ArrayLike]) -> Columns:
    """Observables of events.

    Arguments:
        columns: mapping from each primary to an array (events,), GeV and radians.

    Returns:
        dict from a name to a float array (events,), GeV and radians, NaN where undefined.
    """
    p = {name: np.asarray(columns[name], np.float32) for name in PRIMARIES}
    d = dict(zip(DERIVED, derived_features(p).T.astype(float)))
    one, two = p["PRI_n_jets"] >= 1, p["PRI_n_jets"] >= 2

    def where(mask: BoolArray, values: FloatArray) -> FloatArray:
        return np.where(mask, values, np.nan)

    def dphi(a: str, b: str) -> FloatArray:
        return np.abs(wrap(p[f"PRI_{a}_phi"] - p[f"PRI_{b}_phi"]))

    lep_eta, had_eta, jet_eta, subjet_eta = (
        p[f"PRI_{name}_eta"] for name in ("lep", "had", "jet_leading", "jet_subleading")
    )
    result = {
        "n_jets": p["PRI_n_jets"],
        "lep_pt": p["PRI_lep_pt"],
        "had_pt": p["PRI_had_pt"],
        "met": p["PRI_met"],
        "abs_lep_eta": np.abs(lep_eta),
        "abs_had_eta": np.abs(had_eta),
        "deta_lep_had": np.abs(lep_eta - had_eta),
        "dphi_lep_had": dphi("lep", "had"),
        "dphi_lep_met": dphi("lep", "met"),
        "dphi_had_met": dphi("had", "met"),
        "mass_vis": d["DER_mass_vis"],
        "mt": d["DER_mass_transverse_met_lep"],
        "pt_h": d["DER_pt_h"],
        "pt_tot": d["DER_pt_tot"],
        "centrality": d["DER_met_phi_centrality"],
        "jet_pt": where(one, p["PRI_jet_leading_pt"]),
        "jet_all_pt": where(one, p["PRI_jet_all_pt"]),
        "abs_jet_eta": where(one, np.abs(jet_eta)),
        "deta_jet_lep": where(one, np.abs(jet_eta - lep_eta)),
        "dphi_jet_lep": where(one, dphi("jet_leading", "lep")),
        "dphi_jet_met": where(one, dphi("jet_leading", "met")),
        "subjet_pt": where(two, p["PRI_jet_subleading_pt"]),
        "abs_subjet_eta": where(two, np.abs(subjet_eta)),
        "mass_jj": where(two, d["DER_mass_jet_jet"]),
        "deta_jj": where(two, d["DER_deltaeta_jet_jet"]),
        "dphi_jj": where(two, dphi("jet_leading", "jet_subleading")),
    }
    for name in SPLIT:
        result[f"{name}_0"], result[f"{name}_1"] = where(~one, result[name]), where(one, result[name])
    return result


def histograms(reference: pd.DataFrame, bins: int = 12) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
    """Histograms of unweighted reference events in quantiles.

    Returns:
        dict from an observable to (inner edges, contents, variances): the contents are shares of all events.
    """
    result: dict[str, tuple[FloatArray, FloatArray, FloatArray]] = {}
    for name, values in observables(reference).items():
        values = values[~np.isnan(values)]
        inner = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
        edges = np.arange(0.5, 5) if name == "n_jets" else np.unique(inner)
        contents = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) / len(reference)
        result[name] = edges, contents, contents / len(reference)
    return result


def pulls(
    columns: Mapping[str, npt.ArrayLike],
    weights: FloatArray,
    targets: dict[str, tuple[FloatArray, FloatArray, FloatArray]],
) -> Columns:
    """Differences of weighted events from `histograms` in standard deviations of these.

    Returns:
        dict from an observable to an array (bins,).
    """
    result = {}
    weights = weights / weights.sum(dtype=float)
    for name, values in observables(columns).items():
        edges, contents, variances = targets[name]
        good = ~np.isnan(values)
        cell = np.searchsorted(edges, values[good], side="right")
        expected = np.bincount(cell, weights[good], len(contents))
        result[name] = (expected - contents) / np.sqrt(variances + 1e-9)
    return result
