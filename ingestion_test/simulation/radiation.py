"""Partons radiated in the initial state: the jets that the rest of the event recoils against.

Emissions are a Poisson process in the logarithm of their transverse momentum k, as in soft-gluon resummation and parton
showers, so that the hardest one has the Sudakov factor exp(-expected emissions above k) by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray, SingleArray
from .vectors import azimuth, wrap

#: Softest emission followed one by one, in GeV; what is softer is part of the Gaussian soft recoil.
SOFTEST = 6.0
#: Where the rate is given, in GeV; between them its logarithm is linear in log k.
NODES = (6.0, 14.0, 22.0, 32.0, 45.0, 65.0, 100.0, 160.0, 280.0, 800.0)
#: Where the rate of further emissions is given relative to that of the first, in GeV.
FURTHER_NODES = (10.0, 22.0, 45.0, 90.0, 200.0)
#: Logarithms of transverse momenta from hard to soft. Below `SOFTEST` only scaled ones are looked up.
_LOG_K = np.linspace(np.log(2000.0), np.log(SOFTEST / 6), 500)


@dataclass(frozen=True)
class Radiation:
    """How a process radiates; fitted to the jet multiplicity, jet pT, jet eta and pT of the recoil of the reference.

    Arguments:
        rate: natural logarithm of the number of emissions per unit of log k at `NODES`.
        further: natural logarithm of the rate of further emissions over that of the first at `FURTHER_NODES`.
        stretch: a first emission of k hardens the further ones: their rate is that of momenta smaller by the factor
            1 + stretch k / 100, as the scale of the process grows with k.
        boost: every emission of k also raises the rate of the further ones, by boost log(1 + k / 30) times what it
            would be, as it radiates itself.
        recoil: further emissions at the angle phi from the first have the density 1 - recoil cos(phi).
        follow: share of the recoiling system's rapidity that the emissions' rapidity is centred at.
        spread: width of the emissions' rapidity about it.
        narrowing: by how much that width shrinks per unit of log(k / 30).
        cluster: share of the first emission's rapidity that the further ones' is centred at.
        soft: width in GeV of each component of the recoil of everything below `SOFTEST`.
    """

    rate: Sequence[float]
    further: Sequence[float]
    stretch: float
    boost: float
    recoil: float
    follow: float
    spread: float
    narrowing: float
    cluster: float
    soft: float


def radiate(
    rng: np.random.Generator, n: int, model: Radiation, slots: int = 5, chance: FloatArray | None = None
) -> tuple[SingleArray, SingleArray, SingleArray]:
    """Initial-state partons of `n` events, hardest first.

    Arguments:
        slots: number of emissions followed; further ones are dropped.
        chance: the probability of a hardest emission as hard or harder, array (n,); None to draw it here.

    Returns:
        (pt, phi, rapidity about `follow` times the system's): arrays (slots, n); pt is 0 for no emission.
    """
    log_k = _LOG_K.astype(np.float32)
    first, further = _expected(model.rate), _expected(model.rate, model.further)
    if chance is None:
        chance = 1 - rng.random(n, dtype=np.float32)
    depth = -np.log1p(-np.minimum(chance, np.float32(0.9999999)))
    pt = np.zeros((slots, n), np.float32)
    pt[0] = np.exp(np.interp(depth, first, log_k))
    scale = np.log1p(np.float32(model.stretch / 100) * pt[0])
    pt[0, pt[0] < SOFTEST] = 0
    rows = np.flatnonzero(pt[0])
    depth[rows] = np.interp(scale[rows] - np.log(pt[0, rows]), -log_k, further)
    rise = np.ones(n, np.float32)
    for slot in range(1, slots):
        rise += np.float32(model.boost) * np.log1p(pt[slot - 1] / 30)
        depth += rng.standard_exponential(n, dtype=np.float32) / rise
        # After an emission too soft to be followed, all further ones are.
        rows = np.flatnonzero((pt[slot - 1] > 0) & (depth < further[-1]))
        k = np.exp(np.interp(depth[rows], further, log_k) + scale[rows])
        pt[slot, rows] = np.where(k < SOFTEST, 0, k)
    width = model.spread - model.narrowing * np.log(np.maximum(pt, SOFTEST) / 30)
    rapidity = np.maximum(width, 0.3) * rng.standard_normal((slots, n), dtype=np.float32)
    rapidity[1:] += np.float32(model.cluster) * rapidity[0]
    phi = azimuth(rng, slots * n).reshape(slots, n)
    # Of the angles to the first emission, some below 90 degrees are turned round.
    cos = np.cos(phi[1:])
    phi[1:] += np.float32(np.pi) * (rng.random((slots - 1, n), dtype=np.float32) < np.float32(model.recoil) * cos)
    phi[1:] = wrap(phi[1:] + phi[0])
    return pt, phi, rapidity.astype(np.float32)


def _expected(rate: Sequence[float], further: Sequence[float] | None = None) -> SingleArray:
    """Expected emissions harder than each of `_LOG_K`, array (500,) float32: of the first, or of further ones."""
    log_density = np.interp(_LOG_K, np.log(NODES), rate)
    if further is not None:
        log_density += np.interp(_LOG_K, np.log(FURTHER_NODES), further)
    density, step = np.exp(log_density), _LOG_K[0] - _LOG_K[1]
    return np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * step)]).astype(np.float32)
