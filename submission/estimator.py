"""From events to mu and its interval: histogram, likelihood, belt."""

from dataclasses import dataclass

import numpy as np

from .confidence import Belt
from .features import FEATURES
from .histogram import Histogram
from .likelihood import Likelihood

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
    """

    mu_hat: float
    sigma: float
    p16: float
    p84: float
    valid: bool

    @classmethod
    def of(cls, fit, belt):
        """The result that a `confidence.Belt` makes of the `likelihood.FitResult` of one data set."""
        intervals = belt.intervals(fit.mu_hat, fit.sigma, fit.valid)
        return cls(
            mu_hat=float(np.clip(fit.mu_hat[0], *belt.config.mu_range)),
            sigma=float(fit.sigma[0]),
            p16=float(intervals.p16[0]),
            p84=float(intervals.p84[0]),
            valid=bool(fit.valid[0]),
        )


@dataclass(frozen=True)
class Estimator:
    """All that a prediction needs.

    Arguments:
        histogram: `histogram.Histogram`, which bin an event falls into.
        likelihood: `likelihood.Likelihood` of the bins' counts.
        belt: `confidence.Belt`.
    """

    histogram: Histogram
    likelihood: Likelihood
    belt: Belt

    def estimate(self, data, weights):
        """mu and its interval from events.

        Arguments:
            data: DataFrame of events with at least the columns `NEEDED`, in any order.
            weights: weight of each event, array (events,).

        Returns:
            `Estimate`, finite for any finite data.

        Raises:
            ValueError: a column is missing, a feature is not finite, or a weight is negative or not finite.
        """
        weights = np.asarray(weights, dtype=np.float64)
        _check(data, weights)
        return self.from_counts(self.histogram.counts(data, weights))

    def from_counts(self, counts):
        """The `Estimate` of a data set of `counts`, array (bins,)."""
        return Estimate.of(self.likelihood.fit(counts[None]), self.belt)


def _check(data, weights):
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise ValueError(f"the events lack the columns {', '.join(missing)}; predict needs the 28 official features")
    if len(weights) != len(data):
        raise ValueError(f"there are {len(data)} events and {len(weights)} weights; one weight per event is needed")
    for name in NEEDED:
        bad = ~np.isfinite(np.asarray(data[name], dtype=np.float32))
        if bad.any():
            raise ValueError(f"{name} of event {int(np.flatnonzero(bad)[0])} is not finite; leave such events out")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("a weight is negative or not finite; data have weights of 1")
