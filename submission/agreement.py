"""Whether templates describe events: a test with a p-value, and by how much mu_hat would be off.

The events are split into parts that share none, one for each of `PARTS`; so what the points say is independent. At
each point counted and expected events are compared per process in bins that are joined until enough events are
expected in each:

    chi2 = sum over processes and bins of (counted - expected)^2 / (variance of the count + of the template)

The sum over the points is chi-squared with as many degrees of freedom as there are bins. A mismatch of many bins that
all move mu_hat the same way is small in each of them: so the shift of mu_hat, in units of its error, is tested too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr

from .arrays import FloatArray
from .counting import PointCounts
from .likelihood import mu_response
from .parameters import PARAMETERS
from .templates import Templates

#: Points of `counting.grid` at which events are counted: tes, jes, soft_met (GeV); and which of every sixteen events
#: for each.
PARTS = (
    ((1.0, 1.0, 0.0), range(13)),
    ((1.02, 1.0, 0.0), (13,)),
    ((1.0, 0.98, 0.0), (14,)),
    ((1.0, 1.0, 3.5), (15,)),
)

#: Bins are joined until so many events of average weight are expected, where a sum of weights is nearly normal.
_LEAST_EVENTS = 50.0

#: A process with fewer events of average weight than this is not tested.
_LEAST_OF_PROCESS = 20.0


@dataclass(frozen=True)
class Agreement:
    """What the test says.

    Attributes:
        chi2, bins: sum over all points, and its degrees of freedom.
        shift, shift_error: by how much mu_hat (mu = 1) is off if the templates fit data of these events, in units of
            its standard deviation, from the nominal part; and the statistical error of that.
    """

    chi2: float
    bins: int
    shift: float
    shift_error: float

    def __str__(self) -> str:
        return (
            f"p = {self.p_value:.2g} (chi2 {self.chi2:.0f} for {self.bins} bins; mu_hat is off by "
            f"{self.shift:+.2f} ± {self.shift_error:.2f} sigma)"
        )

    @property
    def p_value(self) -> float:
        """Probability of an agreement as bad as this or worse, where the templates describe the events."""
        of_shift = 2 * ndtr(-abs(self.shift) / self.shift_error)
        smaller = min(float(chdtrc(self.bins, self.chi2)) if self.bins else 1.0, float(of_shift))
        return 2 * smaller - smaller**2  # of the smaller of two that are independent

    @property
    def largest_shift(self) -> float:
        """The shift that the events do not exclude by more than its error, in units of mu_hat's error."""
        return abs(self.shift) + self.shift_error


def agreement(templates: Templates, counted: Sequence[PointCounts]) -> Agreement:
    """Compare counts with templates.

    Arguments:
        templates: `templates.Templates`.
        counted: `PointCounts` of each of `PARTS`, of events that only one of them has, scaled to the yields.
    """
    values = np.ones((len(PARTS), len(PARAMETERS)))
    values[:, 1:4] = [point for point, _ in PARTS]
    expected = templates.counts(values)
    chi2, bins = 0.0, 0
    for here, there in zip(counted, expected):
        for process in range(len(expected[0])):
            terms = _terms(
                here.counts[process], here.variance[process], there[process], _scaled(templates, process, there)
            )
            chi2, bins = chi2 + float(terms.sum()), bins + len(terms)
    shift, error = _shift(templates, counted[0])
    return Agreement(chi2, bins, shift, error)


def _scaled(templates: Templates, process: int, expected: FloatArray) -> FloatArray:
    """Variance of a process's template where it expects other counts than nominally, array (bins,)."""
    nominal = templates.nominal[process]
    share = np.divide(expected[process], nominal, out=np.ones_like(nominal), where=nominal > 0)
    scaled: FloatArray = templates.variance[process] * np.maximum(share, 0)
    return scaled


def _terms(counts: FloatArray, variance: FloatArray, expected: FloatArray, template: FloatArray) -> FloatArray:
    """The terms of chi2 of one process at one point, from arrays (bins,)."""
    if not variance.sum() > 0 or counts.sum() ** 2 / variance.sum() < _LEAST_OF_PROCESS:
        return np.zeros(0)
    starts, events = [0], 0.0
    for place, more in enumerate(np.maximum(expected, 0) / _weights(counts, variance)):
        if events >= _LEAST_EVENTS:
            starts, events = [*starts, place], 0.0
        events += more
    if events < _LEAST_EVENTS and len(starts) > 1:
        starts.pop()
    counts, variance, expected, template = (
        np.add.reduceat(values, starts) for values in (counts, variance, expected, template)
    )
    # The variance of as many events as are expected: that of those counted would favour fluctuations down.
    variance = np.maximum(expected, 0) * _weights(counts, variance)
    terms: FloatArray = (counts - expected) ** 2 / np.maximum(variance + template, 1e-300)
    return terms


def _weights(counts: FloatArray, variance: FloatArray) -> FloatArray:
    """Mean weight of the events of each bin, which hardly depends on how many there happen to be: array (bins,)."""
    mean = np.full_like(counts, variance.sum() / counts.sum())
    return np.divide(variance, counts, out=mean, where=counts > 0)


def _shift(templates: Templates, nominal: PointCounts) -> tuple[float, float]:
    response = mu_response(templates)[0]
    shift = response @ (nominal.counts - templates.nominal).sum(axis=0)
    variance = response**2 @ (nominal.variance + templates.variance).sum(axis=0)
    return float(shift), float(np.sqrt(max(variance, 1e-300)))
