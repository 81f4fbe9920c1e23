"""The model of one measurement as a HistFactory workspace, as pyhf and cabinetry read it.

In HistFactory a nuisance parameter alpha changes a sample by `histosys`, which adds bin by bin between templates at
alpha = -1, 0 and 1 and goes on linearly, and by `normsys`, a factor hi^alpha. Our templates are polynomials with mixed
terms, and soft_met = exp(alpha) GeV acts through its square. What a sample of a process cannot express is left to
further samples of this process, whose sum it is:

    soft_met^2k                     a sample with the factor exp(2 k alpha), exact
    tes^2, tes^3, tes jes, tes^2 jes  two samples with the factors exp(b tes) and exp(-b tes), for a small b: their sum
                                    goes with cosh(b tes) - 1, about (b tes)^2 / 2, their difference with sinh(b tes);
    and the same for jes            what is linear or constant in them is taken off the sample of the process.

Sources: CERN-OPEN-2012-016 (HistFactory), https://pyhf.github.io/pyhf-tutorial/HistFactory.html.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.errors import ChallengeError
from submission.arrays import FloatArray
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS, slopes_from_pulls, values_from_pulls
from submission.templates import PROCESSES, SIGNAL, SOFT_MET_UNIT, TERMS, scales

#: Growth b per pull of the factors that stand for powers: cosh(b x) - 1 is (b x)^2 / 2 up to a factor 1 + (b x)^2 / 12.
BEND = 0.25

#: A sample beside that of its process is left out where each of its terms changes the counts by less than this many
#: standard deviations, all bins together, tes and jes at one standard deviation and soft_met at 5 GeV.
NEGLIGIBLE = 0.05

#: A normalisation 1 + width * pull is `normsys` below this width, where a power and a line are the same; a wider one is
#: `histosys`, which goes on linearly but does not multiply what tes and jes do.
NARROW = 0.1

#: Pulls that fits can reach.
FARTHEST_PULL = 5.0

#: Nuisance parameters that move events, in the order of the powers in `TERMS`.
_KINEMATIC = PARAMETERS[1:4]

#: Terms that the samples bent in tes, those bent in jes, and those of soft_met^2 and soft_met^4 carry.
_CARRIED = (
    ((2, 0, 0), (3, 0, 0), (1, 1, 0), (2, 1, 0)),
    ((0, 2, 0), (0, 3, 0), (1, 2, 0)),
    ((0, 0, 1), (1, 0, 1), (0, 1, 1)),
    ((0, 0, 2),),
)

#: Lower and upper template of a nuisance parameter: arrays (bins,).
_Ends = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class _Sample:
    """Expected events of a process, or a part of them.

    Arguments:
        process: place in `PROCESSES`.
        part: which part of them; empty for the process itself.
        data: array (bins,), all pulls 0.
        ends: of nuisance parameters, by name, what `data` become at the pulls -1 and 1.
        growth: of nuisance parameters, by name, the logarithm of the factor at the pull 1.
    """

    process: int
    part: str
    data: FloatArray
    ends: dict[str, _Ends]
    growth: dict[str, float] = dataclasses.field(default_factory=dict)


def workspace(
    likelihood: Likelihood, channels: Mapping[str, slice], counts: FloatArray, plain: bool = False
) -> dict[str, Any]:
    """The workspace: a dict that JSON can hold, valid for pyhf's schema 1.0.0.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        channels: the bins of each channel by its name, as `Histogram.channels`.
        counts: array (bins,), the data.
        plain: one sample for each process, with templates at pulls of -1, 0 and 1 and nothing else; fits differ more.

    Raises:
        ChallengeError: the likelihood takes the number of events from the data, which HistFactory cannot express.
    """
    if likelihood.config.shape_only:
        raise ChallengeError(
            "a likelihood of the shape alone (shape_only) has no HistFactory workspace: export one that expects yields"
        )
    samples = _plain(likelihood) if plain else _exact(likelihood)
    parameters = [_parameter(likelihood, name) for name in PARAMETERS if likelihood.fitted[PARAMETERS.index(name)]]
    return {
        "channels": [
            {"name": name, "samples": _channel(likelihood, samples, name, bins)} for name, bins in channels.items()
        ],
        "observations": [{"name": name, "data": np.asarray(counts)[bins].tolist()} for name, bins in channels.items()],
        "measurements": [{"name": "signal strength", "config": {"poi": "mu", "parameters": parameters}}],
        "version": "1.0.0",
    }


def _parameter(likelihood: Likelihood, name: str) -> dict[str, Any]:
    """Where a fit of pyhf starts and ends."""
    place = PARAMETERS.index(name)
    bounds = likelihood.bounds[:, place]
    if name != "mu":
        bounds = np.clip(bounds, -FARTHEST_PULL, FARTHEST_PULL)
    return {"name": name, "bounds": [bounds.tolist()], "inits": [float(likelihood.start[place])]}


def _channel(likelihood: Likelihood, samples: list[_Sample], name: str, bins: slice) -> list[dict[str, Any]]:
    """The samples of a channel that have events in it, or would with other pulls."""
    errors = _template_errors(likelihood, samples)
    result = []
    for sample in samples:
        changes = [sample.data, *(end for ends in sample.ends.values() for end in ends)]
        if not sample.part or any(change[bins].any() for change in changes):
            modifiers = _modifiers(likelihood, sample, bins)
            if likelihood.config.template_error:
                error = np.zeros_like(sample.data) if sample.part else errors[sample.process]
                modifiers.append({"name": f"staterror_{name}", "type": "staterror", "data": error[bins].tolist()})
            title = f"{PROCESSES[sample.process]} {sample.part}".rstrip()
            result.append({"name": title, "data": sample.data[bins].tolist(), "modifiers": modifiers})
    return result


def _modifiers(likelihood: Likelihood, sample: _Sample, bins: slice) -> list[dict[str, Any]]:
    """What the parameters do to a sample, but for the templates' own error."""
    modifiers: list[dict[str, Any]] = []
    if sample.process == SIGNAL:
        modifiers.append({"name": "mu", "type": "normfactor", "data": None})
    for name, (low, high) in sample.ends.items():
        modifiers.append(_histosys(name, low[bins], high[bins]))
    for name, growth in sample.growth.items():
        modifiers.append(_normsys(name, np.exp(-growth), np.exp(growth)))
    for name, width in _normalisations(likelihood, sample.process).items():
        low, high = 1 - width, 1 + width
        if width < NARROW:
            modifiers.append(_normsys(name, low, high))
        else:
            modifiers.append(_histosys(name, low * sample.data[bins], high * sample.data[bins]))
    return modifiers


def _histosys(name: str, low: FloatArray, high: FloatArray) -> dict[str, Any]:
    return {"name": name, "type": "histosys", "data": {"lo_data": low.tolist(), "hi_data": high.tolist()}}


def _normsys(name: str, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "type": "normsys", "data": {"lo": float(low), "hi": float(high)}}


def _normalisations(likelihood: Likelihood, process: int) -> dict[str, float]:
    """By how much of itself a process changes per pull of each parameter that scales it."""
    nominal = np.zeros(len(PARAMETERS))
    changes = scales(values_from_pulls(nominal)[None])[1][0, :, process] * slopes_from_pulls(nominal)
    return {
        name: float(change)
        for name, change, is_fitted in zip(PARAMETERS, changes, likelihood.fitted)
        if name != "mu" and change and is_fitted
    }


def _template_errors(likelihood: Likelihood, samples: list[_Sample]) -> FloatArray:
    """Statistical errors of the samples of the processes, (processes, bins).

    pyhf adds them in quadrature and divides by the sum of all samples; the result is that of our likelihood.
    """
    variance = likelihood.templates.variance
    share = variance / np.maximum(variance.sum(axis=0), 1e-300)
    total = np.sum([sample.data for sample in samples], axis=0)
    errors: FloatArray = np.sqrt(likelihood.relative_variance * share) * total
    return errors


def _plain(likelihood: Likelihood) -> list[_Sample]:
    """Each process with its templates at the pulls -1, 0 and 1."""

    def counts(**pulls: float) -> FloatArray:
        point = likelihood.start.copy()
        for name, pull in pulls.items():
            point[PARAMETERS.index(name)] = pull
        return likelihood.templates.counts(values_from_pulls(point)[None])[0]

    varied = [name for name in _KINEMATIC if likelihood.fitted[PARAMETERS.index(name)]]
    nominal, ends = counts(), {name: (counts(**{name: -1.0}), counts(**{name: 1.0})) for name in varied}
    return [
        _Sample(
            process, "", nominal[process], {name: (low[process], high[process]) for name, (low, high) in ends.items()}
        )
        for process in range(len(PROCESSES))
    ]


def _exact(likelihood: Likelihood) -> list[_Sample]:
    """Each process and the parts of it that carry the further terms of its polynomials."""
    relevant = _relevant(likelihood)
    return [sample for process in range(len(PROCESSES)) for sample in _parts(process, relevant[process])]


def _relevant(likelihood: Likelihood) -> FloatArray:
    """Coefficients (processes, terms, bins) by pulls of tes and jes and by soft_met^2 in GeV^2; small ones are 0."""
    coefficients = likelihood.templates.coefficients.copy()
    variance = np.maximum(likelihood.templates.nominal.sum(axis=0), 1.0)
    significance = np.sqrt(np.sum(coefficients**2 / variance, axis=2))
    for carried in _CARRIED:
        places = [TERMS.index(powers) for powers in carried]
        coefficients[np.ix_(significance[:, places].max(axis=1) < NEGLIGIBLE, places)] = 0
    powers = np.array(TERMS)
    held = ~likelihood.fitted[[PARAMETERS.index(name) for name in _KINEMATIC]]
    coefficients[:, (powers[:, held] > 0).any(axis=1)] = 0
    return coefficients / SOFT_MET_UNIT ** (2 * powers[:, 2, None])


def _parts(process: int, coefficients: FloatArray) -> list[_Sample]:
    """A process, and its parts that are not 0, from coefficients (terms, bins) as `_relevant` gives them."""
    c = dict(zip(TERMS, coefficients))
    b = BEND
    bent_tes = [
        _part(process, f"tes {side}", c[2, 0, 0] / b**2 + sign * 3 * c[3, 0, 0] / b**3,
              {"jes": c[2, 1, 0] / b**2 + sign * c[1, 1, 0] / (2 * b)}, {"tes": sign * b})
        for side, sign in (("up", 1), ("down", -1))
    ]  # fmt: skip
    bent_jes = [
        _part(process, f"jes {side}", c[0, 2, 0] / b**2 + sign * 3 * c[0, 3, 0] / b**3,
              {"tes": c[1, 2, 0] / b**2}, {"jes": sign * b})
        for side, sign in (("up", 1), ("down", -1))
    ]  # fmt: skip
    noise = [
        _part(process, "soft_met", c[0, 0, 1], {"tes": c[1, 0, 1], "jes": c[0, 1, 1]}, {"soft_met": 2.0}),
        _part(process, "soft_met squared", c[0, 0, 2], {}, {"soft_met": 4.0}),
    ]
    bent = [*bent_tes, *bent_jes]
    slopes = {}
    for name, linear in (("tes", c[1, 0, 0]), ("jes", c[0, 1, 0])):
        grown = sum(part.growth.get(name, 0.0) * part.data for part in bent)
        added = sum((part.ends[name][1] - part.data for part in bent if name in part.ends), np.zeros_like(linear))
        slopes[name] = linear - grown - added
    main = _part(process, "", c[0, 0, 0] - sum(part.data for part in bent), slopes, {})
    return [main, *bent, *noise]


def _part(
    process: int, part: str, data: FloatArray, slopes: Mapping[str, FloatArray], growth: dict[str, float]
) -> _Sample:
    """A sample whose data change by `slopes` per pull."""
    ends: dict[str, _Ends] = {name: (data - slope, data + slope) for name, slope in slopes.items() if slope.any()}
    return _Sample(process, part, data, ends, growth)
