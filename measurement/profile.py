"""What one data set says of each parameter of its likelihood: profiles, contours, impacts, shares of the error.

    q(a) = min over all but a of -2 ln L  -  min of -2 ln L

is 1 and 4 at the ends of the 1 and 2 sigma intervals of one parameter, and 2.30 and 6.18 on those of two
(docs/explain.md#equations).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from submission.arrays import FloatArray
from submission.likelihood import FitResult, Likelihood
from submission.parameters import PARAMETERS

#: What is held together to say what a group of nuisance parameters contributes to the error.
GROUPS = {
    "energy scales": ("tes", "jes"),
    "soft MET": ("soft_met",),
    "background yields": ("ttbar_scale", "diboson_scale", "bkg_scale"),
}

#: q at 68.27 and 95.45% for one parameter, and for two.
LEVELS, CONTOUR_LEVELS = (1.0, 4.0), (2.30, 6.18)

#: Errors from the estimate within which the ends of a likelihood interval are looked for.
_REACH = 12.0


def fitted_nuisance(likelihood: Likelihood) -> list[str]:
    """Names of the nuisance parameters that a likelihood fits."""
    return [name for name, fitted in zip(PARAMETERS[1:], likelihood.fitted[1:]) if fitted]


def scan(
    likelihood: Likelihood, counts: FloatArray, name: str, values: FloatArray, held: Mapping[str, float] | None = None
) -> FloatArray:
    """q of one parameter at `values`, the others fitted anew at each: array (values,).

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        counts: array (bins,), of the data.
        name: of the parameter.
        values: array (values,), mu or pulls, within `likelihood.bounds`.
        held: others that are held, at mu or pulls; the minimum is then over those that are left.

    Raises:
        ValueError: as `Likelihood.fit`.
    """
    return _scan(likelihood, counts, {name: np.asarray(values, dtype=float)}, held or {})


def contour(
    likelihood: Likelihood, counts: FloatArray, names: tuple[str, str], x: FloatArray, y: FloatArray
) -> FloatArray:
    """q of two parameters on a grid, the others fitted anew at each point: array (y, x); arguments as `scan`."""
    grid = dict(zip(names, (axis.ravel() for axis in np.meshgrid(x, y))))
    return _scan(likelihood, counts, grid, {}).reshape(len(y), len(x))


def _scan(
    likelihood: Likelihood, counts: FloatArray, grid: Mapping[str, FloatArray], held: Mapping[str, float]
) -> FloatArray:
    points = len(next(iter(grid.values())))
    least = likelihood.fit(counts[None], held).twice_nll[0]
    at_points = likelihood.fit(np.tile(counts, (points, 1)), {**held, **grid}).twice_nll
    difference: FloatArray = at_points - least
    return difference


def interval(likelihood: Likelihood, counts: FloatArray, level: float = 1.0) -> tuple[float, float]:
    """The two mu where q reaches `level`, an end of `likelihood.bounds` where it does not before."""
    fit = likelihood.fit(counts[None])
    low, high = likelihood.bounds[:, 0]
    return tuple(  # type: ignore[return-value]  # two of them
        _crossing(
            likelihood, counts, fit.mu_hat[0], np.clip(fit.mu_hat[0] + sign * _REACH * fit.sigma[0], low, high), level
        )
        for sign in (-1, 1)
    )


def _crossing(likelihood: Likelihood, counts: FloatArray, inside: float, outside: float, level: float) -> float:
    """Where q of mu crosses `level`: a grid between two mu, refined around the crossing, linear at the end."""
    for _ in range(3):
        mu = np.linspace(inside, outside, 33)
        q = scan(likelihood, counts, "mu", mu)
        above = np.flatnonzero(q > level)
        if not len(above) or above[0] == 0:
            return float(mu[-1] if not len(above) else mu[0])
        inside, outside, before, after = mu[above[0] - 1], mu[above[0]], q[above[0] - 1], q[above[0]]
    return float(inside + (level - before) / (after - before) * (outside - inside))


@dataclasses.dataclass(frozen=True)
class Impact:
    """What one nuisance parameter does to the estimate of mu.

    Attributes:
        name: of the parameter.
        pull, error: fitted, and its standard deviation.
        up, down: change of mu_hat with the pull held at `pull` + and - `error`, all else fitted anew.
        prior_up, prior_down: the same with + and - 1, the width of the prior.
        at_nominal: mu_hat with the pull held at 0.
        at_truth: mu_hat with the pull held at its true value; None where that is not known.
    """

    name: str
    pull: float
    error: float
    up: float
    down: float
    prior_up: float
    prior_down: float
    at_nominal: float
    at_truth: float | None = None


def impacts(likelihood: Likelihood, counts: FloatArray, truth: Mapping[str, float] | None = None) -> list[Impact]:
    """The impacts on mu of the nuisance parameters that are fitted, the largest first.

    Arguments:
        likelihood, counts: as for `scan`.
        truth: true pulls, where they are known.
    """
    fit, found = likelihood.fit(counts[None]), []
    for name in fitted_nuisance(likelihood):
        place = PARAMETERS.index(name)
        pull, error = float(fit.pulls[0, place]), float(fit.errors[0, place])
        true = (truth or {}).get(name)
        asked = [pull + error, pull - error, pull + 1, pull - 1, 0.0, *([] if true is None else [true])]
        values = np.clip(asked, *likelihood.bounds[:, place])
        mu_hat = likelihood.fit(np.tile(counts, (len(values), 1)), {name: values}).mu_hat
        changes = (mu_hat[:4] - fit.mu_hat[0]).tolist()
        found.append(Impact(name, pull, error, *changes, *mu_hat[4:].tolist()))
    return sorted(found, key=lambda impact: -max(abs(impact.up), abs(impact.down)))


@dataclasses.dataclass(frozen=True)
class Share:
    """What a source contributes to the error of mu_hat: `error`, and the `share` of its variance."""

    source: str
    error: float
    share: float


def shares(
    likelihood: Likelihood, fit: FitResult, total: float, groups: Mapping[str, Sequence[str]] = GROUPS
) -> list[Share]:
    """What statistics, each of `groups` and the templates' own error contribute to the error of mu_hat.

    A group contributes the variance by which that of mu_hat falls if its parameters are known, and the templates what
    it falls by if they were exact. Statistics are what is left with all known and exact templates. As the sources are
    correlated, the contributions need not add up.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        fit: of one data set.
        total: number of its events.
        groups: names of nuisance parameters by the name of their group; those not fitted are left out.

    Returns:
        list of `Share`, statistics first.
    """
    fitted = fitted_nuisance(likelihood)
    exact = Likelihood(likelihood.templates, dataclasses.replace(likelihood.config, template_error=False))
    whole = _variance(likelihood, fit, total, ())
    parts = {"statistics": _variance(exact, fit, total, fitted)}
    for name, members in groups.items():
        known = [member for member in members if member in fitted]
        if known:
            parts[name] = whole - _variance(likelihood, fit, total, known)
    if likelihood.config.template_error:
        parts["templates"] = whole - _variance(exact, fit, total, ())
    return [Share(name, float(np.sqrt(max(part, 0.0))), float(part / whole)) for name, part in parts.items()]


def _variance(likelihood: Likelihood, fit: FitResult, total: float, known: Iterable[str]) -> float:
    """Variance of mu_hat from the expected information at a fit, with some parameters known."""
    unknown = likelihood.fitted & ~np.isin(PARAMETERS, list(known))
    information = likelihood.information(fit.pulls, np.array([total]))[0][np.ix_(unknown, unknown)]
    return float(np.linalg.inv(information)[0, 0])
