"""What is made with a Higgs boson beside initial-state radiation: quarks, a W or Z, a top pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arrays import FloatArray, SingleArray
from .vectors import FourVector, Place, azimuth, from_rapidity, two_body

if TYPE_CHECKING:
    from .resonance import Resonance

W_MASS = 80.4
#: Share of a W or Z made with the boson that is a W; decays of a W to an electron or muon, directly or by a tau (PDG).
W_SHARE, W_TO_LEPTON = 0.62, 0.25
#: Decays of a top pair to exactly one electron or muon.
TOPS_TO_LEPTON = 2 * W_TO_LEPTON * (1 - W_TO_LEPTON)
#: Mean pT in GeV of each jet of a top pair.
TOP_JET_PT = 70.0


def leptonic_shares(model: Resonance) -> tuple[float, float]:
    """Share of all events in which a W, or one of a top pair, made with the boson decays to an electron or muon."""
    return model.modes[1] * W_SHARE * W_TO_LEPTON, model.modes[2] * TOPS_TO_LEPTON


def without_lepton(rng: np.random.Generator, n: int, model: Resonance) -> tuple[SingleArray, SingleArray]:
    """Vector-boson fusion, a W or Z and a top pair in their shares, without an electron or muon.

    Arguments:
        model: `resonance.Resonance`.

    Returns:
        ((pt, phi, rapidity about the boson's), invisible): four partons, arrays (4, n), pT 0 for none; momentum (x, y)
        of neutrinos, array (2, n).
    """
    mode = np.searchsorted(np.cumsum(model.modes), rng.random(n, dtype=np.float32))
    extra = np.zeros((3, 4, n), np.float32)
    invisible = np.zeros((2, n), np.float32)
    u = rng.random((4, n), dtype=np.float32)
    angle = azimuth(rng, 4 * n).reshape(4, n)
    normal = rng.standard_normal((4, n), dtype=np.float32)
    vbf, vh, tth = mode == 0, mode == 1, mode == 2
    # Vector-boson fusion: dsigma/dpT^2 ~ 1/(pT^2 + scale^2)^2 for each quark.
    extra[0, :2, vbf] = np.minimum(model.quark_pt * np.sqrt(u[:2, vbf] / (1.0001 - u[:2, vbf])), 400).T
    extra[1, :2, vbf] = angle[:2, vbf].T
    extra[2, 0, vbf] = model.quark_rapidity + model.quark_spread * normal[0, vbf]
    extra[2, 1, vbf] = -model.quark_rapidity + model.quark_spread * normal[1, vbf]
    # W or Z: hadronic decays into two quarks, else (one in six of those without a second lepton) neutrinos.
    v_pt = -model.associated_pt / 2 * (np.log(1 - u[0]) + np.log(1 - u[1]))
    hadronic = vh & (u[2] < 0.83)
    split = u[3]
    half = 42 * normal[:2]
    for slot, part, sign in ((0, split, 1), (1, 1 - split, -1)):
        x, y = v_pt * np.cos(angle[0]) * part + sign * half[0], v_pt * np.sin(angle[0]) * part + sign * half[1]
        extra[0, slot, hadronic] = np.hypot(x, y)[hadronic]
        extra[1, slot, hadronic] = np.arctan2(y, x)[hadronic]
        extra[2, slot, hadronic] = (normal[2] + sign * 0.5 * normal[3])[hadronic]
    unseen = vh & ~hadronic
    invisible[0, unseen], invisible[1, unseen] = (v_pt * np.cos(angle[0]))[unseen], (v_pt * np.sin(angle[0]))[unseen]
    # Top pair: four jets.
    extra[0][:, tth] = -TOP_JET_PT * np.log(1 - u[:, tth])
    extra[1][:, tth] = angle[:, tth]
    extra[2][:, tth] = 1.2 * normal[:, tth]
    return extra, invisible


def with_lepton(rng: np.random.Generator, n: int, model: Resonance) -> tuple[Place, FourVector, FloatArray]:
    """A W, or a top pair, made with the boson, with one electron or muon.

    Returns:
        (partons, lepton, invisible): as `without_lepton`, with the four-vector of the lepton.
    """
    shares = leptonic_shares(model)
    tops = rng.random(n, dtype=np.float32) * np.float32(sum(shares)) > np.float32(shares[0])
    w_pt = np.where(tops, np.float32(TOP_JET_PT), np.float32(model.associated_pt)) / 2
    w_pt = w_pt * rng.standard_gamma(2, n, dtype=np.float32)
    angle = azimuth(rng, n)
    rapidity = 1.2 * rng.standard_normal(n, dtype=np.float32)
    lepton, neutrino = two_body(rng, from_rapidity(w_pt * np.cos(angle), w_pt * np.sin(angle), rapidity, W_MASS))
    pt = np.float32(TOP_JET_PT) * rng.standard_exponential((4, n), dtype=np.float32) * tops
    jets = pt, azimuth(rng, 4 * n).reshape(4, n), 1.2 * rng.standard_normal((4, n), dtype=np.float32)
    return jets, lepton, np.stack(neutrino[:2])
