"""Response of the ATLAS-like fast simulation: measured leptons, hadronic taus, jets and missing transverse momentum.

Source of the resolutions and thresholds: the organisers' Delphes card; what is fitted says so
(docs/simulation.md#where-each-number-comes-from).
"""

from dataclasses import dataclass

import numpy as np

from ..arrays import BoolArray, Columns, FloatArray, IntArray, SingleArray
from .vectors import Place, Vector, wrap

#: Thresholds in GeV: leptons after the official selection; jets and hadronic taus before the scale correction.
MIN_LEP_PT, MIN_RAW_PT = 20.0, 20.0
MAX_LEP_ETA, MAX_HAD_ETA, MAX_JET_ETA = 2.5, 2.5, 4.9


#: Jet radius; a measured parton harder than ISOLATION_PT (GeV) within ISOLATION_RADIUS of the lepton, or within the jet
#: radius of the tau, spoils it.
JET_RADIUS, ISOLATION_RADIUS, ISOLATION_PT = 0.6, 0.5, 8.0
#: Relative resolution of the lepton's pT.
LEP_RESOLUTION = 0.015
#: Efficiency of electrons and muons within |eta| < 1.5 and beyond; no other efficiency depends on the event.
LEP_EFFICIENCY = 0.95, 0.85
#: Mean efficiency of the tau tag (0.70 for one track, 0.60 for three).
HAD_EFFICIENCY = 0.67
#: pT in GeV above which a second lepton is found and spoils the event.
MIN_VETO_PT = 15.0


@dataclass(frozen=True)
class Response:
    """What the specification leaves open of the detector; fitted to the reference (`tune`).

    Arguments:
        jet: mean corrected pT of a jet over its parton's pT.
        fragmentation: relative width of the jet's response beyond the calorimeter's resolution.
        tail: mean share of a jet that neutrinos and leakage take, exponentially distributed.
        had, had_width: the same two for the visible part of a hadronic tau.
        underlying: mean pT in GeV that the underlying event adds to a hadronic tau, exponentially distributed.
        noise: width in GeV of each component of MET from the underlying event.
        noise_spread: width of the logarithm of that width from event to event.
        soft: measured share of the recoil that is not in jets.
    """

    jet: float
    fragmentation: float
    tail: float
    had: float
    had_width: float
    underlying: float
    noise: float
    noise_spread: float
    soft: float


def scale_correction(raw_pt: FloatArray | np.floating, eta: FloatArray) -> FloatArray:
    """Factor from the raw pT of a jet to its corrected pT: sqrt((3 - 0.2 |eta|)^2 / pT + 1)."""
    factor: FloatArray = np.sqrt((3 - np.float32(0.2) * np.abs(eta)) ** 2 / raw_pt + 1)
    return factor


def uncorrected(pt: FloatArray, eta: FloatArray) -> FloatArray:
    """Raw pT of a jet of the corrected `pt`: inverse of `scale_correction` times pT."""
    offset: FloatArray = (3 - np.float32(0.2) * np.abs(eta)) ** 2
    root: FloatArray = np.sqrt(offset**2 + 4 * pt**2)
    return (root - offset) / 2


#: Squares of the stochastic (GeV^1/2), constant and noise (GeV) terms of the hadronic resolution, each within
#: |eta| < 1.7, up to 3.2 and beyond.
_HADRONIC = np.array([(0.52**2, 0.71**2, 1.0**2), (0.03**2, 0.05**2, 0.094**2), (1.6**2, 0.0, 0.0)], np.float32)


def hadronic_resolution2(energy: FloatArray, eta: FloatArray) -> FloatArray:
    """Squared relative resolution of the calorimeter for hadrons of `energy` in GeV."""
    eta = np.abs(eta)
    middle, forward = (eta >= np.float32(1.7)), (eta > np.float32(3.2))
    stochastic, constant, noise = (t[0] + middle * (t[1] - t[0]) + forward * (t[2] - t[1]) for t in _HADRONIC)
    square: FloatArray = (stochastic + noise / energy) / energy + constant
    return square


def measured_share(
    rng: np.random.Generator, energy: FloatArray, eta: FloatArray, mean: float, width: float
) -> FloatArray:
    """Measured over true energy of hadrons, arrays of any shape: a Gaussian about `mean`, cut off near 0."""
    total = np.sqrt(np.float32(0.5) * hadronic_resolution2(energy, eta) + np.float32(width**2))
    share: FloatArray = np.float32(mean) * (1 + total * rng.standard_normal(eta.shape, dtype=np.float32))
    return np.maximum(share, np.float32(0.05))


def measure_jets(rng: np.random.Generator, pt: FloatArray, eta: FloatArray, response: Response) -> FloatArray:
    """Raw calorimeter pT of partons, arrays of any shape; 0 stays 0."""
    energy = np.maximum(pt, 1) * np.cosh(np.clip(eta, -6, 6))
    share = measured_share(rng, energy, eta, response.jet, response.fragmentation)
    share *= np.exp(np.float32(-response.tail) * rng.standard_exponential(pt.shape, dtype=np.float32))
    return uncorrected(pt * share, eta)


def merge(pt: FloatArray, eta: FloatArray, phi: FloatArray, slots: int | None = None) -> None:
    """Join partons closer than the jet radius, in place: the harder one takes the other's pT.

    Arguments:
        pt, eta, phi: arrays (slots, n).
        slots: number of leading slots that are compared; None for all.
    """
    for i in range(slots or len(pt)):
        for j in range(i):
            rows = np.flatnonzero((pt[i] > 0) & (pt[j] > 0))
            rows = rows[near(eta[i, rows], phi[i, rows], eta[j, rows], phi[j, rows], JET_RADIUS)]
            first_is_harder = pt[i, rows] > pt[j, rows]
            harder, softer = np.where(first_is_harder, i, j), np.where(first_is_harder, j, i)
            pt[harder, rows] += pt[softer, rows]
            pt[softer, rows] = 0


def lepton_efficiency(eta: FloatArray) -> SingleArray:
    """Efficiency of an electron or muon at `eta`."""
    return np.where(np.abs(eta) < 1.5, np.float32(LEP_EFFICIENCY[0]), np.float32(LEP_EFFICIENCY[1]))


def observe(
    rng: np.random.Generator,
    lep: Place,
    had: Place,
    jets: FloatArray,
    partons: Place,
    unseen: Vector,
    soft: FloatArray,
    response: Response,
) -> tuple[Columns, IntArray]:
    """The primaries of events, and which of them pass lepton and tau isolation.

    Arguments:
        lep, had: measured lepton and hadronic tau (pt, eta, phi), arrays (n,).
        jets: raw pT of the measured partons, array (slots, n).
        partons: (pt, eta, phi), arrays (slots, n).
        unseen: momentum (x, y) of the neutrinos plus true minus measured momentum of lepton and tau.
        soft: true momentum (x, y) of everything softer than the partons.
        response: `Response`.

    Returns:
        (columns, rows): dict from each primary to an array (kept,), integer array of the events kept.
    """
    pt, eta, phi = partons
    kept = (lep[0] > MIN_LEP_PT) & (had[0] > MIN_RAW_PT * scale_correction(np.float32(MIN_RAW_PT), had[1]))
    for slot in range(len(pt)):
        seen = jets[slot] > ISOLATION_PT
        kept &= ~(seen & near(eta[slot], phi[slot], lep[1], lep[2], ISOLATION_RADIUS))
        kept &= ~(seen & near(eta[slot], phi[slot], had[1], had[2], JET_RADIUS))
    rows = np.flatnonzero(kept)
    lost, phi = np.take(pt - jets, rows, axis=1), np.take(phi, rows, axis=1)
    n = len(lep[0])
    width = np.float32(response.noise) * np.exp(
        np.float32(response.noise_spread) * rng.standard_normal(n, dtype=np.float32)[rows]
    )
    noise = width * np.take(rng.standard_normal((2, n), dtype=np.float32), rows, axis=1)
    met = [
        unseen[i][rows] + np.float32(1 - response.soft) * soft[i][rows] + noise[i] + (lost * turn(phi)).sum(0)
        for i, turn in enumerate((np.cos, np.sin))
    ]
    columns = {f"PRI_lep_{c}": v[rows] for c, v in zip(("pt", "eta", "phi"), lep)}
    columns |= {f"PRI_had_{c}": v[rows] for c, v in zip(("pt", "eta", "phi"), had)}
    columns |= jet_columns(jets[:, rows], eta[:, rows], phi)
    return columns | {"PRI_met": np.hypot(*met), "PRI_met_phi": np.arctan2(met[1], met[0])}, rows


def fake(
    rng: np.random.Generator, jets: FloatArray, partons: Place, slope: float
) -> tuple[Place, FloatArray, Place, FloatArray, tuple[FloatArray, FloatArray]]:
    """Take one jet as the hadronic tau.

    Arguments:
        jets: raw pT of the measured partons, array (slots, n).
        partons: (pt, eta, phi), arrays (slots, n).
        slope: raw pT in GeV over which the chance of a jet falls to 1/e (harder jets have more tracks).

    Returns:
        measured tau (pt, eta, phi); sum of the chances of all jets; partons and jets without it; its true minus its
        measured momentum (x, y).
    """
    pt, eta, phi = partons
    candidate = (jets > MIN_RAW_PT) & (np.abs(eta) < MAX_HAD_ETA)
    chance = np.where(candidate, np.exp(-jets / np.float32(slope)), 0)
    running = np.cumsum(chance, axis=0)
    pick = np.minimum((running < running[-1] * rng.random(len(running[-1]))).sum(0), len(jets) - 1)
    at = pick, np.arange(len(pick))
    raw = np.maximum(jets[at], 1)
    had = raw * scale_correction(raw, eta[at]), eta[at], phi[at]
    lost = (pt - jets)[at]
    pt, jets = pt.copy(), jets.copy()
    pt[at] = jets[at] = 0
    return had, running[-1], (pt, eta, phi), jets, (lost * np.cos(had[2]), lost * np.sin(had[2]))


def jet_columns(raw: FloatArray, eta: FloatArray, phi: FloatArray) -> Columns:
    """The jet primaries from raw jets, arrays (slots, n); what fails a threshold is no jet."""
    is_jet = (raw > MIN_RAW_PT) & (np.abs(eta) < MAX_JET_ETA)
    pt = np.where(is_jet, raw * scale_correction(np.maximum(raw, 1), eta), 0)
    columns = {"PRI_n_jets": is_jet.sum(0).astype(np.float32), "PRI_jet_all_pt": pt.sum(0)}
    left = pt.copy()
    events = np.arange(pt.shape[1])
    for name in ("leading", "subleading"):
        slot = left.argmax(0)
        found = left[slot, events] > 0
        for column, values in (("pt", pt), ("eta", eta), ("phi", phi)):
            columns[f"PRI_jet_{name}_{column}"] = np.where(found, values[slot, events], np.float32(-25))
        left[slot, events] = 0
    return columns


def near(eta: FloatArray, phi: FloatArray, other_eta: FloatArray, other_phi: FloatArray, radius: float) -> BoolArray:
    """Whether two directions are within `radius` in (eta, phi)."""
    return (eta - other_eta) ** 2 + wrap(phi - other_phi) ** 2 < radius**2
