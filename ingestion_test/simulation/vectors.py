"""Transverse momenta, rapidities and boosts on arrays (events,), GeV and radians."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..arrays import FloatArray, Numbers, SingleArray

#: Components of vectors: (x, y), (x, y, z) or (x, y, z, E).
Vector: TypeAlias = Sequence[FloatArray] | FloatArray
#: Components (x, y, z, E).
FourVector: TypeAlias = Sequence[FloatArray]
#: (pt, eta, phi) of particles.
Place: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]


def wrap(phi: FloatArray) -> FloatArray:
    """The angle `phi` brought to [-pi, pi]."""
    turns: FloatArray = np.rint(phi * np.float32(0.5 / np.pi))
    return phi - np.float32(2 * np.pi) * turns


def azimuth(rng: np.random.Generator, n: int) -> SingleArray:
    """`n` uniform angles, float32."""
    return rng.random(n, dtype=np.float32) * np.float32(2 * np.pi) - np.float32(np.pi)


def isotropic(
    rng: np.random.Generator, n: int, shape: str | None = None
) -> tuple[SingleArray, SingleArray, SingleArray]:
    """Unit vectors (x, y, z), each an array (n,) float32.

    Arguments:
        shape: None for an isotropic direction, or "1+cos2" for the angular distribution of Z -> fermions about z.
    """
    cos = 2 * rng.random(n, dtype=np.float32) - 1
    if shape == "1+cos2":
        # Of three uniform numbers, the outlying ones are more frequent: inverse of (3x + x^3)/4, Cardano's formula.
        half = np.sqrt(4 * cos**2 + 1)
        cos = np.cbrt(2 * cos + half) + np.cbrt(2 * cos - half)
    sin, phi = np.sqrt(np.maximum(1 - cos**2, 0)), azimuth(rng, n)
    return sin * np.cos(phi), sin * np.sin(phi), cos


def boost(p: Vector, frame: Vector) -> FourVector:
    """The four-vector `p` = (x, y, z, E), given in the rest frame of the four-vector `frame`, seen from outside."""
    mass = np.sqrt(np.maximum(frame[3] ** 2 - frame[0] ** 2 - frame[1] ** 2 - frame[2] ** 2, 1e-6))
    along = (p[0] * frame[0] + p[1] * frame[1] + p[2] * frame[2]) / mass
    energy = along + p[3] * frame[3] / mass
    share = (along / (1 + frame[3] / mass) + p[3]) / mass
    return p[0] + share * frame[0], p[1] + share * frame[1], p[2] + share * frame[2], energy


def invariant_mass(p: Vector) -> FloatArray:
    """Mass in GeV of the four-vector `p`; rounding below 0 counts as 0."""
    return np.sqrt(np.maximum(p[3] ** 2 - p[0] ** 2 - p[1] ** 2 - p[2] ** 2, 0))


def from_rapidity(x: FloatArray, y: FloatArray, rapidity: FloatArray, mass: Numbers) -> FourVector:
    """Four-vector of a particle from transverse momentum (x, y), rapidity and mass."""
    transverse = np.sqrt(x**2 + y**2 + mass**2)
    return x, y, transverse * np.sinh(rapidity), transverse * np.cosh(rapidity)


def pseudorapidity(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Pseudorapidity of a momentum."""
    return np.arcsinh(z / np.maximum(np.hypot(x, y), 1e-3))


def two_body(
    rng: np.random.Generator, parent: Vector, mass1: Numbers = 0.0, mass2: Numbers = 0.0
) -> tuple[FourVector, FourVector]:
    """Four-vectors of the two daughters of `parent`, isotropic in its rest frame."""
    mass = invariant_mass(parent)
    energy1 = (mass**2 + mass1**2 - mass2**2) / (2 * mass)
    momentum = np.sqrt(np.maximum(energy1**2 - mass1**2, 0))
    x, y, z = (momentum * v for v in isotropic(rng, len(mass)))
    return boost((x, y, z, energy1), parent), boost((-x, -y, -z, mass - energy1), parent)
