"""Four-vectors of the official module `systematics`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

#: A number, or an array or Series of them.
Component = Any


class V4:
    """A four-vector, or many: its components are numbers, arrays or Series.

    Arguments:
        apx, apy, apz: momentum in GeV.
        ae: energy in GeV.

    Raises:
        ValueError: the energy is smaller than the momentum.

    >>> vector = V4()
    >>> vector.setPtEtaPhiM(pt=3.0, phi=0.0, m=4.0)
    >>> float(vector.e), float(vector.m())
    (5.0, 4.0)
    """

    px: Component = 0.0
    py: Component = 0.0
    pz: Component = 0.0
    e: Component = 0.0

    def __init__(self, apx: Component = 0.0, apy: Component = 0.0, apz: Component = 0.0, ae: Component = 0.0) -> None:
        self.px, self.py, self.pz, self.e = apx, apy, apz, ae
        if self.e + 1e-3 < self.p():
            raise ValueError(f"Energy is too small! Energy: {self.e}, p: {self.p()}")

    def copy(self) -> V4:
        """Another one with the same components."""
        return copy.deepcopy(self)

    def p2(self) -> Component:
        """Squared momentum."""
        return self.pt2() + self.pz**2

    def p(self) -> Component:
        """Momentum."""
        return np.sqrt(self.p2())

    def pt2(self) -> Component:
        """Squared transverse momentum."""
        return self.px**2 + self.py**2

    def pt(self) -> Component:
        """Transverse momentum."""
        return np.sqrt(self.pt2())

    def m(self) -> Component:
        """Mass; rounding that makes its square negative loses its sign."""
        return np.sqrt(np.abs(self.e**2 - self.p2()))

    def eta(self) -> Component:
        """Pseudorapidity."""
        return np.arcsinh(self.pz / self.pt())

    def phi(self) -> Component:
        """Azimuth in radians."""
        return np.arctan2(self.py, self.px)

    def deltaPhi(self, v: V4) -> Component:
        """Difference of the azimuths, wrapped to [-pi, pi)."""
        return (self.phi() - v.phi() + 3 * np.pi) % (2 * np.pi) - np.pi

    def deltaEta(self, v: V4) -> Component:
        """Difference of the pseudorapidities."""
        return self.eta() - v.eta()

    def deltaR(self, v: V4) -> Component:
        """Distance in azimuth and pseudorapidity."""
        return np.sqrt(self.deltaPhi(v) ** 2 + self.deltaEta(v) ** 2)

    def eWithM(self, m: Component = 0.0) -> Component:
        """The energy that it would have with the mass `m`."""
        return np.sqrt(self.p2() + m**2)

    def scale(self, factor: Component = 1.0) -> None:
        """Multiply all components; the energy stays positive."""
        self._multiply(factor)
        self.e = np.abs(factor * self.e)

    def scaleFixedM(self, factor: Component = 1.0) -> None:
        """Multiply the momentum, and keep the mass."""
        mass = self.m()
        self._multiply(factor)
        self.e = self.eWithM(mass)

    def _multiply(self, factor: Component) -> None:
        self.px, self.py, self.pz = self.px * factor, self.py * factor, self.pz * factor

    def setPtEtaPhiM(self, pt: Component = 0.0, eta: Component = 0.0, phi: Component = 0.0, m: Component = 0) -> None:
        """Set all components."""
        self.px, self.py, self.pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
        self.e = self.eWithM(m)

    def sum(self, v: V4) -> None:
        """Add another one to this."""
        self.px, self.py, self.pz, self.e = self.px + v.px, self.py + v.py, self.pz + v.pz, self.e + v.e

    def __iadd__(self, other: V4) -> V4:
        if not isinstance(other, V4):
            return NotImplemented
        self.sum(other)
        return self

    def __add__(self, other: V4) -> V4:
        if not isinstance(other, V4):
            return NotImplemented
        total = self.copy()
        total.sum(other)
        return total

    def __str__(self) -> str:
        cartesian, polar = (self.px, self.py, self.pz, self.e), (self.pt(), self.eta(), self.phi(), self.m())
        return f"PxPyPzE( {','.join(map(str, cartesian))})<=>PtEtaPhiM( {','.join(map(str, polar))}) "
