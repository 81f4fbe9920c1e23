"""Partons radiated in the initial state: the jets that the rest of the event recoils against.

Emissions are a Poisson process in the logarithm of their transverse momentum k, as in soft-gluon resummation and parton
showers: the hardest one
then has the Sudakov factor exp(-expected emissions above k) by itself.
"""

from dataclasses import dataclass

import numpy as np

from .vectors import azimuth

#: Softest emission followed one by one, in GeV; what is softer is part of the Gaussian soft recoil.
SOFTEST = 6.0
_LOG_K = np.linspace(np.log(2000.0), np.log(SOFTEST), 400)


@dataclass(frozen=True)
class Radiation:
    """How a process radiates; fitted to the jet multiplicity, jet pT, jet eta and pT of the recoil of the reference.

    Arguments:
        strength: emissions per unit of log k at small k.
        scale, curve, power: the rate falls as (1 + (k / scale)^curve)^-power.
        boost: a first emission of k raises the rate of the further ones by the factor 1 + boost log(1 + k / 30).
        follow: share of the recoiling system's rapidity that the emissions' rapidity is centred at.
        spread: width of the emissions' rapidity about it.
        narrowing: by how much that width shrinks per unit of log(k / 30).
        soft: width in GeV of each component of the recoil of everything below `SOFTEST`.
    """

    strength: float = 0.4
    scale: float = 50.0
    curve: float = 2.0
    power: float = 0.6
    boost: float = 0.3
    follow: float = 0.6
    spread: float = 1.8
    narrowing: float = 0.2
    soft: float = 5.0


def radiate(rng, n, model, slots=5, tilt=1.0):
    """Initial-state partons of `n` events, hardest first.

    Arguments:
        slots: number of emissions followed; further ones are dropped.
        tilt: the hardest emission's probability to be so hard, u, is drawn as v^tilt with v uniform: more hard ones.

    Returns:
        (pt, phi, rapidity about `follow` times the system's, weight): arrays (slots, n), weight (n,); pt is 0 for no emission.
    """
    density = model.strength * (1 + (np.exp(_LOG_K) / model.scale) ** model.curve) ** -model.power
    step = _LOG_K[0] - _LOG_K[1]
    expected = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * step)]).astype(np.float32)
    log_k = _LOG_K.astype(np.float32)
    v = 1 - rng.random(n, dtype=np.float32)
    weight = np.float32(tilt) * v ** np.float32(tilt - 1)
    depth = -np.log1p(-np.minimum(v ** np.float32(tilt), np.float32(0.9999999)))
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
    return pt, azimuth(rng, slots * n).reshape(slots, n), rapidity.astype(np.float32), weight
