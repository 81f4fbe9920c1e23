"""Templates: the expected count of each process in each bin, as a function of all parameters of the likelihood.

The normalisations are exact factors. The kinematic parameters (tes, jes, soft_met) enter through a polynomial per
process and bin: with t = (tes - 1) / 0.01, j = (jes - 1) / 0.01 and s = (soft_met / 5 GeV)^2, because noise added to
MET in quadrature has an effect of second order. Beyond |t| or |j| = 4 the powers go on along their tangent, so that
nothing runs away between there and the clip of the prior at 10.
"""

import dataclasses

import numpy as np

from .arrays import FloatArray
from .parameters import PARAMETERS

#: Rows of the templates, in the order of the official test set.
PROCESSES = ("ztautau", "diboson", "ttbar", "htautau")
SIGNAL = PROCESSES.index("htautau")

#: Powers of (t, j, s) in the polynomial of a process and bin.
TERMS = (
    (0, 0, 0),
    *((1, 0, 0), (2, 0, 0), (3, 0, 0)),
    *((0, 1, 0), (0, 2, 0), (0, 3, 0)),
    *((0, 0, 1), (0, 0, 2)),
    *((1, 1, 0), (2, 1, 0), (1, 2, 0)),
    *((1, 0, 1), (0, 1, 1)),
)

#: Units of t and j, and of soft_met in s (GeV).
SCALE_UNIT, SOFT_MET_UNIT = 0.01, 5.0

#: |t| and |j| from which the polynomials go on linearly.
LAST_POLYNOMIAL = 4.0

#: A count is held above about this share of its nominal value and this many events, whatever the parameters.
LOWEST_SHARE, LOWEST_COUNT = 1e-3, 1e-3


@dataclasses.dataclass(frozen=True)
class Templates:
    """Expected counts at 10/fb after the post-selection.

    Arguments:
        coefficients: array (processes, terms, bins), of the polynomials, rows as `PROCESSES` and `TERMS`, all
            normalisations 1.
        variance: array (processes, bins), of the nominal counts, from the finite number of simulated events.

    Raises:
        ValueError: shapes that do not fit each other, or values that are not finite.
    """

    coefficients: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        coefficients, variance = (np.asarray(a, dtype=float) for a in (self.coefficients, self.variance))
        bins = coefficients.shape[-1]
        if coefficients.shape != (len(PROCESSES), len(TERMS), bins) or variance.shape != (len(PROCESSES), bins):
            raise ValueError(
                f"templates of shape {coefficients.shape} with a variance of shape {variance.shape}; needed are "
                f"({len(PROCESSES)}, {len(TERMS)}, bins) and ({len(PROCESSES)}, bins): make them anew"
            )
        if not (np.isfinite(coefficients).all() and np.isfinite(variance).all() and (variance >= 0).all()):
            raise ValueError("templates with coefficients or variances that are not finite or negative: make them anew")
        object.__setattr__(self, "coefficients", coefficients)
        object.__setattr__(self, "variance", variance)

    @property
    def bins(self) -> int:
        """Number of bins."""
        return int(self.coefficients.shape[-1])

    @property
    def nominal(self) -> FloatArray:
        """Expected counts of each process without systematics, array (processes, bins)."""
        return self.coefficients[:, 0]

    @property
    def lowest(self) -> FloatArray:
        """Count to which the expected one of each bin is held (`positive`), array (bins,)."""
        lowest: FloatArray = np.maximum(LOWEST_SHARE * self.nominal.sum(axis=0), LOWEST_COUNT)
        return lowest

    def counts(self, values: FloatArray) -> FloatArray:
        """Expected counts per process, array (points, processes, bins).

        Arguments:
            values: array (points, 7), as `parameters.PARAMETERS`.
        """
        shapes = np.tensordot(terms(values[:, 1:4])[0], self.coefficients, axes=(1, 1))
        return scales(values)[0][:, :, None] * shapes

    def expected(self, values: FloatArray) -> FloatArray:
        """Expected counts of all processes together, array (points, bins); `values` as in `counts`."""
        features = scales(values)[0][:, :, None] * terms(values[:, 1:4])[0][:, None]
        return positive(self._combine(features), self.lowest)[0]

    def expected_and_gradient(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected counts (points, bins) and their derivatives by the parameters (points, 7, bins)."""
        shape, shape_gradient = terms(values[:, 1:4])
        scale, scale_gradient = scales(values)
        expected, slope = positive(self._combine(scale[:, :, None] * shape[:, None]), self.lowest)
        gradient = np.empty((len(values), len(PARAMETERS), self.bins))
        for i in range(len(PARAMETERS)):
            if 1 <= i <= 3:
                features = scale[:, :, None] * shape_gradient[:, i - 1, None]
            else:
                features = scale_gradient[:, i, :, None] * shape[:, None]
            gradient[:, i] = self._combine(features) * slope
        return expected, gradient

    def _combine(self, features: FloatArray) -> FloatArray:
        """Sum over processes and terms of features (points, processes, terms), array (points, bins)."""
        return features.reshape(len(features), len(PROCESSES) * len(TERMS)) @ self.coefficients.reshape(-1, self.bins)


def positive(counts: FloatArray, lowest: float | FloatArray) -> tuple[FloatArray, FloatArray]:
    """Counts made positive and the derivative of that, arrays (points, bins).

    (c + sqrt(c^2 + 4 l^2)) / 2 is smooth and differs from c by l^2 / c where c is large, with l = `lowest`.
    """
    root = np.sqrt(counts**2 + 4 * lowest**2)
    # Twice l^2 / (root - c), which does not lose its digits where c is negative.
    result = np.where(counts > 0, (counts + root) / 2, 2 * lowest**2 / (root - np.minimum(counts, 0)))
    return result, result / root


def terms(shape_values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The terms of the polynomials and their derivatives by tes, jes and soft_met.

    Arguments:
        shape_values: array (points, 3): tes, jes, soft_met (GeV).

    Returns:
        arrays (points, terms) and (points, 3, terms).
    """
    tes, jes, soft_met = np.asarray(shape_values, dtype=float).T
    reduced = soft_met / SOFT_MET_UNIT
    variables = [
        _powers((tes - 1) / SCALE_UNIT, 1 / SCALE_UNIT, LAST_POLYNOMIAL),
        _powers((jes - 1) / SCALE_UNIT, 1 / SCALE_UNIT, LAST_POLYNOMIAL),
        _powers(reduced**2, 2 * reduced / SOFT_MET_UNIT, 1.0),
    ]
    powers = np.array(TERMS).T
    factors = [value[:, power] for (value, _), power in zip(variables, powers)]
    slopes = [slope[:, power] for (_, slope), power in zip(variables, powers)]
    gradient = [
        np.prod([slopes[k] if k == i else factors[k] for k in range(len(variables))], axis=0)
        for i in range(len(variables))
    ]
    return np.prod(factors, axis=0), np.stack(gradient, axis=1)


def _powers(x: FloatArray, slope: float | FloatArray, last: float) -> tuple[FloatArray, FloatArray]:
    """x^0 to x^3, each linear beyond |x| = `last`, and their derivatives times `slope`: two arrays (points, 4)."""
    exponents = np.arange(4)
    inner = np.clip(x, -last, last)[:, None]
    derivative = exponents * inner ** np.maximum(exponents - 1, 0)
    value = inner**exponents + derivative * (x[:, None] - inner)
    return value, derivative * np.reshape(slope, (-1, 1))


def scales(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The factor on each process and its derivatives: arrays (points, processes) and (points, 7, processes)."""
    mu, _, _, _, ttbar, diboson, common = np.asarray(values, dtype=float).T
    unit, zero = np.ones_like(mu), np.zeros_like(mu)
    gradient = np.zeros((len(mu), len(PARAMETERS), len(PROCESSES)))
    for name, slope in (
        ("mu", (zero, zero, zero, unit)),
        ("ttbar_scale", (zero, zero, common, zero)),
        ("diboson_scale", (zero, common, zero, zero)),
        ("bkg_scale", (unit, diboson, ttbar, zero)),
    ):
        gradient[:, PARAMETERS.index(name)] = np.stack(slope, axis=1)
    return np.stack([common, diboson * common, ttbar * common, mu], axis=1), gradient


def fit_templates(shape_values: FloatArray, counts: FloatArray, variance: FloatArray) -> Templates:
    """Templates through the counts at the points of a grid, by least squares.

    The same events are behind all points, so what is fitted are their smooth migrations, not statistical noise.

    Arguments:
        shape_values: array (points, 3): tes, jes, soft_met (GeV).
        counts: array (points, processes, bins).
        variance: array (processes, bins), of the nominal counts.

    Raises:
        ValueError: the points do not determine the polynomials.
    """
    basis = terms(shape_values)[0]
    if np.linalg.matrix_rank(basis) < len(TERMS):
        raise ValueError(f"{len(basis)} points do not determine the {len(TERMS)} terms of the templates: use more")
    return Templates(np.tensordot(np.linalg.pinv(basis), counts, axes=1).transpose(1, 0, 2), variance)
