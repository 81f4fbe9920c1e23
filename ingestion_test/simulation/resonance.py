"""Z -> tau tau and H -> tau tau, one tau to a lepton and one to hadrons, from production to the measured primaries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..arrays import Columns, FloatArray, IntArray, Numbers, SingleArray
from . import decays, detector, modes
from .detector import Response
from .importance import draw
from .radiation import Radiation, radiate
from .vectors import FourVector, Place, isotropic, pseudorapidity

#: Decays tried per event; one is picked, the mean weight of all is kept (exact, see `_decay`).
TRIES = 4
#: Largest rapidity of the boson that can put both taus into the detector.
MAX_RAPIDITY = 2.8
#: Events thrown per event with a real hadronic tau: with a jet in its place, with the lepton of a W.
THROWN = {"fake": 0.08, "w": 0.03}
#: Decay shares of taus of equal and opposite helicity: mean tau polarisation of the Z.
Z_POLARISATION = -0.147


@dataclass(frozen=True)
class Resonance:
    """What tells Z from H.

    Arguments:
        mass, width: of the Breit-Wigner in GeV (width 0 for none).
        spread: width of the boson's rapidity distribution.
        angular: shape of the decay angle about the beam, as in `vectors.isotropic`.
        equal_helicities: whether both taus have the same sign of P (Z) or opposite ones (H).
        radiation: initial-state radiation.
        modes: share of events produced by vector-boson fusion, with a W or Z, and with a top pair.
        quark_pt: scale in GeV of the two quarks' transverse momenta in vector-boson fusion.
        quark_rapidity, quark_spread: mean and width of their distance in rapidity from the boson.
        associated_pt: mean pT in GeV of a W or Z made with the boson.
        fakes: chance of a jet to be taken for a hadronic tau of the right charge over the efficiency for a real one,
            extrapolated to jets of no pT.
        fake_slope: raw pT in GeV over which that chance falls to 1/e.
        proposal: grids, as in `importance.draw`, for the probabilities of radiation as hard, a mass as high and shares
            of lepton and hadronic tau as high as those of the event.
        response: of the detector.
    """

    mass: float
    width: float
    spread: float
    angular: str | None
    equal_helicities: bool
    radiation: Radiation
    modes: Sequence[float]
    quark_pt: float
    quark_rapidity: float
    quark_spread: float
    associated_pt: float
    fakes: float
    fake_slope: float
    proposal: Sequence[Sequence[float]]
    response: Response


def generate(rng: np.random.Generator, n: int, model: Resonance) -> tuple[Columns, FloatArray]:
    """`n` thrown events with a real hadronic tau, and as many of the other channels as `THROWN` says.

    Returns:
        (columns, weight): dict of the 16 primaries, arrays (accepted,), and their weights; the weights' sum over n is
        the acceptance.
    """
    chances, weight = draw(rng, n, model.proposal)
    parts = [from_chances(rng, chances, weight, model)[:2]]
    if model.fakes:
        parts.append(_fake_tau(rng, max(int(n * THROWN["fake"]), 1), model))
    if any(model.modes):
        parts.append(_lepton_from_w(rng, max(int(n * THROWN["w"]), 1), model))
    names = parts[0][0]
    return {name: np.concatenate([part[0][name] for part in parts]) for name in names}, np.concatenate(
        [part[1] for part in parts]
    )


def from_chances(
    rng: np.random.Generator, chances: FloatArray, weight: FloatArray, model: Resonance
) -> tuple[Columns, FloatArray, IntArray]:
    """Events with a real hadronic tau.

    Arguments:
        chances: the four probabilities that `Resonance.proposal` names, array (4, n).
        weight: array (n,).

    Returns:
        (columns, weight, rows): as `generate`, and the place of the accepted events among the n.
    """
    event = _produce(rng, model, chances[0])
    lep, had, chance, rapidity = _decay(rng, event.boson, model, chances[1:])
    # What no try lets pass must not pass below either.
    lep.pt = np.where(chance > 0, lep.pt, 0)
    partons, jets = _measured_partons(rng, event, rapidity, model)
    unseen = event.invisible + lep.missed + had.missed
    columns, rows = detector.observe(rng, lep.place, had.place, jets, partons, unseen, event.soft, model.response)
    return columns, (weight * chance)[rows], rows


def _fake_tau(rng: np.random.Generator, n: int, model: Resonance) -> tuple[Columns, FloatArray]:
    """Events with a jet taken for the hadronic tau and the second tau not found: (columns, weight)."""
    chances, weight = draw(rng, n, model.proposal)
    event = _produce(rng, model, chances[0])
    lep, other, chance, rapidity = _decay(rng, event.boson, model, chances[1:], found=(True, False))
    partons, jets = _measured_partons(rng, event, rapidity, model)
    had, fakes, partons, jets, lost = detector.fake(rng, jets, partons, model.fake_slope)
    partons, jets = _with_jet(other, partons, jets)
    unseen = event.invisible + lep.missed + other.missed + lost
    columns, rows = detector.observe(rng, lep.place, had, jets, partons, unseen, event.soft, model.response)
    share = model.fakes / (1 - decays.LEPTONIC_SHARE) / THROWN["fake"]
    return _positive(columns, (weight * chance * other.chance * fakes)[rows] * np.float32(share))


def _lepton_from_w(rng: np.random.Generator, n: int, model: Resonance) -> tuple[Columns, FloatArray]:
    """Events with the lepton of a W made with the boson, one of whose taus is not found: (columns, weight)."""
    event = _produce(rng, model, 1 - rng.random(n, dtype=np.float32), leptonic=True)
    assert event.lepton is not None
    chances = 1 - rng.random((3, n), dtype=np.float32)
    other, had, chance, rapidity = _decay(rng, event.boson, model, chances, found=(False, True))
    partons, jets = _with_jet(other, *_measured_partons(rng, event, rapidity, model))
    eta = pseudorapidity(*event.lepton[:3])
    true = np.hypot(*event.lepton[:2])
    scale = 1 + np.float32(detector.LEP_RESOLUTION) * rng.standard_normal(n, dtype=np.float32)
    lep = true * scale, eta, np.arctan2(event.lepton[1], event.lepton[0])
    unseen = event.invisible + other.missed + had.missed + (1 - scale) * np.stack(event.lepton[:2])
    columns, rows = detector.observe(rng, lep, had.place, jets, partons, unseen, event.soft, model.response)
    share = sum(modes.leptonic_shares(model)) / decays.LEPTONIC_SHARE / THROWN["w"]
    chance = chance * other.chance * detector.lepton_efficiency(eta) * (np.abs(eta) < detector.MAX_LEP_ETA)
    chance *= ~detector.near(eta, lep[2], had.eta, had.phi, detector.ISOLATION_RADIUS)
    return _positive(columns, chance[rows] * np.float32(share))


def _positive(columns: Columns, weight: FloatArray) -> tuple[Columns, FloatArray]:
    """The events of positive weight."""
    rows = np.flatnonzero(weight > 0)
    return {name: values[rows] for name, values in columns.items()}, weight[rows]


@dataclass
class _Event:
    """What is made with the boson.

    Arguments:
        pt, phi, relative: transverse momenta, azimuths and rapidities of partons, the latter about `Radiation.follow`
            times that of the boson, arrays (slots, n).
        soft, invisible: momentum (x, y) of everything softer, and of neutrinos, arrays (2, n).
        lepton: None, or the four-vector of the lepton of a W.
    """

    pt: FloatArray
    phi: FloatArray
    relative: FloatArray
    soft: FloatArray
    invisible: FloatArray
    lepton: FourVector | None

    @property
    def boson(self) -> FloatArray:
        """Transverse momentum (x, y) of the boson, which recoils against all."""
        lepton = np.stack(self.lepton[:2]) if self.lepton else 0
        partons = np.stack([(self.pt * turn(self.phi)).sum(0) for turn in (np.cos, np.sin)])
        return -partons - self.soft - self.invisible - lepton


def _produce(rng: np.random.Generator, model: Resonance, chance: FloatArray, leptonic: bool = False) -> _Event:
    """Everything but the boson; `leptonic`: with the lepton of a W or top quark."""
    n = len(chance)
    pt, phi, relative = radiate(rng, n, model.radiation, chance=chance)
    invisible, lepton = np.zeros((2, n), np.float32), None
    if leptonic:
        extra, lepton, invisible = modes.with_lepton(rng, n, model)
    elif any(model.modes):
        extra, invisible = modes.without_lepton(rng, n, model)
    if any(model.modes):
        pt, phi, relative = (np.concatenate(parts) for parts in zip(extra, (pt, phi, relative)))
    soft = np.float32(model.radiation.soft) * rng.standard_normal((2, n), dtype=np.float32)
    return _Event(pt, phi, relative, soft, invisible, lepton)


def _measured_partons(
    rng: np.random.Generator, event: _Event, rapidity: FloatArray, model: Resonance
) -> tuple[Place, FloatArray]:
    """Partons (pt, eta, phi) joined where they are close, and their raw measured pT, arrays (slots, n)."""
    partons = event.pt, event.relative + model.radiation.follow * rapidity, event.phi
    detector.merge(*partons, slots=4)
    return partons, detector.measure_jets(rng, partons[0], partons[1], model.response)


@dataclass
class _Tau:
    """A measured tau.

    Arguments:
        pt, eta, phi: of the visible part as measured, arrays (n,).
        missed: true minus measured momentum (x, y), array (2, n), with that of the neutrinos.
        chance: of a tau that must not be found: to be missed; else 1.
    """

    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    missed: FloatArray
    chance: Numbers = 1.0

    @property
    def place(self) -> Place:
        return self.pt, self.eta, self.phi


def _with_jet(tau: _Tau, partons: Place, jets: FloatArray) -> tuple[Place, FloatArray]:
    """`partons` and `jets` with what is seen of a tau that is not found: a jet, if it is hard enough for one."""
    pt, eta, phi = (np.concatenate([a, b[None]]) for a, b in zip(partons, tau.place))
    return (pt, eta, phi), np.concatenate([jets, tau.pt[None]])


def _decay(
    rng: np.random.Generator,
    boson: FloatArray,
    model: Resonance,
    chances: FloatArray,
    found: tuple[bool, bool] = (True, True),
) -> tuple[_Tau, _Tau, FloatArray, FloatArray]:
    """Decay bosons of transverse momentum `boson` = (x, y) so that lepton and hadronic tau pass their thresholds.

    Of `TRIES` decays one is picked with a probability proportional to its weight (the probability that rapidity,
    angles and visible shares pass), and the mean of the weights is the event's.

    Arguments:
        chances: the probabilities of a mass as high and of shares x of first and second tau as high, array (3, n).
        found: whether the first tau must give the lepton and the second the hadronic tau; one that need not may decay
            in any way and is measured by `_not_found`.

    Returns:
        first and second tau as `_Tau`, weight, rapidity of the boson; arrays (n,).
    """
    n = len(chances[0])
    mass = _breit_wigner(model, chances[0]) if model.width else np.float32(model.mass)
    boson_pt = np.hypot(*boson)
    tries = _directions(rng, boson_pt, mass, model)
    _measurement(rng, tries, model.response, found)
    ratio, power = decays.hadronic_modes(rng, n)
    weight_up, weight_down = _helicity_weights(tries, ratio, power, model, found)
    running = np.cumsum(weight_up + weight_down, axis=0)
    pick = (running < running[-1] * rng.random(n, dtype=np.float32)).sum(0)
    at = np.minimum(pick, TRIES - 1) * n + np.arange(n)
    up, down = weight_up.ravel()[at], weight_down.ravel()[at]
    helicity = np.where(up > rng.random(n, dtype=np.float32) * (up + down), np.int8(1), np.int8(-1))
    second = helicity if model.equal_helicities else -helicity
    t = {name: values.ravel()[at] for name, values in tries.items()}
    cos, sin = boson[0] / boson_pt, boson[1] / boson_pt
    tau1, tau2 = (boson_pt / 2 + t["across"], t["side"]), (boson_pt / 2 - t["across"], -t["side"])
    tau1, tau2 = (np.stack([x * cos - y * sin, x * sin + y * cos]) for x, y in (tau1, tau2))
    if found[0]:
        x1 = decays.leptonic_share(np.maximum(decays.leptonic_survival(t["x1"], helicity), 0) * chances[1], helicity)
        first = _Tau(
            t["pt1"] * x1 * t["scale1"], t["eta1"], np.arctan2(tau1[1], tau1[0]), (1 - x1 * t["scale1"]) * tau1
        )
    else:
        first = _not_found(rng, tau1, t["eta1"], helicity, chances[1], model.response)
    if found[1]:
        slope = power * second
        x2 = np.maximum(decays.hadronic_survival(t["x2"], ratio, slope), 0) * chances[2]
        x2 = decays.hadronic_share(x2, ratio, slope)
        pt = t["pt2"] * x2 * t["scale2"] + t["offset2"]
        seen = (detector.uncorrected(pt, t["eta2"]) - t["offset2"]) / t["pt2"]
        other = _Tau(pt, t["eta2"], np.arctan2(tau2[1], tau2[0]), (1 - seen) * tau2)
    else:
        other = _not_found(rng, tau2, t["eta2"], second, chances[2], model.response)
    return first, other, running[-1] / TRIES, t["rapidity"]


def _not_found(
    rng: np.random.Generator,
    momentum: FloatArray,
    eta: FloatArray,
    helicity: npt.NDArray[np.int8],
    chance: FloatArray,
    response: Response,
) -> _Tau:
    """A tau that decays in any way and is found neither as a lepton nor as a hadronic tau.

    Arguments:
        momentum: true (x, y), array (2, n).
        eta, helicity, chance: pseudorapidity, sign of P, the probability of a visible share as high; arrays (n,).

    Returns:
        `_Tau` with the raw pT of the jet that is seen of it, 0 for a lost lepton.
    """
    n = len(eta)
    hadronic = rng.random(n, dtype=np.float32) > np.float32(decays.LEPTONIC_SHARE)
    ratio, power = decays.hadronic_modes(rng, n)
    x = decays.hadronic_share(chance, ratio, power * helicity)
    x = np.where(hadronic, x, decays.leptonic_share(chance, helicity))
    pt = np.hypot(*momentum)
    energy = np.maximum(pt * x * np.cosh(np.clip(eta, -6, 6)), 1)
    share = detector.measured_share(rng, energy, eta, response.had, response.had_width)
    jet = np.where(hadronic, detector.uncorrected(pt * x * share, eta), 0)
    inside = np.abs(eta) < detector.MAX_HAD_ETA
    tagged = hadronic & inside & (jet > detector.MIN_RAW_PT)
    lepton = ~hadronic & inside & (pt * x > detector.MIN_VETO_PT)
    missed = np.where(tagged, 1 - np.float32(detector.HAD_EFFICIENCY), 1) * np.where(
        lepton, 1 - detector.lepton_efficiency(eta), 1
    )
    seen = np.where(hadronic, jet / np.maximum(pt, np.float32(1e-3)), x)
    return _Tau(jet, eta, np.arctan2(momentum[1], momentum[0]), (1 - seen) * momentum, missed)


def _directions(
    rng: np.random.Generator, boson_pt: FloatArray, mass: FloatArray | np.floating, model: Resonance
) -> Columns:
    """Taus of `TRIES` decays: dict of arrays (TRIES, n).

    The axes are the beam and the boson's transverse momentum: the momentum of the first tau is half of the boson's plus
    `across` along the latter and `side` perpendicular to both; the second has the rest.
    """
    shape = (TRIES, len(boson_pt))
    rapidity = np.float32(MAX_RAPIDITY) * (2 * rng.random(shape, dtype=np.float32) - 1)
    x, y, z = (mass / 2 * v.reshape(shape) for v in isotropic(rng, shape[0] * shape[1], model.angular))
    across = np.sqrt(1 + (boson_pt / mass) ** 2) * x
    pt1, pt2 = np.hypot(across + boson_pt / 2, y), np.hypot(boson_pt / 2 - across, y)
    eta1 = rapidity + np.arcsinh(z / np.maximum(pt1, 1e-3))
    eta2 = rapidity - np.arcsinh(z / np.maximum(pt2, 1e-3))
    return {"rapidity": rapidity, "across": across, "side": y, "pt1": pt1, "pt2": pt2, "eta1": eta1, "eta2": eta2}


def _measurement(rng: np.random.Generator, tries: Columns, response: Response, found: tuple[bool, bool]) -> None:
    """Draw how lepton and hadronic tau are measured, and the least shares x that then pass; added to `tries`."""
    pt1, pt2, eta2 = tries["pt1"], tries["pt2"], tries["eta2"]
    scale1 = 1 + np.float32(detector.LEP_RESOLUTION) * rng.standard_normal(pt1.shape, dtype=np.float32)
    # Half of the tau's energy stands for the visible one, so that the threshold on x has a closed form.
    energy2 = pt2 / 2 * np.cosh(np.clip(eta2, -3, 3))
    scale2 = detector.measured_share(rng, energy2, eta2, response.had, response.had_width)
    offset2 = np.float32(response.underlying) * rng.standard_exponential(pt1.shape, dtype=np.float32)
    least = detector.MIN_RAW_PT * detector.scale_correction(np.float32(detector.MIN_RAW_PT), eta2)
    tries["x1"] = np.minimum(found[0] * detector.MIN_LEP_PT / (pt1 * scale1 + np.float32(1e-3)), 1)
    tries["x2"] = np.clip(found[1] * (least - offset2) / (pt2 * scale2 + np.float32(1e-3)), 0, 1)
    tries |= {"scale1": scale1, "scale2": scale2, "offset2": offset2}


def _helicity_weights(
    tries: Columns, ratio: FloatArray, power: FloatArray, model: Resonance, found: tuple[bool, bool]
) -> list[FloatArray]:
    """Weights of the tries with the first tau's P = 1 and -1: their chance to pass, rapidity, efficiency."""
    x1, x2, eta1 = tries["x1"], tries["x2"], tries["eta1"]
    leptonic = [decays.leptonic_survival(x1, sign) for sign in (1, -1)]
    hadronic = [decays.hadronic_survival(x2, ratio, sign * power) for sign in (1, -1)]
    if not model.equal_helicities:
        hadronic.reverse()
    up = np.float32((1 + Z_POLARISATION) / 2) if model.equal_helicities else np.float32(0.5)
    prior = ((x1 < 1) & (x2 < 1)).astype(np.float32)
    if found[0]:
        prior *= detector.lepton_efficiency(eta1) * (np.abs(eta1) < detector.MAX_LEP_ETA)
    if found[1]:
        prior *= np.abs(tries["eta2"]) < detector.MAX_HAD_ETA
    prior = prior * np.exp(-(tries["rapidity"] ** 2) / np.float32(2 * model.spread**2))
    shares = zip((up, 1 - up), leptonic, hadronic)
    return [np.maximum(share * a * b, 0) * prior for share, a, b in shares]


def _breit_wigner(model: Resonance, chance: FloatArray) -> SingleArray:
    """Masses between 50 and 250 GeV above which the boson lies with the probability `chance`, arrays (n,) float32."""
    reach = np.arctan((np.array([50.0, 250.0]) ** 2 - model.mass**2) / (model.mass * model.width))
    angle = reach[1] + (reach[0] - reach[1]) * chance.astype(np.float64)
    masses: SingleArray = np.sqrt(model.mass**2 + model.mass * model.width * np.tan(angle)).astype(np.float32)
    return masses
