"""Tau decays in the collinear approximation: the visible share x of the tau's energy, polarised and above a threshold.

Source: the spectra of Tsai, Phys. Rev. D 4 (1971) 2821, in the form of Bullock, Hagiwara and Martin,
Nucl. Phys. B 395 (1993) 499. A tau -> V nu with V of squared mass r m_tau^2 has
x = (1 + r)/2 + (1 - r)/2 cos, with cos distributed as (1 + a P cos)/2, where a = (1 - 2r)/(1 + 2r) for a spin-1 V and
1 for a pion.
"""

import numpy as np
import numpy.typing as npt

from ..arrays import FloatArray, Numbers

TAU_MASS = 1.777

#: Hadronic decays: share among the tagged ones (spec: pi 17%, rho 40%, a1 and multi-prong 43%), mass in GeV, width in
#: GeV of the Gaussian its squared mass is drawn with (PDG), and analysing power.
MODES = {"pi": (0.17, 0.140, 0.0, 1.0), "rho": (0.40, 0.775, 0.10, 0.45), "a1": (0.43, 1.23, 0.18, 0.02)}

#: Share of tau decays to an electron or a muon (PDG).
LEPTONIC_SHARE = 0.352

_GRID = np.linspace(0, 1, 2049)


def leptonic_survival(x: FloatArray, polarisation: Numbers) -> FloatArray:
    """Probability that the lepton takes more than the share `x` of the tau's energy.

    The spectrum is f(x) = 5/3 - 3x^2 + 4x^3/3 + P (1/3 - 3x^2 + 8x^3/3), its integral from x to 1 is returned.
    """
    x2 = x * x
    x3 = x2 * x
    unpolarised = 1 - x * 5 / 3 + x3 - x2 * x2 / 3
    polarised = -x / 3 + x3 - x2 * x2 * 2 / 3
    return unpolarised + polarisation * polarised


#: Inverse of `leptonic_survival` for P = -1, then for 1, over the fourth root of the survival, where it is smooth.
_INVERSE = np.concatenate(
    [np.interp(_GRID, leptonic_survival(_GRID, p)[::-1].clip(0) ** 0.25, _GRID[::-1]) for p in (-1, 1)]
).astype(np.float32)


def leptonic_share(survival: FloatArray, polarisation: npt.NDArray[np.integer]) -> FloatArray:
    """The share x above which the lepton lies with the probability `survival`, for P = -1 or 1 per event."""
    place = np.sqrt(np.sqrt(survival)) * np.float32(len(_GRID) - 1)
    cell = np.minimum(place.astype(np.int32), len(_GRID) - 2)
    at = cell + np.where(polarisation > 0, np.int32(len(_GRID)), np.int32(0))
    low = _INVERSE[at]
    share: FloatArray = low + (place - cell.astype(np.float32)) * (_INVERSE[at + 1] - low)
    return share


def hadronic_modes(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
    """Squared mass of the visible system in units of the tau's, and analysing power, each (n,) float32."""
    shares = np.cumsum([mode[0] for mode in MODES.values()])
    mode = np.searchsorted(shares[:-1], rng.random(n, dtype=np.float32)).astype(np.intp)
    _, mass, width, power = (np.array(column, np.float32) for column in zip(*MODES.values()))
    drawn = mass[mode] + width[mode] * rng.standard_normal(n, dtype=np.float32)
    return np.clip(np.abs(drawn) / np.float32(TAU_MASS), 0, 0.97) ** 2, power[mode]


def hadronic_survival(x: FloatArray, ratio: FloatArray, slope: FloatArray) -> FloatArray:
    """Probability that the visible hadrons take more than the share `x`.

    Arguments:
        ratio: squared visible mass over the tau's.
        slope: analysing power times polarisation.
    """
    cos: FloatArray = np.clip((2 * x - 1 - ratio) / (1 - ratio), -1, 1)
    return (1 - cos) / 2 * (1 + slope * (1 + cos) / 2)


def hadronic_share(survival: FloatArray, ratio: FloatArray, slope: FloatArray) -> FloatArray:
    """The share x above which the visible hadrons lie with the probability `survival`."""
    # survival = (1 - c)(2 + a + a c)/4, solved for c in the form that is stable for a = 0.
    root: FloatArray = np.sqrt(np.maximum((1 + slope) ** 2 - 4 * slope * survival, 0))
    cos = np.clip((2 + slope - 4 * survival) / (1 + root), -1, 1)
    return (1 + ratio) / 2 + (1 - ratio) / 2 * cos
