"""The 12 derived features of an event (docs/protocol.md#derived-features).

The official program computes in the precision of the columns that it is given, single, and the differences of large
numbers in the masses feel it. So the formulas here keep its order of operations: what one sees is what Codabench shows.
Sums, products, quotients, roots and comparisons are exact by the standard of floating-point numbers, so compiled loops
do them; sines, exponentials and the like are numpy's own, whose last bit counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from runtime.compiled import compiled

from .arrays import Columns, FloatArray, SingleArray
from .schema import DERIVED, UNDEFINED

#: The features of the two leading jets, undefined in events with fewer.
DIJET = ("DER_deltaeta_jet_jet", "DER_mass_jet_jet", "DER_prodeta_jet_jet", "DER_lep_eta_centrality")

#: The jets whose momenta are known, in the order of their number.
JETS = ("PRI_jet_leading", "PRI_jet_subleading")

#: Cosine and sine of the azimuth of objects, arrays (events,), by their names.
Directions: TypeAlias = Mapping[str, tuple[FloatArray, FloatArray]]


def derived_features(
    p: Mapping[str, FloatArray], out: SingleArray | None = None, directions: Directions | None = None
) -> SingleArray:
    """The 12 derived features of the challenge.

    Arguments:
        p: mapping from each name in `schema.PRIMARIES` to an array (events,), GeV and radians. MET and its azimuth
            may be float64 (soft MET noise is), the others are float32 in the challenge.
        out: float32 array (events, 12) to fill; None for a new one in Fortran order.
        directions: of lepton, tau and jets; None to compute them.

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
    if directions is None:
        directions = {name: cos_sin(p[f"{name}_phi"]) for name in ("PRI_lep", "PRI_had", *JETS)}
    _all_events(p, directions, columns)
    for name in DIJET:
        columns[name].fill(UNDEFINED)
    rows = np.flatnonzero(p["PRI_n_jets"] >= 2)
    if len(rows):
        some = {f"{name}_{part}": p[f"{name}_{part}"][rows] for name in JETS for part in ("pt", "eta")}
        some["PRI_lep_eta"] = p["PRI_lep_eta"][rows]
        values = _dijet_events(some, {name: (directions[name][0][rows], directions[name][1][rows]) for name in JETS})
        for name, column in zip(DIJET, values):
            columns[name][rows] = column
    return out


def _all_events(p: Mapping[str, FloatArray], directions: Directions, columns: Columns) -> None:
    """Fill the features that every event has."""
    lep_x, lep_y, lep_z, lep_energy = _momentum(p, directions, "PRI_lep")
    had_x, had_y, had_z, had_energy = _momentum(p, directions, "PRI_had")
    met, met_phi, lep_phi, had_phi = (p[f"PRI_{name}"] for name in ("met", "met_phi", "lep_phi", "had_phi"))
    cos, sin = _COS_SIN(met_phi) if met_phi.dtype == np.float64 else cos_sin(met_phi)
    x, y = met * cos, met * sin
    _transverse_mass(met, x, y, p["PRI_lep_pt"], lep_x, lep_y, columns["DER_mass_transverse_met_lep"])
    _mass(lep_x, lep_y, lep_z, lep_energy, had_x, had_y, had_z, had_energy, math.nan, columns["DER_mass_vis"])
    _add_momenta(x, y, lep_x, lep_y, had_x, had_y, columns["DER_pt_h"])
    _delta_r(p["PRI_lep_eta"], p["PRI_had_eta"], lep_phi, had_phi, columns["DER_deltar_had_lep"])
    for number, jet in enumerate(JETS, 1):
        cos, sin = directions[jet]
        _add_jets(x, y, p["PRI_n_jets"], number, p[f"{jet}_pt"], cos, sin)
    _length(x, y, columns["DER_pt_tot"])
    _sums(p["PRI_had_pt"], p["PRI_lep_pt"], p["PRI_jet_all_pt"], columns["DER_sum_pt"])
    np.divide(p["PRI_lep_pt"], p["PRI_had_pt"], out=columns["DER_pt_ratio_lep_had"], casting="same_kind")
    _fill_centrality(met_phi, lep_phi, had_phi, columns["DER_met_phi_centrality"])


def _dijet_events(p: Mapping[str, FloatArray], directions: Directions) -> tuple[FloatArray, ...]:
    """The features `DIJET` of events that have at least two jets."""
    eta_1, eta_2 = (p[f"{name}_eta"] for name in JETS)
    mass, exponent = np.empty(len(eta_1), np.float32), np.empty_like(eta_1)
    x_1, y_1, z_1, energy_1 = _momentum(p, directions, JETS[0])
    x_2, y_2, z_2, energy_2 = _momentum(p, directions, JETS[1])
    _mass(x_1, y_1, z_1, energy_1, x_2, y_2, z_2, energy_2, _NOTHING, mass)
    _exponent(eta_1, eta_2, p["PRI_lep_eta"], exponent)
    return np.abs(eta_2 - eta_1), mass, eta_1 * eta_2, np.exp(exponent)


def _fill_centrality(met_phi: FloatArray, lep_phi: FloatArray, had_phi: FloatArray, out: SingleArray) -> None:
    """Where MET lies between lepton and hadronic tau in the transverse plane, from -sqrt 2 to sqrt 2."""
    _centrality(np.sin(had_phi - lep_phi), np.sin(met_phi - lep_phi), np.sin(had_phi - met_phi), out)
    null = np.flatnonzero(out == UNDEFINED)
    if len(null):
        met_phi, lep_phi, had_phi, again = met_phi[null], lep_phi[null] + 1e-4, had_phi[null], out[null]
        _centrality(np.sin(had_phi - lep_phi), np.sin(met_phi - lep_phi), np.sin(had_phi - met_phi), again)
        out[null] = again


def cos_sin(phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cosine and sine of azimuths."""
    return np.cos(phi), np.sin(phi)


def _momentum(p: Mapping[str, FloatArray], directions: Directions, name: str) -> tuple[FloatArray, ...]:
    """Massless four-vector (x, y, z, E) in GeV of the object `name`."""
    pt, eta, (cos, sin) = p[f"{name}_pt"], p[f"{name}_eta"], directions[name]
    sinh, cosh = _SINH_COSH(eta) if eta.dtype == np.float32 else (np.sinh(eta), np.cosh(eta))
    return pt * cos, pt * sin, pt * sinh, pt * cosh


class _Lookup:
    """Two functions of numbers with 3 decimals, which the azimuths and pseudorapidities of the challenge are.

    Where numbers have others the functions are computed; in both cases the results are numpy's to the last bit.
    """

    def __init__(self, largest: int, dtype: npt.DTypeLike, *functions: Callable[[FloatArray], FloatArray]) -> None:
        self._functions = functions
        # Smaller than all others is what an undefined number has.
        self._numbers = np.append(UNDEFINED, np.arange(-largest, largest + 1) / 1000).astype(dtype)
        self._values = [function(self._numbers) for function in functions]

    def __call__(self, numbers: FloatArray) -> list[FloatArray]:
        found, (first, second) = (np.empty_like(numbers), np.empty_like(numbers)), self._values
        if _looked_up(numbers, self._numbers, first, second, found[0], found[1]):
            return [*found]
        return [function(numbers) for function in self._functions]


@compiled
def _looked_up(
    numbers: FloatArray,
    table: FloatArray,
    first: FloatArray,
    second: FloatArray,
    out_first: FloatArray,
    out_second: FloatArray,
) -> bool:
    """Take two functions of `numbers` from a table; returns whether all numbers are in it."""
    zero, absent, per_unit = len(table) // 2, 0, numbers.dtype.type(1000)
    for i in range(len(numbers)):
        place = int(np.rint(numbers[i] * per_unit)) + zero
        place = min(max(place, 0), len(table) - 1)
        absent += table[place] != numbers[i]
        out_first[i], out_second[i] = first[place], second[place]
    return absent == 0


#: What numpy computes slowly: trigonometric functions of doubles, hyperbolic ones at all. Azimuths in radians.
_COS_SIN = _Lookup(3142, np.float64, np.cos, np.sin)
_SINH_COSH = _Lookup(5000, np.float32, np.sinh, np.cosh)


#: What the official program makes of the roots of some negative numbers; of others it makes NaN.
_NOTHING = -0.0


@compiled
def _transverse_mass(
    met: FloatArray,
    met_x: FloatArray,
    met_y: FloatArray,
    pt: FloatArray,
    x: FloatArray,
    y: FloatArray,
    out: SingleArray,
) -> None:
    """Transverse mass in GeV of MET and an object; -0.0 where rounding makes its square negative."""
    for i in range(len(out)):
        energy, sum_x, sum_y = met[i] + pt[i], met_x[i] + x[i], met_y[i] + y[i]
        mass2 = energy * energy - sum_x * sum_x - sum_y * sum_y
        out[i] = _NOTHING if mass2 < 0 else np.sqrt(mass2)


@compiled
def _mass(
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    energy: FloatArray,
    other_x: FloatArray,
    other_y: FloatArray,
    other_z: FloatArray,
    other_energy: FloatArray,
    of_negative: float,
    out: SingleArray,
) -> None:
    """Invariant mass in GeV of two four-vectors; `of_negative` where rounding makes its square negative."""
    for i in range(len(out)):
        e, a, b, c = energy[i] + other_energy[i], x[i] + other_x[i], y[i] + other_y[i], z[i] + other_z[i]
        mass2 = e * e - a * a - b * b - c * c
        out[i] = of_negative if mass2 < 0 else np.sqrt(mass2)


@compiled
def _add_momenta(
    met_x: FloatArray,
    met_y: FloatArray,
    lep_x: FloatArray,
    lep_y: FloatArray,
    had_x: FloatArray,
    had_y: FloatArray,
    out: SingleArray,
) -> None:
    """Add lepton and tau to MET, in place; its length then is the pT of the Higgs boson."""
    for i in range(len(out)):
        met_x[i] = had_x[i] + lep_x[i] + met_x[i]
        met_y[i] = had_y[i] + lep_y[i] + met_y[i]
    _length(met_x, met_y, out)


@compiled
def _add_jets(
    x: FloatArray,
    y: FloatArray,
    jets: FloatArray,
    number: int,
    pt: FloatArray,
    cos: FloatArray,
    sin: FloatArray,
) -> None:
    """Add the jet of that `number`, in place, in the events that have so many."""
    for i in range(len(x)):
        if jets[i] >= number:
            x[i] += pt[i] * cos[i]
            y[i] += pt[i] * sin[i]


@compiled
def _length(x: FloatArray, y: FloatArray, out: SingleArray) -> None:
    for i in range(len(out)):
        out[i] = np.sqrt(x[i] * x[i] + y[i] * y[i])


@compiled
def _sums(had: FloatArray, lep: FloatArray, jets: FloatArray, out: SingleArray) -> None:
    for i in range(len(out)):
        out[i] = had[i] + lep[i] + jets[i]


@compiled
def _delta_r(
    lep_eta: FloatArray, had_eta: FloatArray, lep_phi: FloatArray, had_phi: FloatArray, out: SingleArray
) -> None:
    number = lep_phi.dtype.type
    pi, three_pi, two_pi, four_pi = number(np.pi), number(3 * np.pi), number(2 * np.pi), number(2 * np.pi) * number(2)
    for i in range(len(out)):
        # np.mod(angle, 2 pi) for angles below 8 pi, to the last bit: both subtractions are exact, and mod is slow.
        angle = lep_phi[i] - had_phi[i] + three_pi
        if angle >= four_pi:
            angle -= four_pi
        if angle >= two_pi:
            angle -= two_pi
        eta, angle = lep_eta[i] - had_eta[i], angle - pi
        out[i] = np.sqrt(eta * eta + angle * angle)


@compiled
def _centrality(side: FloatArray, from_lep: FloatArray, to_had: FloatArray, out: SingleArray) -> None:
    """The centrality from sines of differences of azimuths; `UNDEFINED` where its denominator is 0."""
    one, undefined = side.dtype.type(1), np.float32(UNDEFINED)
    for i in range(len(out)):
        sign = one if side[i] > 0 else (-one if side[i] < 0 else side[i])
        a, b = from_lep[i] * sign, to_had[i] * sign
        norm = np.sqrt(a * a + b * b)
        out[i] = np.float32((a + b) / norm) if norm != 0 else undefined


@compiled
def _exponent(eta_1: FloatArray, eta_2: FloatArray, eta: FloatArray, out: FloatArray) -> None:
    """The exponent of the centrality of the pseudorapidity `eta` between those of two jets."""
    number = eta.dtype.type
    least, two, four = number(1e-4), number(2), number(-4)
    for i in range(len(out)):
        separation, distance = eta_1[i] - eta_2[i], eta[i] - (eta_1[i] + eta_2[i]) / two
        separation2 = separation * separation
        if separation2 == 0:
            separation2 += least
        out[i] = four / separation2 * (distance * distance)
