"""Z -> tau tau and H -> tau tau, one tau to a lepton and one to hadrons, from production to the measured primaries."""

from dataclasses import dataclass

import numpy as np

from . import decays, detector
from .detector import Response
from .importance import draw
from .radiation import Radiation, radiate
from .vectors import azimuth, isotropic

#: Decays tried per event; one is picked, the mean weight of all is kept (exact, see `_decay`).
TRIES = 4
#: Largest rapidity of the boson that can put both taus into the detector.
MAX_RAPIDITY = 2.8
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
    modes: tuple
    quark_pt: float
    quark_rapidity: float
    quark_spread: float
    associated_pt: float
    proposal: tuple
    response: Response


def generate(rng, n, model):
    """`n` thrown events.

    Returns:
        (columns, weight): dict of the 16 primaries, arrays (accepted,), and their weights; the weights' sum over n is
        the acceptance.
    """
    chances, weight = draw(rng, n, model.proposal)
    columns, weight, _ = from_chances(rng, chances, weight, model)
    return columns, weight


def from_chances(rng, chances, weight, model):
    """Events from the four probabilities that `Resonance.proposal` names, array (4, n), and their weights (n,).

    Returns:
        (columns, weight, rows): as `generate`, and the place of the accepted events among the n.
    """
    n = len(weight)
    pt, phi, relative = radiate(rng, n, model.radiation, chance=chances[0])
    invisible = np.zeros((2, n), np.float32)
    if any(model.modes):
        pt, phi, relative, invisible = _associated(rng, n, model, pt, phi, relative)
    jet_x, jet_y = pt * np.cos(phi), pt * np.sin(phi)
    soft = np.float32(model.radiation.soft) * rng.standard_normal((2, n), dtype=np.float32)
    boson = -jet_x.sum(0) - soft[0] - invisible[0], -jet_y.sum(0) - soft[1] - invisible[1]
    lep, had, nu, rapidity, chance = _decay(rng, boson, model, chances[1:])
    # What no try lets pass must not pass below either.
    lep = np.where(chance > 0, lep[0], 0), *lep[1:]
    eta = relative + model.radiation.follow * rapidity
    detector.merge(pt, eta, phi, slots=4)
    jets = detector.measure_jets(rng, pt, eta, model.response)
    unseen = nu[0] + invisible[0], nu[1] + invisible[1]
    columns, rows = detector.observe(rng, lep, had, jets, (pt, eta, phi), unseen, soft, model.response)
    return columns, (weight * chance)[rows], rows


def _decay(rng, boson, model, chances):
    """Decay bosons of transverse momentum `boson` = (x, y) so that lepton and hadronic tau pass their thresholds.

    Of `TRIES` decays one is picked with a probability proportional to its weight (the probability that rapidity,
    angles and visible shares pass), and the mean of the weights is the event's.

    Arguments:
        chances: the probabilities of a mass as high and of shares x of lepton and hadronic tau as high, array (3, n).

    Returns:
        lepton and hadronic tau as measured (pt, eta, phi), what the rest of the event misses of both (x, y: neutrinos
        and mismeasurement), rapidity of the boson, weight; arrays (n,).
    """
    n = len(chances[0])
    mass = _breit_wigner(model, chances[0]) if model.width else np.float32(model.mass)
    boson_pt = np.hypot(*boson)
    tries = _directions(rng, boson_pt, mass, model)
    _measurement(rng, tries, model.response)
    ratio, power = decays.hadronic_modes(rng, n)
    weight_up, weight_down = _helicity_weights(tries, ratio, power, model)
    running = np.cumsum(weight_up + weight_down, axis=0)
    pick = (running < running[-1] * rng.random(n, dtype=np.float32)).sum(0)
    at = np.minimum(pick, TRIES - 1) * n + np.arange(n)
    up, down = weight_up.ravel()[at], weight_down.ravel()[at]
    helicity = np.where(up > rng.random(n, dtype=np.float32) * (up + down), np.int8(1), np.int8(-1))
    slope = power * (helicity if model.equal_helicities else -helicity)
    t = {name: values.ravel()[at] for name, values in tries.items()}
    x1 = decays.leptonic_share(np.maximum(decays.leptonic_survival(t["x1"], helicity), 0) * chances[1], helicity)
    x2 = decays.hadronic_share(
        np.maximum(decays.hadronic_survival(t["x2"], ratio, slope), 0) * chances[2], ratio, slope
    )
    cos, sin = boson[0] / boson_pt, boson[1] / boson_pt
    tau1, tau2 = (boson_pt / 2 + t["across"], t["side"]), (boson_pt / 2 - t["across"], -t["side"])
    tau1, tau2 = ((x * cos - y * sin, x * sin + y * cos) for x, y in (tau1, tau2))
    lep = t["pt1"] * x1 * t["scale1"], t["eta1"], np.arctan2(tau1[1], tau1[0])
    had = t["pt2"] * x2 * t["scale2"] + t["offset2"], t["eta2"], np.arctan2(tau2[1], tau2[0])
    seen1 = x1 * t["scale1"]
    seen2 = (detector.uncorrected(had[0], had[1]) - t["offset2"]) / t["pt2"]
    missed = tuple(a * (1 - seen1) + b * (1 - seen2) for a, b in zip(tau1, tau2))
    return lep, had, missed, t["rapidity"], running[-1] / TRIES


def _directions(rng, boson_pt, mass, model):
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


def _measurement(rng, tries, response):
    """Draw how lepton and hadronic tau are measured, and the least shares x that then pass; added to `tries`."""
    pt1, pt2, eta2 = tries["pt1"], tries["pt2"], tries["eta2"]
    scale1 = 1 + np.float32(detector.LEP_RESOLUTION) * rng.standard_normal(pt1.shape, dtype=np.float32)
    # Half of the tau's energy stands for the visible one, so that the threshold on x has a closed form.
    energy2 = pt2 / 2 * np.cosh(np.clip(eta2, -3, 3))
    scale2 = detector.measured_share(rng, energy2, eta2, response.had, response.had_width)
    offset2 = np.float32(response.underlying) * rng.standard_exponential(pt1.shape, dtype=np.float32)
    least = detector.MIN_RAW_PT * detector.scale_correction(np.float32(detector.MIN_RAW_PT), eta2)
    tries["x1"] = np.minimum(detector.MIN_LEP_PT / (pt1 * scale1 + np.float32(1e-3)), 1)
    tries["x2"] = np.clip((least - offset2) / (pt2 * scale2 + np.float32(1e-3)), 0, 1)
    tries |= {"scale1": scale1, "scale2": scale2, "offset2": offset2}


def _helicity_weights(tries, ratio, power, model):
    """Weights of the tries with the first tau's P = 1 and -1: their chance to pass, rapidity, efficiency."""
    x1, x2, eta1 = tries["x1"], tries["x2"], tries["eta1"]
    leptonic = [decays.leptonic_survival(x1, sign) for sign in (1, -1)]
    hadronic = [decays.hadronic_survival(x2, ratio, sign * power) for sign in (1, -1)]
    if not model.equal_helicities:
        hadronic.reverse()
    up = np.float32((1 + Z_POLARISATION) / 2) if model.equal_helicities else np.float32(0.5)
    inside = (np.abs(eta1) < detector.MAX_LEP_ETA) & (np.abs(tries["eta2"]) < detector.MAX_HAD_ETA)
    inside &= (x1 < 1) & (x2 < 1)
    prior = inside * detector.lepton_efficiency(eta1)
    prior = prior * np.exp(-(tries["rapidity"] ** 2) / np.float32(2 * model.spread**2))
    shares = zip((up, 1 - up), leptonic, hadronic)
    return [np.maximum(share * a * b, 0) * prior for share, a, b in shares]


def _breit_wigner(model, chance):
    """Masses between 50 and 250 GeV above which the boson lies with the probability `chance`, arrays (n,) float32."""
    reach = np.arctan((np.array([50.0, 250.0]) ** 2 - model.mass**2) / (model.mass * model.width))
    angle = reach[1] + (reach[0] - reach[1]) * chance.astype(np.float64)
    return np.sqrt(model.mass**2 + model.mass * model.width * np.tan(angle)).astype(np.float32)


def _associated(rng, n, model, pt, phi, relative):
    """Add the partons of vector-boson fusion, of a W or Z and of a top pair to those radiated."""
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
    extra[0][:, tth] = -70 * np.log(1 - u[:, tth])
    extra[1][:, tth] = angle[:, tth]
    extra[2][:, tth] = 1.2 * normal[:, tth]
    return (
        np.concatenate([extra[0], pt]),
        np.concatenate([extra[1], phi]),
        np.concatenate([extra[2], relative]),
        invisible,
    )
