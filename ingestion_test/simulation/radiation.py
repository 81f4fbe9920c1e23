"""Partons radiated in the initial state: the jets that the rest of the event recoils against.

Emissions are a Poisson process in the logarithm of their transverse momentum k, as in soft-gluon resummation and parton
showers, so that the hardest one has the Sudakov factor exp(-expected emissions above k) by itself.
"""

from dataclasses import dataclass

import numpy as np

from .vectors import azimuth

#: Softest emission followed one by one, in GeV; what is softer is part of the Gaussian soft recoil.
SOFTEST = 6.0
#: Where the rate is given, in GeV; between them its logarithm is linear in log k.
NODES = (6.0, 14.0, 22.0, 32.0, 45.0, 65.0, 100.0, 160.0, 280.0, 800.0)
_LOG_K = np.linspace(np.log(2000.0), np.log(SOFTEST), 400)


@dataclass(frozen=True)
class Radiation:
    """How a process radiates; fitted to the jet multiplicity, jet pT, jet eta and pT of the recoil of the reference.

    Arguments:
        rate: natural logarithm of the number of emissions per unit of log k at `NODES`.
        boost: a first emission of k raises the rate of the further ones by the factor 1 + boost log(1 + k / 30).
        follow: share of the recoiling system's rapidity that the emissions' rapidity is centred at.
        spread: width of the emissions' rapidity about it.
        narrowing: by how much that width shrinks per unit of log(k / 30).
        soft: width in GeV of each component of the recoil of everything below `SOFTEST`.
    """

    rate: tuple
    boost: float
    follow: float
    spread: float
    narrowing: float
    soft: float


def radiate(rng, n, model, slots=5, chance=None):
    """Initial-state partons of `n` events, hardest first.

    Arguments:
        slots: number of emissions followed; further ones are dropped.
        chance: the probability of a hardest emission as hard or harder, array (n,); None to draw it here.

    Returns:
        (pt, phi, rapidity about `follow` times the system's): arrays (slots, n); pt is 0 for no emission.
    """
    density = np.exp(np.interp(_LOG_K, np.log(NODES), model.rate))
    step = _LOG_K[0] - _LOG_K[1]
    expected = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * step)]).astype(np.float32)
    log_k = _LOG_K.astype(np.float32)
    if chance is None:
        chance = 1 - rng.random(n, dtype=np.float32)
    depth = -np.log1p(-np.minimum(chance, np.float32(0.9999999)))
    pt = np.zeros((slots, n), np.float32)
    rise = np.ones(n, np.float32)
    for slot in range(slots):
        if slot:
            depth = depth + rng.standard_exponential(n, dtype=np.float32) / rise
        emitted = depth < expected[-1]
        pt[slot] = np.where(emitted, np.exp(np.interp(depth, expected, log_k)), 0)
        if slot == 0:
            rise += np.float32(model.boost) * np.log1p(pt[0] / 30)
    width = model.spread - model.narrowing * np.log(np.maximum(pt, SOFTEST) / 30)
    rapidity = np.maximum(width, 0.3) * rng.standard_normal((slots, n), dtype=np.float32)
    return pt, azimuth(rng, slots * n).reshape(slots, n), rapidity.astype(np.float32)
