"""The official module `derived_quantities`: derived features as columns of a DataFrame, which is changed in place.

Source: docs/protocol.md#derived-features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy import cos, cosh, exp, sin, sinh, sqrt

from ..arrays import Columns
from ..schema import DERIVED, PRIMARIES
from .features import features

#: The functions of numpy are there for submissions that import all names.
__all__ = ["DER_data", "calcul_int", "cos", "cosh", "exp", "f_del_DER", "sin", "sinh", "sqrt"]
__all__ += [f"f_{name}" for name in DERIVED]

#: What `calcul_int` adds.
_COMPONENTS = (
    *(f"{name}_{axis}" for name in ("had", "lep", "jet_leading", "jet_subleading") for axis in ("px", "py", "pz")),
    *("p_had", "p_lep", "p_jet_leading", "p_jet_subleading", "met_x", "met_y"),
)

#: Columns that the official functions make on the way and delete again, even if the caller has had them.
_SCRATCH = ("A", "B", "num", "denum", "calcul_int", "difference", "moyenne", "difference2_eta", "difference2_phi")


def DER_data(data: pd.DataFrame) -> pd.DataFrame:
    """Add the 12 derived features to a DataFrame, or compute them anew; returns it.

    Columns of type float64 become float32.
    """
    values = _features(data)
    for name in DERIVED:
        data[name] = values[name]
    return stored(data)


def stored(data: pd.DataFrame) -> pd.DataFrame:
    """`data`, in place, without what the official functions delete, and in single precision where it is in double."""
    _without(data, (*_COMPONENTS, *_SCRATCH))
    double = data.select_dtypes("float64").columns
    if len(double):
        data[double] = data[double].astype(np.float32)
    return data


def calcul_int(data: pd.DataFrame) -> pd.DataFrame:
    """Add the Cartesian components of lepton, hadronic tau, MET and jets; a jet that is not there has 0. Returns it."""
    _add_momentum(data, "had")
    _add_momentum(data, "lep")
    data["met_x"] = data["PRI_met"] * np.cos(data["PRI_met_phi"])
    data["met_y"] = data["PRI_met"] * np.sin(data["PRI_met_phi"])
    _add_momentum(data, "jet_leading", jets=1)
    _add_momentum(data, "jet_subleading", jets=2)
    return data


def _add_momentum(data: pd.DataFrame, name: str, jets: int = 0) -> None:
    """Add the components of the object `name`, which is there from that number of jets on."""
    pt, eta, phi = (data[f"PRI_{name}_{column}"] for column in ("pt", "eta", "phi"))
    components = {"{}_px": np.cos(phi), "{}_py": np.sin(phi), "{}_pz": np.sinh(eta), "p_{}": np.cosh(eta)}
    for column, direction in components.items():
        component = pt * direction
        data[column.format(name)] = component * (data["PRI_n_jets"] >= jets) if jets else component


def f_del_DER(data: pd.DataFrame) -> pd.DataFrame:
    """Delete what `calcul_int` has added, in place; returns the rest."""
    return _without(data, _COMPONENTS)


def _without(data: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    for name in names:
        if name in data.columns:
            del data[name]
    return data


def _features(data: pd.DataFrame) -> Columns:
    """The derived features, arrays (rows,) by name."""
    with np.errstate(all="ignore"):
        return features({name: data[name].to_numpy() for name in PRIMARIES})


def _function(name: str) -> Any:
    """The official function that adds the one feature `name`."""

    def add(data: pd.DataFrame) -> pd.DataFrame:
        data[name] = _features(data)[name]
        return data

    add.__name__ = add.__qualname__ = f"f_{name}"
    add.__doc__ = f"Add the column {name} to a DataFrame; returns it."
    return add


f_DER_mass_transverse_met_lep = _function("DER_mass_transverse_met_lep")
f_DER_mass_vis = _function("DER_mass_vis")
f_DER_pt_h = _function("DER_pt_h")
f_DER_deltaeta_jet_jet = _function("DER_deltaeta_jet_jet")
f_DER_mass_jet_jet = _function("DER_mass_jet_jet")
f_DER_prodeta_jet_jet = _function("DER_prodeta_jet_jet")
f_DER_deltar_had_lep = _function("DER_deltar_had_lep")
f_DER_pt_tot = _function("DER_pt_tot")
f_DER_sum_pt = _function("DER_sum_pt")
f_DER_pt_ratio_lep_had = _function("DER_pt_ratio_lep_had")
f_DER_met_phi_centrality = _function("DER_met_phi_centrality")
f_DER_lep_eta_centrality = _function("DER_lep_eta_centrality")
