"""ttbar (with single top) and diboson events with one lepton and one real or fake hadronic tau."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import Columns, FloatArray
from . import decays, detector
from .detector import Response
from .radiation import Radiation, radiate
from .vectors import FourVector, Place, Vector, azimuth, from_rapidity, invariant_mass, pseudorapidity, two_body

TOP, W, Z = (172.5, 1.4), (80.4, 2.1), (91.19, 2.5)

#: Share of the events thrown in each channel; fixed, so that the random numbers do not change with the rates.
THROWN = {
    "tt:tau": 0.5, "tt:fake": 0.5, "tw:tau": 0.3, "tw:fake": 0.1,
    "ww:tau": 0.5, "ww:fake": 0.5, "zz:qq": 0.2, "zz:nunu": 0.25,
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """How a pair of heavy particles is made and measured.

    Arguments:
        mean_pt: mean transverse momentum in GeV of each particle in the pair's frame (Gamma distribution of order 2).
        spread, separation: widths of the pair's rapidity and of the half difference of the two.
        radiation: initial-state radiation.
        channels: relative rate of each channel.
        fake_slope: raw pT in GeV over which the chance of a jet to fake a tau falls to 1/e.
        alignment: of the W spins in diboson events: slope of the charged fermion's angle to the W's flight.
        response: of the detector.
    """

    mean_pt: float
    spread: float
    separation: float
    radiation: Radiation
    channels: dict[str, float]
    fake_slope: float
    alignment: float
    response: Response


def generate(rng: np.random.Generator, n: int, model: Pair) -> tuple[Columns, FloatArray]:
    """`n` thrown events of every channel in turn; returns (columns, weight) as `resonance.generate` does."""
    parts = []
    for name, share in model.channels.items():
        columns, weight = _channel(rng, max(int(n * THROWN[name]), 1), model, name)
        parts.append((columns, weight * np.float32(share / THROWN[name])))
    return {k: np.concatenate([part[0][k] for part in parts]) for k in parts[0][0]}, np.concatenate(
        [p[1] for p in parts]
    )


def _channel(rng: np.random.Generator, n: int, model: Pair, name: str) -> tuple[Columns, FloatArray]:
    pt, phi, relative = radiate(rng, n, model.radiation)
    soft = np.float32(model.radiation.soft) * rng.standard_normal((2, n), dtype=np.float32)
    recoil = -(pt * np.cos(phi)).sum(0) - soft[0], -(pt * np.sin(phi)).sum(0) - soft[1]
    rapidity = np.float32(model.spread) * rng.standard_normal(n, dtype=np.float32)
    event = _Event(n, rapidity, model.alignment)
    event.add_partons(pt, relative + model.radiation.follow * rapidity, phi)
    first, second = _produce(rng, n, model, recoil, rapidity, name)
    weight = CHANNELS[name](rng, event, first, second)
    return _measure(rng, event, weight, soft, model)


class _Event:
    """What an event holds before the detector: partons, lepton (empty until made), visible tau or None, neutrinos."""

    def __init__(self, n: int, rapidity: FloatArray, alignment: float) -> None:
        self.n, self.rapidity, self.alignment = n, rapidity, alignment
        self.partons: list[Place] = []
        self.lep: FourVector = ()
        self.tau: FourVector | None = None
        self.invisible: FloatArray = np.zeros((2, n), np.float32)

    def add_partons(self, pt: FloatArray, eta: FloatArray, phi: FloatArray) -> None:
        self.partons += list(zip(pt, eta, phi))

    def add_jet(self, p: FourVector) -> None:
        self.partons.append((np.hypot(p[0], p[1]), pseudorapidity(*p[:3]), np.arctan2(p[1], p[0])))

    def add_neutrino(self, p: Vector) -> None:
        self.invisible = self.invisible + np.stack([p[0], p[1]])


def _breit_wigner(
    rng: np.random.Generator, n: int, particle: tuple[float, float], low: float = 0.7, high: float = 1.3
) -> FloatArray:
    mass, width = particle
    angle = np.arctan(np.array([(low**2 - 1) * mass / width, (high**2 - 1) * mass / width]))
    drawn = angle[0] + (angle[1] - angle[0]) * rng.random(n, dtype=np.float32)
    masses: FloatArray = np.sqrt(mass**2 + mass * width * np.tan(drawn))
    return masses


def _produce(
    rng: np.random.Generator, n: int, model: Pair, recoil: Vector, rapidity: FloatArray, name: str
) -> list[FourVector]:
    """Four-vectors of the two heavy particles, recoiling against the radiation."""
    kinds = {"tt": (TOP, TOP), "tw": (TOP, W), "ww": (W, W), "zz": (Z, Z), "wz": (W, Z)}[name.split(":")[0]]
    masses = [_breit_wigner(rng, n, kind) for kind in kinds]
    hard = np.float32(model.mean_pt / 2) * rng.standard_gamma(2, n, dtype=np.float32)
    angle = azimuth(rng, n)
    half = np.float32(model.separation) * rng.standard_normal(n, dtype=np.float32)
    swap = np.where(rng.random(n) < 0.5, 1, -1)
    return [
        from_rapidity(
            sign * hard * np.cos(angle) + recoil[0] / 2,
            sign * hard * np.sin(angle) + recoil[1] / 2,
            rapidity + sign * swap * half,
            mass,
        )
        for sign, mass in zip((1, -1), masses)
    ]


def _top_to_w(rng: np.random.Generator, event: _Event, top: FourVector) -> tuple[FourVector, FourVector]:
    w, b = two_body(rng, top, _breit_wigner(rng, event.n, W), 4.8)
    event.add_jet(b)
    return w, b


def _helicity_weight(w: FourVector, b: FourVector, fermion: FourVector) -> FloatArray:
    """Weight of the charged fermion's angle to the b quark in the W rest frame: helicities 0 (70%) and left (30%)."""
    dot = fermion[3] * b[3] - fermion[0] * b[0] - fermion[1] * b[1] - fermion[2] * b[2]
    total = w[3] * b[3] - w[0] * b[0] - w[1] * b[1] - w[2] * b[2]
    cos = np.clip(1 - 2 * dot / total, -1, 1)
    return 0.7 * 1.5 * (1 - cos**2) + 0.3 * 0.75 * (1 + cos) ** 2


def _alignment_weight(event: _Event, w: FourVector, fermion: FourVector) -> FloatArray:
    """Weight of the charged fermion's angle to the flight of the W, both seen from the frame of the pair."""
    energy_w, energy = (p[3] * np.cosh(event.rapidity) - p[2] * np.sinh(event.rapidity) for p in (w, fermion))
    momentum = np.sqrt(np.maximum(energy_w**2 - invariant_mass(w) ** 2, 1))
    return np.maximum(1 + event.alignment * np.clip((2 * energy - energy_w) / momentum, -1, 1), 0)


def _to_lepton(rng: np.random.Generator, event: _Event, w: FourVector, share_tau: float = 0.05) -> FourVector:
    """W -> l nu, or in a few cases W -> tau nu -> l nu nu nu."""
    lep, nu = two_body(rng, w)
    event.add_neutrino(nu)
    through = rng.random(event.n) < share_tau
    x = np.where(through, decays.leptonic_share(rng.random(event.n, dtype=np.float32), np.full(event.n, -1)), 1)
    event.add_neutrino([(1 - x) * v for v in lep])
    event.lep = [x * v for v in lep]
    return lep


def _to_tau(rng: np.random.Generator, event: _Event, tau: FourVector, polarisation: float) -> FloatArray:
    """Hadronic decay of a tau with visible pT above threshold; returns its probability."""
    ratio, power = decays.hadronic_modes(rng, event.n)
    slope = power * np.float32(polarisation)
    least = np.minimum(15 / np.maximum(np.hypot(tau[0], tau[1]), 1), 1)
    survival = np.maximum(decays.hadronic_survival(least, ratio, slope), 0)
    x = decays.hadronic_share(survival * (1 - rng.random(event.n, dtype=np.float32)), ratio, slope)
    event.tau = [x * v for v in tau]
    event.add_neutrino([(1 - x) * v for v in tau])
    return survival


def _to_quarks(rng: np.random.Generator, event: _Event, w: FourVector) -> None:
    for quark in two_body(rng, w):
        event.add_jet(quark)


def _leptonic_w(
    rng: np.random.Generator, event: _Event, first: FourVector, second: FourVector, tops: int
) -> tuple[FloatArray, FourVector, FourVector | None]:
    w, b = _top_to_w(rng, event, first) if tops > 0 else (first, None)
    lep = _to_lepton(rng, event, w)
    weight = _helicity_weight(w, b, lep) if b is not None else _alignment_weight(event, w, lep)
    w2, b2 = _top_to_w(rng, event, second) if tops > 1 else (second, None)
    return weight, w2, b2


def _w_tau(rng: np.random.Generator, event: _Event, first: FourVector, second: FourVector, tops: int) -> FloatArray:
    weight, w2, b2 = _leptonic_w(rng, event, first, second, tops)
    tau, nu = two_body(rng, w2)
    event.add_neutrino(nu)
    weight = weight * (_helicity_weight(w2, b2, tau) if b2 is not None else _alignment_weight(event, w2, tau))
    return weight * _to_tau(rng, event, tau, -1.0)


def _w_fake(rng: np.random.Generator, event: _Event, first: FourVector, second: FourVector, tops: int) -> FloatArray:
    weight, w2, _ = _leptonic_w(rng, event, first, second, tops)
    _to_quarks(rng, event, w2)
    return weight


def _z_tau(rng: np.random.Generator, event: _Event, first: FourVector, second: FourVector, other: str) -> FloatArray:
    tau1, tau2 = two_body(rng, first)
    x = decays.leptonic_share(rng.random(event.n, dtype=np.float32), np.full(event.n, -1))
    event.lep = [x * v for v in tau1]
    event.add_neutrino([(1 - x) * v for v in tau1])
    weight = _to_tau(rng, event, tau2, -0.15)
    if other == "qq":
        _to_quarks(rng, event, second)
    else:
        event.add_neutrino(second)
    return weight


#: Channel -> function(rng, event, first, second) that decays the two and returns a weight.
CHANNELS: dict[str, Callable[[np.random.Generator, _Event, FourVector, FourVector], FloatArray]] = {
    "tt:tau": lambda r, e, a, b: _w_tau(r, e, a, b, 2),
    "tt:fake": lambda r, e, a, b: _w_fake(r, e, a, b, 2),
    "tw:tau": lambda r, e, a, b: _w_tau(r, e, a, b, 1),
    "tw:fake": lambda r, e, a, b: _w_fake(r, e, a, b, 1),
    "ww:tau": lambda r, e, a, b: _w_tau(r, e, a, b, 0),
    "ww:fake": lambda r, e, a, b: _w_fake(r, e, a, b, 0),
    "zz:qq": lambda r, e, a, b: _z_tau(r, e, a, b, "qq"),
    "zz:nunu": lambda r, e, a, b: _z_tau(r, e, a, b, "nunu"),
}


def _measure(
    rng: np.random.Generator, event: _Event, weight: FloatArray, soft: FloatArray, model: Pair
) -> tuple[Columns, FloatArray]:
    """From partons to the measured primaries; chooses the fake tau among the jets where there is no real one."""
    n = event.n
    pt, eta, phi = (np.stack([parton[i] for parton in event.partons]).astype(np.float32) for i in range(3))
    detector.merge(pt, eta, phi)
    jets = detector.measure_jets(rng, pt, eta, model.response)
    scale = 1 + np.float32(detector.LEP_RESOLUTION) * rng.standard_normal(n, dtype=np.float32)
    lep_eta = pseudorapidity(*event.lep[:3])
    lep = np.hypot(event.lep[0], event.lep[1]) * scale, lep_eta, np.arctan2(event.lep[1], event.lep[0])
    unseen = [event.invisible[i] + (1 - scale) * event.lep[i] for i in (0, 1)]
    partons = pt, eta, phi
    if event.tau is None:
        had, chance, partons, jets, lost = detector.fake(rng, jets, partons, model.fake_slope)
        weight = weight * chance
    else:
        had, lost = _measure_tau(rng, event.tau, model)
    unseen = unseen[0] + lost[0], unseen[1] + lost[1]
    columns, rows = detector.observe(rng, lep, had, jets, partons, unseen, soft, model.response)
    weight = weight * detector.lepton_efficiency(lep_eta)
    inside = (np.abs(lep_eta) < detector.MAX_LEP_ETA) & (np.abs(had[1]) < detector.MAX_HAD_ETA)
    inside &= ~detector.near(lep_eta, lep[2], had[1], had[2], detector.ISOLATION_RADIUS)
    kept = (inside & (weight > 0))[rows]
    return {name: v[kept] for name, v in columns.items()}, weight[rows[kept]]


def _measure_tau(rng: np.random.Generator, tau: FourVector, model: Pair) -> tuple[Place, tuple[FloatArray, FloatArray]]:
    """Measured hadronic tau (pt, eta, phi), and its true minus its measured momentum (x, y)."""
    true, eta = np.hypot(tau[0], tau[1]), pseudorapidity(*tau[:3])
    share = detector.measured_share(rng, np.maximum(tau[3], 5), eta, model.response.had, model.response.had_width)
    offset = model.response.underlying * rng.standard_exponential(len(true), dtype=np.float32)
    pt = true * share + offset
    lost = 1 - (detector.uncorrected(pt, eta) - offset) / true
    return (pt, eta, np.arctan2(tau[1], tau[0])), (lost * tau[0], lost * tau[1])
