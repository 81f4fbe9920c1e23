"""Response of the ATLAS-like fast simulation: measured leptons, hadronic taus, jets and missing transverse momentum.

Source of the resolutions and thresholds: spec/simulation.md of the organisers' Delphes card; what is fitted says so.
"""

import numpy as np

from .vectors import wrap

#: Thresholds in GeV: leptons after the official selection; jets and hadronic taus before the scale correction.
MIN_LEP_PT, MIN_RAW_PT = 20.0, 20.0
MAX_LEP_ETA, MAX_HAD_ETA, MAX_JET_ETA = 2.5, 2.5, 4.9


def scale_correction(raw_pt, eta):
    """Factor from the raw pT of a jet to its corrected pT: sqrt((3 - 0.2 |eta|)^2 / pT + 1)."""
    return np.sqrt((3 - np.float32(0.2) * np.abs(eta)) ** 2 / raw_pt + 1)


def uncorrected(pt, eta):
    """Raw pT of a jet of the corrected `pt`: inverse of `scale_correction` times pT."""
    offset = (3 - np.float32(0.2) * np.abs(eta)) ** 2
    return (np.sqrt(offset**2 + 4 * pt**2) - offset) / 2


def hadronic_resolution(energy, eta):
    """Relative resolution of the calorimeter for hadrons of `energy` in GeV."""
    eta = np.abs(eta)
    central = eta < 1.7
    forward = eta > 3.2
    stochastic = np.where(forward, np.float32(1.0), np.where(central, np.float32(0.52), np.float32(0.71)))
    constant = np.where(forward, np.float32(0.094), np.where(central, np.float32(0.03), np.float32(0.05)))
    noise = np.where(central, np.float32(1.6), np.float32(0))
    return np.sqrt(stochastic**2 / energy + constant**2 + (noise / energy) ** 2)


def measure_jets(rng, pt, eta, response):
    """Raw calorimeter pT of partons, arrays of any shape; 0 stays 0.

    The response is below 1 (energy that leaves the cone or the calorimeter, neutrinos) and fluctuates with the
    hadronic resolution and with the fragmentation.
    """
    mean, fragmentation = response
    energy = np.maximum(pt, 1) * np.cosh(np.clip(eta, -6, 6))
    width = np.sqrt(hadronic_resolution(energy, eta) ** 2 * np.float32(0.6) + np.float32(fragmentation) ** 2)
    corrected = pt * np.float32(mean) * (1 + width * rng.standard_normal(pt.shape, dtype=np.float32))
    return uncorrected(np.maximum(corrected, 0), eta)


def jet_columns(raw, eta, phi):
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


def missing(x, y):
    """The MET primaries from its two components."""
    return {"PRI_met": np.hypot(x, y), "PRI_met_phi": np.arctan2(y, x)}


def near(eta, phi, other_eta, other_phi, radius):
    """Whether two directions are within `radius` in (eta, phi)."""
    return (eta - other_eta) ** 2 + wrap(phi - other_phi) ** 2 < radius**2
