"""The 12 derived features of an event (docs/protocol.md#derived-features).

The official program computes in the precision of the columns that it is given, single, and the differences of large
numbers in the masses feel it. So the formulas here keep its order of operations: what one sees is what Codabench shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from .arrays import Columns, FloatArray, IntArray, SingleArray
from .schema import DERIVED, UNDEFINED

#: The features of the two leading jets, undefined in events with fewer.
DIJET = ("DER_deltaeta_jet_jet", "DER_mass_jet_jet", "DER_prodeta_jet_jet", "DER_lep_eta_centrality")


def derived_features(p: Mapping[str, FloatArray], out: SingleArray | None = None) -> SingleArray:
    """The 12 derived features of the challenge.

    Arguments:
        p: mapping from each name in `schema.PRIMARIES` to an array (events,), GeV and radians. MET and its azimuth
            may be float64 (soft MET noise is), the others are float32 in the challenge.
        out: float32 array (events, 12) to fill; None for a new one in Fortran order.

    Returns:
        float32 array (events, 12), columns as in `schema.DERIVED`; masses and pT in GeV; `UNDEFINED` where the event
        has too few jets.

    Source: docs/protocol.md#derived-features.

    >>> from .schema import PRIMARIES
    >>> event = dict.fromkeys(PRIMARIES, np.float32([0.0]))
    >>> event |= {"PRI_lep_pt": np.float32([40]), "PRI_had_pt": np.float32([30]), "PRI_had_phi": np.float32([np.pi])}
    >>> dict(zip(DERIVED, derived_features(event)[0].tolist()))["DER_pt_h"]
    10.0
    """
    if out is None:
        out = np.empty((len(p["PRI_lep_pt"]), len(DERIVED)), dtype=np.float32, order="F")
    columns: Columns = dict(zip(DERIVED, out.T))
    _all_events(p, columns)
    for name in DIJET:
        columns[name].fill(UNDEFINED)
    rows = np.flatnonzero(p["PRI_n_jets"] >= 2)
    if len(rows):
        _dijet_events(_take(p, rows, "PRI_lep", "PRI_jet_leading", "PRI_jet_subleading"), columns, rows)
    return out


def _all_events(p: Mapping[str, FloatArray], columns: Columns) -> None:
    """Fill the features that every event has."""
    lep, had = _momentum(p, "PRI_lep"), _momentum(p, "PRI_had")
    cos, sin = _cos_sin(p["PRI_met_phi"])
    met_x, met_y = p["PRI_met"] * cos, p["PRI_met"] * sin
    mass2 = (p["PRI_met"] + p["PRI_lep_pt"]) ** 2 - (met_x + lep[0]) ** 2 - (met_y + lep[1]) ** 2
    columns["DER_mass_transverse_met_lep"][:] = _root(mass2)
    with np.errstate(invalid="ignore"):  # rounding can make it negative: NaN, as in the official program
        columns["DER_mass_vis"][:] = np.sqrt(_mass2(lep, had))
    higgs_x, higgs_y = had[0] + lep[0] + met_x, had[1] + lep[1] + met_y
    columns["DER_pt_h"][:] = np.sqrt(higgs_x**2 + higgs_y**2)
    columns["DER_deltar_had_lep"][:] = _delta_r(p)
    for jet, number in (("PRI_jet_leading", 1), ("PRI_jet_subleading", 2)):
        rows = np.flatnonzero(p["PRI_n_jets"] >= number)
        pt, phi = p[f"{jet}_pt"][rows], p[f"{jet}_phi"][rows]
        higgs_x[rows] += pt * np.cos(phi)
        higgs_y[rows] += pt * np.sin(phi)
    columns["DER_pt_tot"][:] = np.sqrt(higgs_x**2 + higgs_y**2)
    columns["DER_sum_pt"][:] = p["PRI_had_pt"] + p["PRI_lep_pt"] + p["PRI_jet_all_pt"]
    columns["DER_pt_ratio_lep_had"][:] = p["PRI_lep_pt"] / p["PRI_had_pt"]
    columns["DER_met_phi_centrality"][:] = _met_phi_centrality(p["PRI_met_phi"], p["PRI_lep_phi"], p["PRI_had_phi"])


def _dijet_events(p: Columns, columns: Columns, rows: IntArray) -> None:
    """Fill the features of the events `rows`, which have at least two jets; `p` holds only these."""
    eta_1, eta_2 = p["PRI_jet_leading_eta"], p["PRI_jet_subleading_eta"]
    mass2 = _mass2(_momentum(p, "PRI_jet_leading"), _momentum(p, "PRI_jet_subleading"))
    separation2 = (eta_1 - eta_2) ** 2
    separation2[separation2 == 0] += 1e-4
    columns["DER_deltaeta_jet_jet"][rows] = np.abs(eta_2 - eta_1)
    columns["DER_mass_jet_jet"][rows] = _root(mass2)
    columns["DER_prodeta_jet_jet"][rows] = eta_1 * eta_2
    columns["DER_lep_eta_centrality"][rows] = np.exp(-4 / separation2 * (p["PRI_lep_eta"] - (eta_1 + eta_2) / 2) ** 2)


class _Lookup:
    """Two functions of numbers with 3 decimals, which the azimuths and pseudorapidities of the challenge are.

    Where numbers have others the functions are computed; in both cases the results are numpy's to the last bit.
    """

    def __init__(self, largest: int, dtype: npt.DTypeLike, *functions: Callable[[FloatArray], FloatArray]) -> None:
        self._middle, self._functions = largest, functions
        self._numbers = (np.arange(-largest, largest + 1) / 1000).astype(dtype)
        self._values = [function(self._numbers) for function in functions]

    def __call__(self, numbers: FloatArray) -> list[FloatArray]:
        place = np.rint(numbers * 1000).astype(np.intp)
        place += self._middle
        if np.array_equal(np.take(self._numbers, place, mode="clip"), numbers):
            return [np.take(values, place, mode="clip") for values in self._values]
        return [function(numbers) for function in self._functions]


#: What numpy computes slowly: trigonometric functions of doubles, hyperbolic ones at all. Azimuths in radians.
_COS_SIN = _Lookup(3142, np.float64, np.cos, np.sin)
_SINH_COSH = _Lookup(5000, np.float32, np.sinh, np.cosh)


def _cos_sin(phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cosine and sine of azimuths."""
    cos, sin = _COS_SIN(phi) if phi.dtype == np.float64 else (np.cos(phi), np.sin(phi))
    return cos, sin


def _sinh_cosh(eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Hyperbolic sine and cosine of pseudorapidities."""
    sinh, cosh = _SINH_COSH(eta) if eta.dtype == np.float32 else (np.sinh(eta), np.cosh(eta))
    return sinh, cosh


def _take(p: Mapping[str, FloatArray], rows: IntArray, *objects: str) -> Columns:
    names = [f"{name}_{column}" for name in objects for column in ("pt", "eta", "phi")]
    return {name: p[name][rows] for name in names}


def _momentum(p: Mapping[str, FloatArray], name: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Massless four-vector (x, y, z, E) in GeV of the object `name`."""
    pt, eta, phi = p[f"{name}_pt"], p[f"{name}_eta"], p[f"{name}_phi"]
    cos, sin = _cos_sin(phi)
    sinh, cosh = _sinh_cosh(eta)
    return pt * cos, pt * sin, pt * sinh, pt * cosh


def _mass2(a: tuple[FloatArray, ...], b: tuple[FloatArray, ...]) -> FloatArray:
    """Squared invariant mass in GeV^2 of two four-vectors; rounding can make it negative."""
    return (a[3] + b[3]) ** 2 - (a[0] + b[0]) ** 2 - (a[1] + b[1]) ** 2 - (a[2] + b[2]) ** 2


def _root(mass2: FloatArray) -> FloatArray:
    """The square root, and -0.0 of what is negative, as the official program has it."""
    return np.sqrt(mass2 * (mass2 >= 0))


def _delta_r(p: Mapping[str, FloatArray]) -> FloatArray:
    # np.mod(angle, 2 pi) for angles below 8 pi, to the last bit: both subtractions are exact, and mod is slow.
    angle = p["PRI_lep_phi"] - p["PRI_had_phi"] + 3 * np.pi
    for turns in (2, 1):
        whole = angle.dtype.type(2 * np.pi) * turns
        angle -= whole * (angle >= whole)
    return np.sqrt((p["PRI_lep_eta"] - p["PRI_had_eta"]) ** 2 + (angle - np.pi) ** 2)


def _met_phi_centrality(met_phi: FloatArray, lep_phi: FloatArray, had_phi: FloatArray) -> FloatArray:
    """Where MET lies between lepton and hadronic tau in the transverse plane, from -sqrt 2 to sqrt 2."""
    total, norm = _centrality_terms(met_phi, lep_phi, had_phi)
    null = np.flatnonzero(norm == 0)
    if len(null):
        total[null], norm[null] = _centrality_terms(met_phi[null], lep_phi[null] + 1e-4, had_phi[null])
    return np.divide(total, norm, out=np.full_like(norm, UNDEFINED), where=norm != 0)


def _centrality_terms(met_phi: FloatArray, lep_phi: FloatArray, had_phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A + B and the root of A^2 + B^2 of the centrality's formula."""
    sign = np.sign(np.sin(had_phi - lep_phi))
    a, b = np.sin(met_phi - lep_phi) * sign, np.sin(had_phi - met_phi) * sign
    return a + b, np.sqrt(a**2 + b**2)
