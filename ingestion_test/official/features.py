"""The 12 derived features of events whose columns may have any type, each feature in that of what it is made of.

`ingestion_test/derived.py` has the same formulas for arrays of one precision and ordinary numbers, which is faster;
tests hold both to the same bits.

Source: docs/protocol.md#derived-features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from ..arrays import Columns, FloatArray
from ..schema import UNDEFINED

#: x, y, z and energy in GeV.
_Momentum: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def features(p: Mapping[str, FloatArray]) -> Columns:
    """The derived features.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,) of any type, GeV and radians. What is NaN,
            even in a jet that is not there, makes NaN what is made of it.

    Returns:
        dict from each name in `schema.DERIVED` to an array (events,), single or double precision.
    """
    jets = p["PRI_n_jets"]
    lep, had, jet_1, jet_2 = (_momentum(p, name) for name in ("lep", "had", "jet_leading", "jet_subleading"))
    met_x, met_y = p["PRI_met"] * np.cos(p["PRI_met_phi"]), p["PRI_met"] * np.sin(p["PRI_met_phi"])
    eta_1, eta_2 = p["PRI_jet_leading_eta"], p["PRI_jet_subleading_eta"]
    transverse2 = (p["PRI_met"] + p["PRI_lep_pt"]) ** 2 - (met_x + lep[0]) ** 2 - (met_y + lep[1]) ** 2
    higgs = [had[axis] + lep[axis] + met for axis, met in enumerate((met_x, met_y))]
    total = [higgs[axis] + jet_1[axis] * (jets >= 1) + jet_2[axis] * (jets >= 2) for axis in (0, 1)]
    return {
        "DER_mass_transverse_met_lep": _root(transverse2),
        "DER_mass_vis": np.sqrt(_mass2(lep, had)),
        "DER_pt_h": np.sqrt(higgs[0] ** 2 + higgs[1] ** 2),
        "DER_deltaeta_jet_jet": _of_two_jets(np.abs(eta_2 - eta_1), jets),
        "DER_mass_jet_jet": _of_two_jets(_root(_mass2(jet_1, jet_2)), jets),
        "DER_prodeta_jet_jet": _of_two_jets(eta_1 * eta_2, jets),
        "DER_deltar_had_lep": _delta_r(p),
        "DER_pt_tot": np.sqrt(total[0] ** 2 + total[1] ** 2),
        "DER_sum_pt": p["PRI_had_pt"] + p["PRI_lep_pt"] + p["PRI_jet_all_pt"],
        "DER_pt_ratio_lep_had": p["PRI_lep_pt"] / p["PRI_had_pt"],
        "DER_met_phi_centrality": _met_phi_centrality(p["PRI_met_phi"], p["PRI_lep_phi"], p["PRI_had_phi"]),
        "DER_lep_eta_centrality": _of_two_jets(_lep_eta_centrality(p["PRI_lep_eta"], eta_1, eta_2), jets),
    }


def _momentum(p: Mapping[str, FloatArray], name: str) -> _Momentum:
    """Massless four-vector of an object."""
    pt, eta, phi = (p[f"PRI_{name}_{column}"] for column in ("pt", "eta", "phi"))
    return pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)


def _mass2(a: _Momentum, b: _Momentum) -> FloatArray:
    """Squared invariant mass in GeV^2 of two four-vectors; rounding can make it negative."""
    return (a[3] + b[3]) ** 2 - (a[0] + b[0]) ** 2 - (a[1] + b[1]) ** 2 - (a[2] + b[2]) ** 2


def _root(square: FloatArray) -> FloatArray:
    """The square root, and -0.0 of what is negative."""
    return np.sqrt(square * (square >= 0))


def _of_two_jets(values: FloatArray, jets: FloatArray) -> FloatArray:
    """`values` in events of two jets and more; of double precision, as all that the official program so selects."""
    return values * (jets >= 2) + UNDEFINED * (jets < 2).astype(np.float64)


def _delta_r(p: Mapping[str, FloatArray]) -> FloatArray:
    angle = np.mod(p["PRI_lep_phi"] - p["PRI_had_phi"] + 3 * np.pi, 2 * np.pi) - np.pi
    return np.sqrt((p["PRI_lep_eta"] - p["PRI_had_eta"]) ** 2 + angle**2)


def _met_phi_centrality(met_phi: FloatArray, lep_phi: FloatArray, had_phi: FloatArray) -> FloatArray:
    """Where MET lies between lepton and hadronic tau in the transverse plane, from -sqrt 2 to sqrt 2."""
    total, norm = _centrality_terms(met_phi, lep_phi, had_phi)
    again, other_norm = _centrality_terms(met_phi, lep_phi + 1e-4, had_phi)
    null = norm == 0
    total, norm = np.where(null, again, total), np.where(null, other_norm, norm)
    return np.where(norm == 0, UNDEFINED, total / norm).astype(np.float64)


def _centrality_terms(met_phi: FloatArray, lep_phi: FloatArray, had_phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A + B and the root of A^2 + B^2 of the centrality's formula."""
    sign = np.sign(np.sin(had_phi - lep_phi))
    a, b = np.sin(met_phi - lep_phi) * sign, np.sin(had_phi - met_phi) * sign
    return a + b, np.sqrt(a**2 + b**2)


def _lep_eta_centrality(eta: FloatArray, eta_1: FloatArray, eta_2: FloatArray) -> FloatArray:
    """Where the lepton lies between the two jets in pseudorapidity."""
    separation2 = (eta_1 - eta_2) ** 2
    separation2 = np.where(separation2 == 0, separation2 + 1e-4, separation2)
    return np.exp(-4 / separation2 * (eta - (eta_1 + eta_2) / 2) ** 2)
