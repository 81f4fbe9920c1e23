"""Binned likelihood of signal strength and nuisance parameters, and its maximum for many data sets at once.

    -2 ln L = 2 sum_b [e_b - n_b + n_b ln(n_b / e_b)] + sum_b (f_b - 1)^2 / r_b + sum_i pull_i^2,   e_b = f_b E_b

with n the observed and E the expected counts of the bins. The factors f_b stand for the templates' own statistical
error, of relative variance r_b, and are profiled analytically (J. S. Conway, arXiv:1103.0354, section 5). The nuisance
parameters enter through their pulls: standard normal before the clip of the challenge, within it afterwards.
So -2 ln L is relative to the saturated model, e_b = n_b with all pulls 0: at its minimum it says how well the templates
describe the data (docs/mathematics.md#goodness-of-fit).
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from .arrays import ArrayLike, BoolArray, FloatArray, IntArray
from .parameters import PARAMETERS, PULL_BOUNDS, slopes_from_pulls, values_from_pulls
from .templates import LOWEST_COUNT, SIGNAL, Templates, positive

#: Signal strengths that a fit can reach; upwards it ends here, downwards possibly earlier, where a count would vanish.
MU_RANGE = (-5.0, 20.0)

#: A fit has converged if the next step is expected to lower -2 ln L by less than this.
TOLERANCE = 1e-7
MAX_ITERATIONS = 100

#: By how much what is held may be beyond its range, as an end of the range that was computed in another way can be.
_ROUNDING = 1e-9

#: Pull of soft_met that stands for "off".
OFF_PULL = -30.0

#: Information on mu that is always there, so that no error exceeds 1000, not even without a single event.
LEAST_INFORMATION = 1e-6

#: -2 ln L at its minimum is about chi-squared with as many degrees of freedom as there are bins; from so many standard
#: deviations above, the templates do not describe the data and the fit is called invalid.
WORST_FIT = 20.0

_SOFT_MET = PARAMETERS.index("soft_met")
_PRIOR_INFORMATION = np.diag([LEAST_INFORMATION, *[1.0] * (len(PARAMETERS) - 1)])

#: Data sets fitted side by side, so that their arrays stay in the processor's cache.
_BLOCK = 256


@dataclasses.dataclass(frozen=True)
class LikelihoodConfig:
    """What a likelihood takes into account.

    Arguments:
        nuisance: names of the nuisance parameters that are fitted; the others are held where they have no effect.
        shape_only: whether only the shape of the histogram is used: S and B are normalised, and the total is that of
            the data (docs/mathematics.md#likelihood).
        template_error: whether the templates' own statistical error is included.
        check_fit: whether a fit is invalid where the templates do not describe the data (`WORST_FIT`); not where
            nuisance parameters that matter are left out, as then they never quite do.

    Raises:
        ValueError: a name that is none of the nuisance parameters.
    """

    nuisance: tuple[str, ...] = PARAMETERS[1:]
    shape_only: bool = False
    template_error: bool = True
    check_fit: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "nuisance", tuple(self.nuisance))
        unknown = [name for name in self.nuisance if name not in PARAMETERS[1:]]
        if unknown:
            raise ValueError(f"no nuisance parameter {', '.join(unknown)}; there are {', '.join(PARAMETERS[1:])}")


PRESETS = {
    "default": LikelihoodConfig(),
    "paper": LikelihoodConfig(("tes", "jes"), shape_only=True, template_error=False, check_fit=False),
    "mu alone": LikelihoodConfig((), shape_only=True, template_error=False, check_fit=False),
}


@dataclasses.dataclass(frozen=True)
class FitResult:
    """Maxima of the likelihood, one per data set.

    Attributes:
        pulls: array (data sets, 7), mu and the pulls of the nuisance parameters, as `parameters.PARAMETERS`.
        covariance: array (data sets, 7, 7), inverse of the expected information at the maximum, priors included; 0
            for parameters that are not fitted or held.
        twice_nll: array (data sets,), -2 ln L at the maximum, relative to the saturated model.
        degrees_of_freedom: array (data sets,) of int, of the chi-squared distribution that `twice_nll` has for large
            counts where the templates describe the data.
        valid: array (data sets,) of bool: the fit has converged, mu is below the end of its range, there are events,
            and, if `check_fit`, the templates describe the data. At the lower end of its range mu is what the data
            prefer: they have less than the background where signal is expected.
        iterations: array (data sets,) of int.
    """

    pulls: FloatArray
    covariance: FloatArray
    twice_nll: FloatArray
    degrees_of_freedom: IntArray
    valid: BoolArray
    iterations: IntArray

    @property
    def mu_hat(self) -> FloatArray:
        """The estimates of mu, array (data sets,)."""
        return self.pulls[:, 0]

    @property
    def sigma(self) -> FloatArray:
        """Standard deviation of mu_hat, nuisance parameters profiled, array (data sets,)."""
        return np.sqrt(self.covariance[:, 0, 0])

    @property
    def errors(self) -> FloatArray:
        """Standard deviations of `pulls`, all others profiled, array (data sets, 7); 0 where not fitted or held."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


@dataclasses.dataclass(frozen=True)
class CramerRao:
    """Least standard deviations of mu_hat, arrays (points,): all nuisance parameters known, or profiled."""

    known: FloatArray
    profiled: FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Likelihood:
    """The likelihood of binned data under templates.

    Arguments:
        templates: `submission.templates.Templates`.
        config: `LikelihoodConfig`.
    """

    templates: Templates
    config: LikelihoodConfig = PRESETS["default"]

    @cached_property
    def relative_variance(self) -> FloatArray:
        """Relative variance of the templates' own error, array (bins,); 0 where it is not included."""
        nominal, variance = self.templates.nominal.sum(axis=0), self.templates.variance.sum(axis=0)
        relative: FloatArray = variance / np.maximum(nominal, self.templates.lowest) ** 2
        return relative if self.config.template_error else np.zeros_like(relative)

    @cached_property
    def fitted(self) -> BoolArray:
        """Whether each of `parameters.PARAMETERS` is fitted, array (7,)."""
        return np.array([name == "mu" or name in self.config.nuisance for name in PARAMETERS])

    @cached_property
    def bounds(self) -> FloatArray:
        """Smallest and largest mu and pulls that a fit can reach, array (2, 7)."""
        return np.column_stack([(_least_mu(self.templates), MU_RANGE[1]), PULL_BOUNDS])

    @cached_property
    def start(self) -> FloatArray:
        """mu and pulls that a fit starts from, array (7,); those that are not fitted stay there."""
        start: FloatArray = np.eye(len(PARAMETERS))[0]
        start[_SOFT_MET] = 0.0 if self.fitted[_SOFT_MET] else OFF_PULL
        return start

    @cached_property
    def _model(self) -> "_YieldModel | _ShapeModel":
        return _ShapeModel(self.templates) if self.config.shape_only else _YieldModel(self.templates)

    def expected(self, pulls: FloatArray, total: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Expected counts (points, bins) and their derivatives by mu and the pulls (points, 7, bins).

        Arguments:
            pulls: array (points, 7), as `parameters.PARAMETERS`.
            total: array (points,), events in the data; only used if `shape_only`.
        """
        expected, gradient = self._model.expected_and_gradient(values_from_pulls(pulls), total)
        return expected, gradient * (slopes_from_pulls(pulls) * self.fitted)[:, :, None]

    def twice_nll(self, pulls: FloatArray, counts: FloatArray) -> FloatArray:
        """-2 ln L up to a constant that depends on the data alone, array (points,).

        Arguments:
            pulls: array (points, 7).
            counts: array (points, bins).
        """
        return self._evaluate(pulls, counts)[0]

    def gradient(self, pulls: FloatArray, counts: FloatArray) -> FloatArray:
        """Derivatives of -2 ln L by mu and the pulls, array (points, 7); arguments as `twice_nll`."""
        return self._evaluate(pulls, counts)[1]

    def information(self, pulls: FloatArray, total: FloatArray | None = None) -> FloatArray:
        """Expected information matrix, priors included, arrays (points, 7, 7); arguments as `expected`.

        Its rows and columns are those of the unit matrix for nuisance parameters that are not fitted.
        """
        expected, gradient = self.expected(pulls, total)
        weight = 1 / (expected + self.relative_variance * expected**2)
        return (gradient * weight[:, None]) @ gradient.transpose(0, 2, 1) + _PRIOR_INFORMATION

    def cramer_rao(self, pulls: FloatArray, total: FloatArray | None = None) -> CramerRao:
        """`CramerRao` bounds of the standard deviation of mu_hat; arguments as `expected`."""
        information = self.information(pulls, total)
        return CramerRao(information[:, 0, 0] ** -0.5, np.sqrt(np.linalg.inv(information)[:, 0, 0]))

    def fit(self, counts: ArrayLike, held: Mapping[str, ArrayLike] | None = None) -> FitResult:
        """Maximise the likelihood of each data set.

        Arguments:
            counts: array (data sets, bins).
            held: values of parameters that are held, not fitted: a dict from the name of a fitted parameter to mu or
                the pull, a number or an array (data sets,). The prior of a held pull stays in -2 ln L.

        Returns:
            `FitResult`; finite whatever the counts are.

        Raises:
            ValueError: the counts have another number of bins, or one is negative or not finite; a held parameter is
                not among the fitted ones, or its value out of `bounds`.
        """
        counts = np.asarray(counts, dtype=float)
        if counts.ndim != 2 or counts.shape[1] != self.templates.bins:
            raise ValueError(f"counts of shape {counts.shape}; needed is (data sets, {self.templates.bins})")
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise ValueError("counts that are negative or not finite")
        start, free = self._start_of(len(counts), held or {})
        rows = [slice(first, first + _BLOCK) for first in range(0, max(len(counts), 1), _BLOCK)]
        blocks = [self._fit_block(counts[some], start[some], free) for some in rows]
        fields = [field.name for field in dataclasses.fields(FitResult)]
        return FitResult(**{name: np.concatenate([getattr(block, name) for block in blocks]) for name in fields})

    def _start_of(self, size: int, held: Mapping[str, ArrayLike]) -> tuple[FloatArray, BoolArray]:
        """Where the fits of `size` data sets start, array (size, 7), and which parameters are free, array (7,)."""
        start, free = np.tile(self.start, (size, 1)), self.fitted.copy()
        for name, values in held.items():
            if name not in PARAMETERS or not self.fitted[PARAMETERS.index(name)]:
                fitted = ", ".join(np.array(PARAMETERS)[self.fitted])
                raise ValueError(f"{name} cannot be held, as this likelihood does not fit it; it fits {fitted}")
            place = PARAMETERS.index(name)
            start[:, place], free[place] = values, False
            low, high = self.bounds[:, place]
            if not ((start[:, place] >= low - _ROUNDING) & (start[:, place] <= high + _ROUNDING)).all():
                raise ValueError(f"{name} cannot be held at {np.asarray(values)}: it can be {low:.4g} to {high:.4g}")
        return start, free

    def _evaluate(self, pulls: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """-2 ln L (points,), its gradient (points, 7) and nearly its second derivatives (points, 7, 7)."""
        expected, gradient = self.expected(pulls, counts.sum(axis=1))
        r = self.relative_variance
        half = (1 - r * expected) / 2
        factor = half + np.sqrt(half**2 + r * counts)
        # As f_b is at its own maximum, -2 ln L depends on E_b as if f_b were fixed.
        residual = factor - counts / expected
        fitted = np.maximum(factor, 1e-300) * expected
        logarithm = np.log(np.where(counts > 0, counts / fitted, 1.0))
        value = 2 * np.sum(fitted - counts + counts * logarithm, axis=1)
        value += np.sum(np.divide((factor - 1) ** 2, r, where=r > 0, out=np.zeros_like(factor)), axis=1)
        prior = np.where(self.fitted, pulls, 0.0)
        prior[:, 0] = 0
        value += np.sum(prior**2, axis=1)
        slope = 2 * np.einsum("nb,npb->np", residual, gradient)
        weight = 1 / (expected + r * expected**2)
        curvature = 2 * ((gradient * weight[:, None]) @ gradient.transpose(0, 2, 1) + _PRIOR_INFORMATION)
        # Counts go with soft_met^2 = exp(2 pull), so E'' = 2 E'. Where that lowers the curvature, less than the prior
        # adds: the matrix stays positive definite.
        curvature[:, _SOFT_MET, _SOFT_MET] += np.maximum(2 * slope[:, _SOFT_MET], -1)
        return value, slope + 2 * prior, curvature

    def _fit_block(self, counts: FloatArray, start: FloatArray, free: BoolArray) -> FitResult:
        """Fisher scoring with the damping of Levenberg and Marquardt."""
        size, pulls = len(counts), start.copy()
        value, slope, curvature = self._evaluate(pulls, counts)
        damping = np.zeros(size)
        iterations = np.zeros(size, dtype=int)
        converged = np.zeros(size, dtype=bool)
        active = np.arange(size)
        while len(active) and iterations[active[0]] < MAX_ITERATIONS:
            iterations[active] += 1
            step = self._step(free, pulls[active], slope[active], curvature[active], damping[active])
            promise = -0.5 * np.sum(step * slope[active], axis=1)
            new = self._evaluate(pulls[active] + step, counts[active])
            gain = value[active] - new[0]
            better = gain >= -1e-10 * (1 + np.abs(value[active]))
            moved = active[better]
            pulls[moved] += step[better]
            for old, update in zip((value, slope, curvature), new):
                old[moved] = update[better]
            converged[active] = better & (promise * (1 + damping[active]) < TOLERANCE)
            more, less = gain < 0.25 * promise, gain > 0.75 * promise
            damping[active] = np.select(
                [more, less], [4 * damping[active] + 0.2, damping[active] / 10], damping[active]
            )
            active = active[~converged[active]]
        valid = converged & (pulls[:, 0] < self.bounds[1, 0]) & (counts.sum(axis=1) > 0)
        if self.config.check_fit:
            valid &= value < counts.shape[1] + WORST_FIT * np.sqrt(2 * counts.shape[1])
        both = np.outer(free, free)
        information = np.where(both, self.information(pulls, counts.sum(axis=1)), np.eye(len(PARAMETERS)))
        covariance = np.linalg.inv(information) * both
        # Of bins and priors as many as there are, less the parameters and the total that a shape is normalised to.
        freedom = counts.shape[1] - self.config.shape_only + self.fitted[1:].sum() - free.sum()
        return FitResult(pulls, covariance, value, np.full(size, freedom), valid, iterations)

    def _step(
        self, free: BoolArray, pulls: FloatArray, slope: FloatArray, curvature: FloatArray, damping: FloatArray
    ) -> FloatArray:
        """Damped Newton steps, (points, 7), within the bounds; a parameter that a bound holds back does not move."""
        lower, upper = self.bounds
        fixed = ~free | (pulls <= lower) & (slope > 0) | (pulls >= upper) & (slope < 0)
        matrix = np.where(fixed[:, :, None] | fixed[:, None], 0.0, curvature)
        diagonal = np.arange(len(PARAMETERS))
        matrix[:, diagonal, diagonal] = np.where(fixed, 1.0, matrix[:, diagonal, diagonal] * (1 + damping[:, None]))
        step = -np.linalg.solve(matrix, np.where(fixed, 0.0, slope)[:, :, None])[:, :, 0]
        return np.where(fixed, 0.0, np.clip(pulls + step, lower, upper) - pulls)


def mu_response(templates: Templates, mu: float = 1.0) -> FloatArray:
    """Shift of mu_hat, in units of its standard deviation, by one more event in a bin: array (1, bins).

    In linear order, for exact templates, nuisance parameters profiled, at their medians and signal strength `mu`.
    """
    likelihood = Likelihood(templates, LikelihoodConfig(template_error=False))
    pulls = np.zeros((1, len(PARAMETERS)))
    pulls[:, 0] = mu
    expected, gradient = likelihood.expected(pulls)
    covariance = np.linalg.inv(likelihood.information(pulls))
    weighted = gradient / expected[:, None]
    shifts: FloatArray = np.einsum("np,npb->nb", covariance[:, 0], weighted) / np.sqrt(covariance[:, :1, 0])
    return shifts


class _YieldModel:
    """Counts as the templates expect them."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def expected_and_gradient(self, values: FloatArray, _total: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        return self._templates.expected_and_gradient(values)


class _ShapeModel:
    """As many events as in the data, shared by normalised shapes of S and B: n (f s + (1 - f) b), f = mu f(mu = 1)."""

    def __init__(self, templates: Templates) -> None:
        is_signal = (np.arange(len(templates.coefficients)) == SIGNAL)[:, None, None]
        self._signal, self._background = (
            dataclasses.replace(templates, coefficients=np.where(selected, templates.coefficients, 0.0))
            for selected in (is_signal, ~is_signal)
        )
        self._fraction = templates.nominal[SIGNAL].sum() / templates.nominal.sum()

    def expected_and_gradient(self, values: FloatArray, total: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        if total is None:
            raise ValueError("a likelihood of the shape alone needs the total number of events")
        fraction = self._fraction * values[:, :1]
        unit = np.concatenate([np.ones_like(fraction), values[:, 1:]], axis=1)
        s, s_gradient = _normalised(*self._signal.expected_and_gradient(unit))
        b, b_gradient = _normalised(*self._background.expected_and_gradient(unit))
        mixed = fraction * s + (1 - fraction) * b
        gradient = fraction[:, :, None] * s_gradient + (1 - fraction[:, :, None]) * b_gradient
        gradient[:, 0] = self._fraction * (s - b)
        expected, slope = positive(np.reshape(total, (-1, 1)) * mixed, LOWEST_COUNT)
        return expected, np.reshape(total, (-1, 1, 1)) * gradient * slope[:, None]


def _normalised(expected: FloatArray, gradient: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Shape and its derivatives from counts and theirs."""
    total = expected.sum(axis=1, keepdims=True)
    shape = expected / total
    return shape, (gradient - gradient.sum(axis=2, keepdims=True) * shape[:, None]) / total[:, :, None]


def _least_mu(templates: Templates) -> float:
    """The signal strength at which nominally 95% of the background of the bin with the largest S/B would vanish."""
    signal = templates.nominal[SIGNAL]
    background = np.maximum(templates.nominal.sum(axis=0) - signal, templates.lowest)
    ratio = np.max(signal / background)
    return max(MU_RANGE[0], float(-0.95 / ratio)) if ratio > 0 else MU_RANGE[0]
