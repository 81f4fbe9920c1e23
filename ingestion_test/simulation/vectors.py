"""Transverse momenta, rapidities and boosts on arrays (events,), GeV and radians."""

import numpy as np


def wrap(phi):
    """The angle `phi` brought to [-pi, pi]."""
    return phi - np.float32(2 * np.pi) * np.rint(phi * np.float32(0.5 / np.pi))


def azimuth(rng, n):
    """`n` uniform angles, float32."""
    return rng.random(n, dtype=np.float32) * np.float32(2 * np.pi) - np.float32(np.pi)


def isotropic(rng, n, shape=None):
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


def boost(p, frame):
    """The four-vector `p` = (x, y, z, E), given in the rest frame of the four-vector `frame`, seen from outside."""
    mass = np.sqrt(np.maximum(frame[3] ** 2 - frame[0] ** 2 - frame[1] ** 2 - frame[2] ** 2, 1e-6))
    along = (p[0] * frame[0] + p[1] * frame[1] + p[2] * frame[2]) / mass
    energy = along + p[3] * frame[3] / mass
    share = (along / (1 + frame[3] / mass) + p[3]) / mass
    return p[0] + share * frame[0], p[1] + share * frame[1], p[2] + share * frame[2], energy


def invariant_mass(p):
    """Mass in GeV of the four-vector `p`; rounding below 0 counts as 0."""
    return np.sqrt(np.maximum(p[3] ** 2 - p[0] ** 2 - p[1] ** 2 - p[2] ** 2, 0))


def from_rapidity(x, y, rapidity, mass):
    """Four-vector of a particle from transverse momentum (x, y), rapidity and mass."""
    transverse = np.sqrt(x**2 + y**2 + mass**2)
    return x, y, transverse * np.sinh(rapidity), transverse * np.cosh(rapidity)


def pseudorapidity(x, y, z):
    """Pseudorapidity of a momentum."""
    return np.arcsinh(z / np.maximum(np.hypot(x, y), 1e-3))


def two_body(rng, parent, mass1=0.0, mass2=0.0):
    """Four-vectors of the two daughters of `parent`, isotropic in its rest frame."""
    mass = invariant_mass(parent)
    energy1 = (mass**2 + mass1**2 - mass2**2) / (2 * mass)
    momentum = np.sqrt(np.maximum(energy1**2 - mass1**2, 0))
    x, y, z = (momentum * v for v in isotropic(rng, len(mass)))
    return boost((x, y, z, energy1), parent), boost((-x, -y, -z, mass - energy1), parent)
