"""Confidence belts: from an estimate mu_hat and its error to an interval with known coverage.

A belt is the set of data x that are accepted at each true mu; the interval of x is all mu that accept it (J. Neyman,
Phil. Trans. A 236 (1937) 333). The data are x = (mu_hat, tau), where tau is the error of mu_hat over the error that is
usual at this mu_hat: it tells how much a data set knows and hardly depends on mu itself.

    central   mu_hat between two quantiles at given mu
    pratt     largest p(x | mu) / mean over mu' of p(x | mu'): the shortest mean length over the range of mu
              (J. W. Pratt, J. Am. Stat. Assoc. 56 (1961) 549; docs/mathematics.md#belt)

The ordering takes p from a normal model of mu_hat at given mu and tau; only the length of the intervals depends on how
good that is. The thresholds are quantiles of what pseudo-experiments gave, smooth in mu and tau: where mu_hat is all
there is they fix the coverage at every mu; with the error nearly so, at every mu and tau.
"""

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from .arrays import ArrayLike, BoolArray, FloatArray, IntArray
from .codec import Bounds

#: Share of pseudo-experiments whose interval is to contain the true mu.
COVERAGE = 0.6827

ORDERINGS = ("central", "pratt")

#: Spread of log tau below which the errors are all the same, and mu_hat is all there is.
_LEAST_SPREAD = 1e-3

#: Points in mu and in log tau of the tables that make up a belt.
_MU_POINTS, _TAU_POINTS = 117, 9

#: Degree in mu of the polynomials that describe location, scale and thresholds.
_MU_DEGREE = 3

#: Degree in mu_hat of the polynomial for the usual error: what it misses would make tau tell about mu_hat.
_USUAL_DEGREE = 4

#: Points in mu_hat, and of the normal distribution, by which the model's threshold is computed.
_QUADRATURE = 1000

#: An upper threshold that no statistic reaches.
_NO_LIMIT = 1e9

#: Gradient of the quantile regression's loss, in shares of the throws, at which it is taken to have converged.
_LARGEST_SLOPE = 1e-5

#: Data sets worked on at a time.
_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class BeltConfig:
    """Which belt.

    Arguments:
        ordering: "central" or "pratt".
        use_error: whether x includes the error of mu_hat, or is mu_hat alone. Worth it where errors differ by much more
            than the few percent that mu alone explains.
        mu_range: smallest and largest true mu; intervals end there. (0.1, 3) in the challenge; elsewhere one knows only
            mu >= 0 and takes (0, some mu that cannot be).

    Raises:
        ValueError: an unknown ordering, or an empty range.
    """

    ordering: Literal["central", "pratt"] = "pratt"
    use_error: bool = False
    mu_range: tuple[Annotated[float, Bounds()], Annotated[float, Bounds()]] = (0.1, 3.0)

    def __post_init__(self) -> None:
        low, high = self.mu_range
        object.__setattr__(self, "mu_range", (float(low), float(high)))
        if self.ordering not in ORDERINGS:
            raise ValueError(f"no ordering {self.ordering!r}; there are {', '.join(ORDERINGS)}")
        if not self.mu_range[0] < self.mu_range[1]:
            raise ValueError(f"mu_range is {self.mu_range}; its first number must be less than its second")


@dataclasses.dataclass(frozen=True)
class Intervals:
    """Confidence intervals, one per data set.

    Attributes:
        p16, p84: arrays (data sets,), their ends, p16 <= p84.
        empty: array (data sets,) of bool: no mu accepts the data set; the interval is then the one mu that comes
            closest.
    """

    p16: FloatArray
    p84: FloatArray
    empty: BoolArray

    def cover(self, mu: ArrayLike) -> BoolArray:
        """Whether the true `mu`, array (data sets,) or number, lies within, ends included: array of bool."""
        return (self.p16 <= np.asarray(mu)) & (np.asarray(mu) <= self.p84)


@dataclasses.dataclass(frozen=True)
class Belt:
    """A confidence belt, as tables over true mu (rows, equidistant in the range) and log tau (columns, equidistant).

    Arguments:
        config: `BeltConfig`.
        log_tau: array (taus,); one number if the error is not used.
        usual: array (7,), the usual error: coefficients of a polynomial of degree 4 in mu_hat for its logarithm, and
            the two mu_hat between which it holds.
        largest: the largest log tau that the belt was made with.
        location, scale: arrays (mus, taus), of mu_hat under the normal model.
        lower, upper: arrays (mus, taus), between which the ordering's statistic is accepted.

    Raises:
        ValueError: shapes that do not fit each other.
    """

    config: BeltConfig
    log_tau: FloatArray
    usual: FloatArray
    largest: float
    location: FloatArray
    scale: FloatArray
    lower: FloatArray
    upper: FloatArray

    def __post_init__(self) -> None:
        shape = np.shape(self.location)
        fits = all(np.shape(table) == shape for table in (self.scale, self.lower, self.upper))
        fits &= np.shape(self.usual) == (_USUAL_DEGREE + 3,) and np.shape(self.largest) == ()
        if not fits or len(shape) != 2 or shape[0] < 2 or np.shape(self.log_tau) != shape[1:]:
            raise ValueError(f"tables of a belt with shapes that do not fit each other, the first {shape}")

    @property
    def mu(self) -> FloatArray:
        """True mu of the rows of the tables, array (mus,)."""
        return np.linspace(*self.config.mu_range, len(self.location))

    def intervals(self, mu_hat: ArrayLike, sigma: ArrayLike, valid: ArrayLike = True) -> Intervals:
        """The intervals of data sets.

        Where the accepted mu are not connected the interval reaches from the smallest to the largest: coverage can
        only grow. Where none is accepted, it is the single mu that comes closest, which changes the coverage at no
        other one. It is the whole range if the fit is not valid, or the error more than twice as large as any that
        the belt was made with: such data say nothing that could be relied on.

        Arguments:
            mu_hat, sigma: arrays (data sets,), estimates and their errors.
            valid: array (data sets,) of bool, or one bool: whether the fits are valid.

        Returns:
            `Intervals`.
        """
        mu_hat, sigma, valid = np.broadcast_arrays(np.array(mu_hat, float), np.array(sigma, float), valid)
        log_tau = self.log_tau_of(mu_hat, sigma)
        known = valid & (log_tau <= self.largest + np.log(2))
        p16, p84 = (np.full(len(mu_hat), end) for end in self.config.mu_range)
        empty = np.zeros(len(mu_hat), dtype=bool)
        for rows in _blocks(np.flatnonzero(known)):
            margin = self.margin(mu_hat[rows], log_tau[rows])
            p16[rows], p84[rows], empty[rows] = _invert(self.mu, margin)
        return Intervals(p16, p84, empty)

    def log_tau_of(self, mu_hat: FloatArray, sigma: FloatArray) -> FloatArray:
        """Logarithm of tau, the error over the one that is usual at `mu_hat`, arrays (data sets,)."""
        return np.log(sigma) - _log_usual_error(self.usual, mu_hat)

    def margin(self, mu_hat: FloatArray, log_tau: FloatArray) -> FloatArray:
        """By how much the rows' mu accept data sets, negative where they do not: array (data sets, mus)."""
        lower, upper = (_at_tau(table, self.log_tau, log_tau) for table in (self.lower, self.upper))
        statistic = self.statistic(mu_hat, log_tau)
        return np.minimum(statistic - lower, upper - statistic)

    def statistic(self, mu_hat: FloatArray, log_tau: FloatArray) -> FloatArray:
        """What the ordering accepts by, at the rows' mu: array (data sets, mus).

        central: the pull (mu_hat - location) / scale; pratt: log p(x | mu) - log mean over mu' of p(x | mu').
        """
        location, scale = (_at_tau(table, self.log_tau, log_tau) for table in (self.location, self.scale))
        pull = (mu_hat[:, None] - location) / scale
        if self.config.ordering == "central":
            return pull
        log_density = -0.5 * pull**2 - np.log(scale)
        log_density -= log_density.max(axis=1, keepdims=True)
        # The mean over the range, by the trapezium rule.
        share = np.ones(log_density.shape[1])
        share[[0, -1]] = 0.5
        log_mean: FloatArray = np.log(np.exp(log_density) @ (share / share.sum()))
        return log_density - log_mean[:, None]


def make_belt(
    mu: FloatArray, mu_hat: FloatArray, sigma: FloatArray, config: BeltConfig, kind: type[Belt] = Belt
) -> Belt:
    """The belt that pseudo-experiments give.

    Its coverage at a mu has the statistical error of a polynomial of degree 3: with true mu spread as `spread_mu` does,
    0.003 for 100,000 pseudo-experiments, falling with the root of their number.

    Arguments:
        mu: array (throws,), true mu within `config.mu_range`.
        mu_hat, sigma: arrays (throws,), estimates and their errors, of valid fits.
        config: `BeltConfig`.
        kind: `Belt`, or a subclass with a statistic of its own, which accepts where it is large (ordering "pratt").

    Returns:
        the belt, a `kind`.

    Raises:
        numpy.linalg.LinAlgError: no thresholds can be found.
    """
    usual = _fit_usual_error(mu_hat, sigma)
    log_tau = np.log(sigma) - _log_usual_error(usual, mu_hat)
    largest = float(log_tau.max())
    low, high = np.quantile(log_tau, (0.0005, 0.9995))
    grid = np.linspace(low, high, _TAU_POINTS) if config.use_error and high - low > _LEAST_SPREAD else np.zeros(1)
    log_tau = np.clip(log_tau, grid[0], grid[-1])
    mus = np.linspace(*config.mu_range, _MU_POINTS)
    table_mu, table_log_tau = np.meshgrid(mus, grid, indexing="ij")
    basis = _basis(mu, log_tau, config.mu_range, grid)
    table_basis = _basis(table_mu, table_log_tau, config.mu_range, grid)

    unit, table_unit = (np.exp(_log_usual_error(usual, m) + t) for m, t in ((mu, log_tau), (mus[:, None], grid)))
    shift, spread = _fit_normal(basis, (mu_hat - mu) / unit)
    location, scale = mus[:, None] + table_unit * (table_basis @ shift), table_unit * np.exp(table_basis @ spread)
    zeros = np.zeros_like(scale)
    belt = kind(config, grid, usual, largest, location, scale, zeros, zeros)
    if config.ordering == "central":
        shares, start = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], zeros
    else:
        shares, start = [1 - COVERAGE], _model_threshold(belt)
        belt = dataclasses.replace(belt, lower=start)
    excess = np.empty_like(mu_hat)
    for rows in _blocks(np.arange(len(mu))):
        above = belt.statistic(mu_hat[rows], log_tau[rows]) - _at_tau(start, grid, log_tau[rows])
        excess[rows] = _at_mu(above, mus, mu[rows])
    lower, *upper = (start + table_basis @ _quantile_regression(basis, excess, share) for share in shares)
    return dataclasses.replace(belt, lower=lower, upper=upper[0] if upper else np.full_like(lower, _NO_LIMIT))


def spread_mu(random: np.random.Generator, size: int, mu_range: tuple[float, float]) -> FloatArray:
    """True mu for the pseudo-experiments of a belt, array (size,): denser at the ends, where a polynomial needs it.

    With the density of the arcsine distribution the error of a fitted polynomial is about the same everywhere.

    Arguments:
        random: `numpy.random.Generator`.
        size: number of draws.
        mu_range: smallest and largest mu.
    """
    low, high = mu_range
    return (low + high) / 2 - (high - low) / 2 * np.cos(np.pi * random.random(size))


def _model_threshold(belt: Belt) -> FloatArray:
    """The threshold of Pratt's ordering if the normal model were true, array (mus, taus)."""
    quantiles = ndtri((np.arange(_QUADRATURE) + 0.5) / _QUADRATURE)
    threshold = np.empty_like(belt.location)
    for column, log_tau in enumerate(belt.log_tau):
        location, scale = belt.location[:, column], belt.scale[:, column]
        mu_hat = np.linspace(np.min(location - 4 * scale), np.max(location + 4 * scale), _QUADRATURE)
        statistic = belt.statistic(mu_hat, np.full(_QUADRATURE, log_tau))
        for row in range(len(threshold)):
            statistics = np.interp(location[row] + scale[row] * quantiles, mu_hat, statistic[:, row])
            threshold[row, column] = np.quantile(statistics, 1 - COVERAGE)
    return threshold


def _fit_usual_error(mu_hat: FloatArray, sigma: FloatArray) -> FloatArray:
    ends = np.quantile(mu_hat, (0.0003, 0.9997))
    inside = (mu_hat >= ends[0]) & (mu_hat <= ends[1])
    return np.concatenate(
        [np.polynomial.polynomial.polyfit(mu_hat[inside], np.log(sigma[inside]), _USUAL_DEGREE), ends]
    )


def _log_usual_error(usual: FloatArray, mu_hat: FloatArray) -> FloatArray:
    """Logarithm of the error that is usual at `mu_hat`, shape of `mu_hat`."""
    return np.polynomial.polynomial.polyval(np.clip(mu_hat, *usual[-2:]), usual[:-2])


def _basis(mu: FloatArray, log_tau: FloatArray, mu_range: tuple[float, float], grid: FloatArray) -> FloatArray:
    """Products of Legendre polynomials in mu and in log tau, array (..., terms)."""
    scaled = 2 * (mu - mu_range[0]) / (mu_range[1] - mu_range[0]) - 1
    basis = np.polynomial.legendre.legvander(scaled, _MU_DEGREE)
    if len(grid) == 1:
        return basis
    reduced = 2 * (log_tau - grid[0]) / (grid[-1] - grid[0]) - 1
    return np.concatenate([basis, reduced[..., None] * basis, (reduced**2)[..., None]], axis=-1)


def _fit_normal(basis: FloatArray, residual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients of the location and of the logarithm of the scale of `residual`, array (throws,)."""
    shift = np.linalg.lstsq(basis, residual, rcond=None)[0]
    # The logarithm of a standard normal number's modulus is -0.635 on average.
    logarithm = np.log(np.maximum(np.abs(residual - basis @ shift), 1e-6)) + 0.635
    return shift, np.linalg.lstsq(basis, logarithm, rcond=None)[0]


def _quantile_regression(basis: FloatArray, values: FloatArray, share: float) -> FloatArray:
    """Coefficients of the function that the share `share` of `values`, array (throws,), lies below.

    Minimises the check loss with its kink smoothed, a convex function whose gradient is
    sum_i basis_i (P(values_i < function_i) - share), with P a normal step over so much of the values' spread that
    enough of them lie within (M. Fernandes, E. Guerre, E. Horta, J. Bus. Econ. Stat. 39 (2021) 338).
    """
    throws, terms = basis.shape
    low, start, high = np.quantile(values, (0.1587, share, 0.8413))
    spread = (high - low) / 2 or 1.0
    scaled = (values - start) / spread
    coefficients = np.zeros(terms)
    # From a wide step to a narrow one: each minimum is a good start for the next.
    for width in np.geomspace(0.5, min(0.5, max(0.025, (terms / throws) ** 0.4)), 3):

        def loss(x: FloatArray, width: float = width) -> tuple[float, FloatArray]:
            distance = (basis @ x - scaled) / width
            below, density = ndtr(distance), np.exp(-0.5 * distance**2) / np.sqrt(2 * np.pi)
            return width * np.mean(distance * (below - share) + density), basis.T @ (below - share) / throws

        def curvature(x: FloatArray, width: float = width) -> FloatArray:
            distance = (basis @ x - scaled) / width
            hessian: FloatArray = basis.T @ (np.exp(-0.5 * distance**2)[:, None] * basis)
            hessian /= np.sqrt(2 * np.pi) * width * throws
            return hessian

        # A trust region holds where the curvature is singular, as it is where no values are near.
        minimum = minimize(loss, coefficients, method="trust-exact", jac=True, hess=curvature, options={"gtol": 1e-7})
        coefficients = minimum.x
        slope = np.linalg.norm(minimum.jac)
        if not slope < _LARGEST_SLOPE:
            raise np.linalg.LinAlgError(f"{minimum.message} The gradient is {slope:.2g}")
    coefficients[0] += start / spread
    return spread * coefficients


def _at_tau(table: FloatArray, grid: FloatArray, log_tau: FloatArray) -> FloatArray:
    """Rows of `table` (mus, taus) at each `log_tau`, linear between the columns, constant beyond: (data sets, mus)."""
    if len(grid) == 1:
        return np.broadcast_to(table[:, 0], (len(log_tau), len(table)))
    place = np.clip((log_tau - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    left = np.minimum(place.astype(int), len(grid) - 2)
    share = (place - left)[:, None]
    columns = table.T
    rows: FloatArray = (1 - share) * columns[left] + share * columns[left + 1]
    return rows


def _at_mu(rows: FloatArray, mus: FloatArray, mu: FloatArray) -> FloatArray:
    """One number of each of `rows` (data sets, mus), at its own `mu`, linear in between: array (data sets,)."""
    place = (mu - mus[0]) / (mus[1] - mus[0])
    left = np.clip(place.astype(int), 0, len(mus) - 2)
    number = np.arange(len(rows))
    first = rows[number, left]
    values: FloatArray = first + (place - left) * (rows[number, left + 1] - first)
    return values


def _invert(mus: FloatArray, margin: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Ends of the mu with a positive margin (data sets, mus), and whether there is none: three arrays (data sets,)."""
    accepted = margin > 0
    empty = np.logical_not(accepted.any(axis=1))
    closest = margin.argmax(axis=1)
    first = np.where(empty, closest, accepted.argmax(axis=1))
    last = np.where(empty, closest, len(mus) - 1 - accepted[:, ::-1].argmax(axis=1))
    return _crossing(mus, margin, first, first - 1), _crossing(mus, margin, last, last + 1), empty


def _crossing(mus: FloatArray, margin: FloatArray, inside: IntArray, outside: IntArray) -> FloatArray:
    """Where the margin vanishes between the mu numbered `inside` and `outside`, or `inside` if that is the last."""
    rows = np.arange(len(margin))
    outside = np.clip(outside, 0, len(mus) - 1)
    here, there = margin[rows, inside], margin[rows, outside]
    crosses = (here > 0) & (there <= 0)
    share = np.divide(here, here - there, out=np.zeros_like(here), where=crosses)
    return mus[inside] + share * (mus[outside] - mus[inside])


def _blocks(rows: IntArray) -> Iterator[IntArray]:
    return (rows[i : i + _BLOCK] for i in range(0, len(rows), _BLOCK))
