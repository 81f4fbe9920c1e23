"""From events to mu and its interval: histogram, likelihood, belt."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .arrays import FloatArray
from .confidence import Belt
from .features import CATEGORIES, FEATURES
from .histogram import Histogram
from .likelihood import FitResult, Likelihood
from .parameters import PARAMETERS
from .score import Scorer

#: What is as large as this is no feature and no weight.
LARGEST_VALUE = np.float32(1e9)  # of a type that half precision can be compared with

#: All features that are read of an event, by name.
NEEDED = tuple(sorted({"DER_mass_vis", *(name for names in FEATURES.values() for name in names)}))


@dataclass(frozen=True)
class Estimate:
    """Result for one data set.

    Attributes:
        mu_hat: maximum of the likelihood, moved into the belt's range of mu.
        sigma: its standard deviation, from the likelihood.
        p16, p84: ends of the confidence interval.
        valid: whether the fit converged and the templates describe the data; if not the interval is the whole range.
        twice_nll, degrees_of_freedom: -2 ln L at the maximum, and of the chi-squared distribution that it has where the
            templates describe the data.
        pulls: (fitted pull, its standard deviation) of each nuisance parameter that is fitted, by its name.
    """

    mu_hat: float
    sigma: float
    p16: float
    p84: float
    valid: bool
    twice_nll: float
    degrees_of_freedom: int
    pulls: dict[str, tuple[float, float]]

    @property
    def prediction(self) -> dict[str, float]:
        """What `Model.predict` returns: the challenge's four numbers, and others (docs/score.md#further-numbers)."""
        pulls = {f"pull_{name}": pull for name, (pull, _) in self.pulls.items()}
        errors = {f"pull_error_{name}": error for name, (_, error) in self.pulls.items()}
        half = (self.p84 - self.p16) / 2
        quality = {"twice_nll": self.twice_nll, "degrees_of_freedom": float(self.degrees_of_freedom)}
        return {
            "mu_hat": self.mu_hat,
            "delta_mu_hat": half,
            "p16": self.p16,
            "p84": self.p84,
            **quality,
            **pulls,
            **errors,
        }

    @classmethod
    def of(cls, fit: FitResult, belt: Belt) -> "Estimate":
        """The result that a `confidence.Belt` makes of the `likelihood.FitResult` of one data set."""
        intervals = belt.intervals(fit.mu_hat, fit.sigma, fit.valid)
        return cls(
            mu_hat=float(np.clip(fit.mu_hat[0], *belt.config.mu_range)),
            sigma=float(fit.sigma[0]),
            p16=float(intervals.p16[0]),
            p84=float(intervals.p84[0]),
            valid=bool(fit.valid[0]),
            twice_nll=float(fit.twice_nll[0]),
            degrees_of_freedom=int(fit.degrees_of_freedom[0]),
            pulls={
                name: (float(pull), float(error))
                for name, pull, error in zip(PARAMETERS[1:], fit.pulls[0, 1:], fit.errors[0, 1:])
                if error > 0
            },
        )

    def widened(self, widening: float, mu_range: tuple[float, float]) -> "Estimate":
        """The estimate with an interval that is longer at both ends by `widening` errors, within a range of mu."""
        low, high = mu_range
        more = widening * self.sigma
        return replace(self, p16=max(low, self.p16 - more), p84=min(high, self.p84 + more))


@dataclass(frozen=True)
class Measurement:
    """A data set and all that its interval is made by: what a page of this one measurement is made of.

    Arguments:
        counts: array (bins,), of the data.
        channels: dict from the name of each channel of the histogram to its first bin and the one after its last.
        likelihood: `likelihood.Likelihood` of the bins.
        belt: `confidence.Belt`.
        widening: by how much its intervals are made longer at both ends, in units of mu_hat's error.
    """

    counts: FloatArray
    channels: dict[str, tuple[int, int]]
    likelihood: Likelihood
    belt: Belt
    widening: float = 0.0

    @classmethod
    def of(
        cls, histogram: Histogram, likelihood: Likelihood, belt: Belt, data: pd.DataFrame, weights: FloatArray
    ) -> "Measurement":
        """The measurement of events; arguments as `Estimator`, and as its `estimate`."""
        channels = {name: (channel.start, channel.stop) for name, channel in histogram.channels.items()}
        return cls(histogram.counts(data, weights), channels, likelihood, belt)

    @property
    def estimate(self) -> Estimate:
        """mu and its interval."""
        estimate = Estimate.of(self.likelihood.fit(self.counts[None]), self.belt)
        return estimate.widened(self.widening, self.belt.config.mu_range)


@dataclass(frozen=True)
class Estimator:
    """All that a prediction needs.

    Arguments:
        histogram: `histogram.Histogram`, which bin an event falls into.
        likelihood: `likelihood.Likelihood` of the bins' counts.
        belt: `confidence.Belt`.

    Raises:
        ValueError: the networks are not trained or do not fit each other, the belt is not finite, or the numbers of
            bins differ.
    """

    histogram: Histogram
    likelihood: Likelihood
    belt: Belt

    def __post_init__(self) -> None:
        scorer, belt, bins = self.histogram.scorer, self.belt, self.likelihood.templates.bins
        if scorer.classifier is None or not scorer.standardisations:
            raise ValueError("the networks are not trained")
        _require_networks_that_fit(scorer)
        tables = (belt.log_tau, belt.usual, belt.largest, belt.location, belt.scale, belt.lower, belt.upper)
        if not all(np.isfinite(table).all() for table in tables):
            raise ValueError("the belt has values that are not finite")
        if self.histogram.bins != bins:
            raise ValueError(f"{self.histogram.bins} bins in the histogram, {bins} in the templates")

    def estimate(self, data: pd.DataFrame, weights: FloatArray) -> Estimate:
        """mu and its interval from events.

        Arguments:
            data: DataFrame of events with at least the columns `NEEDED`, in any order.
            weights: weight of each event, array (events,).

        Returns:
            `Estimate`, finite for any finite data.

        Raises:
            ValueError: a column is missing or there twice, a feature or a weight is no number, not finite or as large
                as `LARGEST_VALUE`, an event has a subleading jet alone, or a weight is negative.
        """
        return self.measurement(data, weights).estimate

    def measurement(self, data: pd.DataFrame, weights: FloatArray) -> Measurement:
        """The `Measurement` of events; arguments and errors as `estimate`."""
        weights = np.asarray(weights)
        _require_numbers(data, weights)
        return Measurement.of(self.histogram, self.likelihood, self.belt, data, weights)

    def from_counts(self, counts: FloatArray) -> Estimate:
        """The `Estimate` of a data set of `counts`, array (bins,)."""
        return Estimate.of(self.likelihood.fit(counts[None]), self.belt)


def _require_networks_that_fit(scorer: Scorer) -> None:
    """Raise ValueError unless an event of each category goes through gate, flows and classifier."""
    for number, category in enumerate(CATEGORIES):
        event = {name: np.ones(1, dtype=np.float32) for name in FEATURES[category]}
        try:
            if scorer.gate is not None:
                scorer.gate.logits(scorer.standardised(event, number), number)
            if scorer.classifier is not None:
                scorer.classifier.logits(scorer.inputs(event, number), number)
        except (RuntimeError, KeyError, IndexError) as error:
            raise ValueError(f"gate, flows and classifier of {category} do not fit each other: {error}") from error


def _require_numbers(data: pd.DataFrame, weights: FloatArray) -> None:
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise ValueError(f"the events lack the columns {', '.join(missing)}; predict needs the 28 official features")
    for name in NEEDED:
        _require_finite(name, np.asarray(data[name]))
    leading, subleading = (np.asarray(data[f"PRI_jet_{place}_pt"]) > 0 for place in ("leading", "subleading"))
    if (subleading & ~leading).any():
        event = int(np.flatnonzero(subleading & ~leading)[0])
        raise ValueError(
            f"PRI_jet_subleading_pt of event {event} is there without a leading jet; leave such events out"
        )
    if weights.shape != (len(data),):
        raise ValueError(f"{len(data)} events, but weights of shape {weights.shape}; one weight per event is needed")
    _require_finite("weights", weights)
    if (weights < 0).any():
        raise ValueError("a weight is negative; data have weights of 1")


def _require_finite(name: str, values: FloatArray) -> None:
    if values.ndim != 1:
        raise ValueError(f"there is more than one column {name}; leave one of them")
    if values.dtype.kind not in "fiub":
        raise ValueError(f"{name} is of type {values.dtype}; numbers are needed, such as float32")
    if not len(values) or (values.min() > -LARGEST_VALUE and values.max() < LARGEST_VALUE):  # neither holds for NaN
        return
    event = int(np.flatnonzero(~((values > -LARGEST_VALUE) & (values < LARGEST_VALUE)))[0])
    raise ValueError(
        f"{name} of event {event} is not finite or too large ({values[event]}, not below {LARGEST_VALUE:g}); "
        "leave such events out"
    )
