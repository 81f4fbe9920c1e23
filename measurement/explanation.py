"""All that the page of one measurement says, as numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.pseudo_experiments import PseudoExperiment
from submission.arrays import FloatArray
from submission.estimator import Estimate, Measurement
from submission.likelihood import FitResult, Likelihood
from submission.parameters import PARAMETERS, PRIORS, values_from_pulls
from submission.templates import PROCESSES, SIGNAL

from . import profile
from .acceptance import acceptance
from .finite_sample import Sample, fit_sample

#: Points of a scan, and of each axis of a contour; how far they reach, in errors.
SCAN_POINTS, CONTOUR_POINTS, REACH = 61, 25, 3.2

#: Nuisance parameters whose contours with mu are drawn.
CONTOURS = ("tes", "jes")


@dataclass(frozen=True)
class Truth:
    """What a pseudo-experiment was made with: mu, and the values and pulls of the nuisance parameters that vary."""

    mu: float
    values: dict[str, float]

    @classmethod
    def of(cls, experiment: PseudoExperiment, systematics: Sequence[str]) -> Truth:
        """That of a pseudo-experiment of a run in which `systematics` vary; a scale that is off is 1."""
        nuisance = draw_nuisance_parameters(experiment.seed, systematics)
        values = {name: 1.0 if value is None else float(value) for name, value in nuisance.items()}
        return cls(experiment.mu, values)

    @property
    def pulls(self) -> dict[str, float]:
        """The true pulls, by name; of what is off its nominal value, but of soft_met none, whose 0 GeV no pull has."""
        pulls = {}
        for prior in PRIORS:
            value = self.values[prior.name]
            if not prior.lognormal:
                pulls[prior.name] = (value - 1) / prior.width
            elif value > 0:
                pulls[prior.name] = float(np.log(value)) / prior.width
        return pulls


@dataclass(frozen=True)
class Stack:
    """Expected events in the bins of a channel: of each process, of all, and the standard deviation of all."""

    processes: dict[str, FloatArray]
    total: FloatArray
    band: FloatArray

    def within(self, bins: slice) -> Stack:
        """The same in some of the bins."""
        processes = {process: counts[bins] for process, counts in self.processes.items()}
        return Stack(processes, self.total[bins], self.band[bins])


@dataclass(frozen=True)
class Channel:
    """A channel of the histogram.

    Attributes:
        name: of the channel.
        data: array (bins,), counts.
        before, after: what is expected before and after the fit.
        twice_nll: what it adds to -2 ln L.
        sample_variance: of the finite sample that the data are drawn from, over the variance of the counts themselves,
            mean over bins; None where no sample is known.
    """

    name: str
    data: FloatArray
    before: Stack
    after: Stack
    twice_nll: float
    sample_variance: float | None


@dataclass(frozen=True)
class SampleQuality:
    """Goodness of fit where the finite sample of events that the data are drawn from is taken into account.

    Attributes:
        mean, deviation: of -2 ln L of data that are drawn from the sample.
        p_value: share of them with a larger -2 ln L than the data.
        shift: mu_hat of what the sample expects, less the true mu.
        twice_nll, chi2_p_value: of the fit with the sample's error added to that of the templates.
    """

    mean: float
    deviation: float
    p_value: float
    shift: float
    twice_nll: float
    chi2_p_value: float


@dataclass(frozen=True)
class Explanation:
    """One measurement, explained.

    Attributes:
        title: what was measured.
        events: their number.
        estimate: `submission.estimator.Estimate`.
        widening: by how much the interval is longer than the belt's at both ends, in units of mu_hat's error.
        truth: `Truth`; None where it is not known.
        channels: `Channel` of each.
        correlation: of mu and the fitted nuisance parameters, array, in the order of `names`.
        impacts: `profile.Impact` of each nuisance parameter, the largest first.
        p_value: of -2 ln L under its chi-squared distribution.
        sample: `SampleQuality`; None for data that are not drawn from a known sample.
        likelihood_intervals: ends of the 1 and 2 sigma intervals of the profile likelihood.
        scan: "mu", "profiled" and "held": q with the nuisance parameters fitted, and held at their best values.
        contours: of each of `CONTOURS`: "mu", "pull" and the grid "q".
        belt: "mu_hat" and "log_tau" of the data, and "mu", "low", "high" of the region that is accepted.
        shares: `profile.Share` of each source.
    """

    title: str
    events: float
    estimate: Estimate
    widening: float
    truth: Truth | None
    channels: list[Channel]
    names: list[str]
    correlation: FloatArray
    impacts: list[profile.Impact]
    p_value: float
    sample: SampleQuality | None
    likelihood_intervals: list[tuple[float, float]]
    scan: dict[str, FloatArray]
    contours: dict[str, dict[str, FloatArray]]
    belt: dict[str, Any]
    shares: list[profile.Share]

    def content(self) -> Any:
        """The same as JSON can hold it."""
        return _plain(self)


def explain(
    measurement: Measurement, title: str, truth: Truth | None = None, sample: Sample | None = None
) -> Explanation:
    """Explain a measurement.

    Arguments:
        measurement: `submission.estimator.Measurement`.
        title: what was measured.
        truth: of a pseudo-experiment.
        sample: that it was drawn from.
    """
    likelihood, counts = measurement.likelihood, measurement.counts
    fit, fitted = likelihood.fit(counts[None]), likelihood.fitted
    deviation = np.sqrt(np.diagonal(fit.covariance[0])[fitted])
    pulls = None if truth is None else truth.pulls
    estimate = measurement.estimate
    return Explanation(
        title=title,
        events=float(counts.sum()),
        estimate=estimate,
        widening=measurement.widening,
        truth=truth,
        channels=_channels(measurement, fit, sample),
        names=["mu", *profile.fitted_nuisance(likelihood)],
        correlation=fit.covariance[0][np.ix_(fitted, fitted)] / np.outer(deviation, deviation),
        impacts=profile.impacts(likelihood, counts, pulls),
        p_value=float(chi2.sf(estimate.twice_nll, estimate.degrees_of_freedom)),
        sample=None if sample is None or truth is None else _sample_quality(likelihood, counts, sample, truth.mu),
        likelihood_intervals=[profile.interval(likelihood, counts, level) for level in profile.LEVELS],
        scan=_scan(likelihood, counts, fit),
        contours={
            name: _contour(likelihood, counts, fit, name) for name in CONTOURS if name in likelihood.config.nuisance
        },
        belt=_belt(measurement, fit),
        shares=profile.shares(likelihood, fit, counts.sum()),
    )


def stack(likelihood: Likelihood, pulls: FloatArray, covariance: FloatArray, total: float) -> Stack:
    """What a likelihood expects in all bins.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        pulls: array (7,).
        covariance: array (7, 7), of what is not known of them; the band includes the templates' own error.
        total: events in the data, which a likelihood of the shape alone is normalised to.
    """
    expected, gradient = (values[0] for values in likelihood.expected(pulls[None], np.array([total])))
    values = values_from_pulls(pulls)[None]
    of_unit = likelihood.templates.counts(np.concatenate([np.ones((1, 1)), values[:, 1:]], axis=1))[0]
    background = np.arange(len(PROCESSES)) != SIGNAL
    if likelihood.config.shape_only:
        fraction = pulls[0] * likelihood.templates.nominal[SIGNAL].sum() / likelihood.templates.nominal.sum()
        of_unit[SIGNAL] *= total * fraction / of_unit[SIGNAL].sum()
        of_unit[background] *= total * (1 - fraction) / of_unit[background].sum()
    else:
        of_unit[SIGNAL] *= pulls[0]
    variance = np.einsum("pb,pq,qb->b", gradient, covariance, gradient) + likelihood.relative_variance * expected**2
    return Stack(dict(zip(PROCESSES, of_unit)), expected, np.sqrt(variance))


def _channels(measurement: Measurement, fit: FitResult, sample: Sample | None) -> list[Channel]:
    likelihood, counts = measurement.likelihood, measurement.counts
    nuisance = likelihood.fitted.astype(float)
    nuisance[0] = 0
    start = likelihood.start.copy()
    before = stack(likelihood, start, np.diag(nuisance), counts.sum())
    after = stack(likelihood, fit.pulls[0], fit.covariance[0], counts.sum())
    per_bin = bin_terms(likelihood, after.total, counts)
    channels = []
    for name, (first, stop) in measurement.channels.items():
        bins = slice(first, stop)
        stacks, terms = (before.within(bins), after.within(bins)), float(per_bin[bins].sum())
        ratio = (
            None if sample is None else float(np.mean(sample.variance[bins] / np.maximum(sample.counts[0, bins], 1.0)))
        )
        channels.append(Channel(name, counts[bins], *stacks, terms, ratio))
    return channels


def bin_terms(likelihood: Likelihood, expected: FloatArray, counts: FloatArray) -> FloatArray:
    """What each bin adds to -2 ln L, its template factor at its own minimum: array (bins,)."""
    r = likelihood.relative_variance
    half = (1 - r * expected) / 2
    factor = half + np.sqrt(half**2 + r * counts)
    mean = factor * expected
    poisson = 2 * (mean - counts + counts * np.log(np.where(counts > 0, counts / np.maximum(mean, 1e-300), 1.0)))
    return poisson + np.divide((factor - 1) ** 2, r, where=r > 0, out=np.zeros_like(factor))


def _sample_quality(likelihood: Likelihood, counts: FloatArray, sample: Sample, mu: float) -> SampleQuality:
    expected, templates = fit_sample(likelihood, sample.counts), likelihood.templates
    # The likelihood sums the variances of the processes, so it does not matter which one the sample's is added to.
    variance = templates.variance + sample.variance / len(PROCESSES)
    wider = Likelihood(dataclasses.replace(templates, variance=variance), likelihood.config)
    fit, twice_nll = wider.fit(counts[None]), likelihood.fit(counts[None]).twice_nll[0]
    return SampleQuality(
        mean=float(expected.twice_nll.mean()),
        deviation=float(expected.twice_nll.std()),
        p_value=float(expected.twice_nll.sf(twice_nll)),
        shift=float(expected.fit.mu_hat[0] - mu),
        twice_nll=float(fit.twice_nll[0]),
        chi2_p_value=float(chi2.sf(fit.twice_nll[0], fit.degrees_of_freedom[0])),
    )


def _axis(likelihood: Likelihood, fit: FitResult, place: int, points: int) -> FloatArray:
    """Values of a parameter around the best one, within its bounds."""
    pull, error = fit.pulls[0, place], fit.errors[0, place]
    low, high = np.clip([pull - REACH * error, pull + REACH * error], *likelihood.bounds[:, place])
    return np.linspace(low, high, points)


def _scan(likelihood: Likelihood, counts: FloatArray, fit: FitResult) -> dict[str, FloatArray]:
    mu = _axis(likelihood, fit, 0, SCAN_POINTS)
    best = {name: float(fit.pulls[0, PARAMETERS.index(name)]) for name in profile.fitted_nuisance(likelihood)}
    profiled, held = (profile.scan(likelihood, counts, "mu", mu, fixed) for fixed in ({}, best))
    return {"mu": mu, "profiled": profiled, "held": held}


def _contour(likelihood: Likelihood, counts: FloatArray, fit: FitResult, name: str) -> dict[str, FloatArray]:
    mu, pull = (_axis(likelihood, fit, place, CONTOUR_POINTS) for place in (0, PARAMETERS.index(name)))
    return {"mu": mu, "pull": pull, "q": profile.contour(likelihood, counts, ("mu", name), mu, pull)}


def _belt(measurement: Measurement, fit: FitResult) -> dict[str, Any]:
    belt = measurement.belt
    low, high = belt.config.mu_range
    (log_tau,) = belt.log_tau_of(fit.mu_hat, fit.sigma)
    reach = 3 * fit.sigma[0]
    ends = min(low - reach, fit.mu_hat[0] - reach), max(high + reach, fit.mu_hat[0] + reach)
    region = acceptance(belt, np.linspace(*ends, 1001), float(log_tau))
    return {"mu_hat": float(fit.mu_hat[0]), "log_tau": float(log_tau), **region}


def _plain(value: Any) -> Any:
    """What JSON can hold, of dataclasses, mappings, sequences, arrays and plain values."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
