"""Scores of the challenge: per set, overall and of the final phase's bootstraps (docs/protocol.md#score).

mu, its estimates and the ends of its intervals are dimensionless (mu = 1: the Standard Model's signal), so that every
number here is dimensionless too, save the ingestion's duration.

Example:
    >>> result = {"mu_hats": [1.1, 0.7], "delta_mu_hats": [0.1, 0.1], "p16": [1.0, 0.6], "p84": [2.0, 0.8]}
    >>> scores = score_sets([1.0], [result])
    >>> round(scores.interval, 3), scores.coverage
    (0.6, 0.5)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from .arrays import BoolArray, DoubleArray, Numbers
from .schema import RESULT_LISTS

#: Coverage that an interval should have.
ONE_SIGMA = 0.6827
#: Added to the mean width, so that a width of 0 has a finite score.
EPSILON = 1e-3
#: Number of bootstraps of the final phase; number b is drawn with the seed BOOTSTRAP_SEED + b.
BOOTSTRAPS, BOOTSTRAP_SEED = 1000, 42
#: How often the pseudo-experiments of a set are redrawn for the error of its score.
REDRAWN = 400


def rmse(mu: float, mu_hats: DoubleArray, delta_mu_hats: DoubleArray) -> float:
    """Mean of the `rmse_terms` of a set."""
    return float(np.mean(rmse_terms(mu, mu_hats, delta_mu_hats)))


def rmse_terms(mu: float, mu_hats: DoubleArray, delta_mu_hats: DoubleArray) -> DoubleArray:
    """sqrt((mu_hat - mu)^2 + ((mu_hat - mu)^2 - delta^2)^2) of arrays (experiments,)."""
    squares = (mu_hats - mu) ** 2
    return np.asarray(np.sqrt(squares + (squares - delta_mu_hats**2) ** 2))


def mae(mu: float, mu_hats: DoubleArray, delta_mu_hats: DoubleArray) -> float:
    """Mean of |mu_hat - mu| + ||mu_hat - mu| - delta| over arrays (experiments,)."""
    distances = np.abs(mu_hats - mu)
    return float(np.mean(distances + np.abs(distances - delta_mu_hats)))


@overload
def covered(mu: float, p16: float, p84: float) -> bool: ...
@overload
def covered(mu: float, p16: DoubleArray, p84: DoubleArray) -> BoolArray: ...
def covered(mu: float, p16: Numbers, p84: Numbers) -> bool | BoolArray:
    """Whether p16 <= mu <= p84, ends included; never so where p16 > p84."""
    return (p16 <= mu) & (mu <= p84)


def sigma68(size: Numbers) -> Numbers:
    """Standard deviation of the coverage of `size` perfect intervals: sqrt(0.6827 (1 - 0.6827) / N)."""
    return np.sqrt(ONE_SIGMA * (1 - ONE_SIGMA) * size) / size


def coverage_band(size: Numbers) -> tuple[Numbers, Numbers]:
    """Ends of the coverages that are not penalised: 0.6827 - 2 sigma68 and 0.6827 + 2 sigma68."""
    return ONE_SIGMA - 2 * sigma68(size), ONE_SIGMA + 2 * sigma68(size)


def coverage_penalty(coverage: Numbers, size: Numbers) -> Numbers:
    """f: 1 within the band, 1 + (distance / sigma68)^4 below it and 1 + (distance / sigma68)^3 above it."""
    low, high = coverage_band(size)
    below, above = np.maximum(0, low - coverage), np.maximum(0, coverage - high)
    return 1 + (below / sigma68(size)) ** 4 + (above / sigma68(size)) ** 3


def quantiles_score(interval: Numbers, coverage: Numbers, size: Numbers) -> Numbers:
    """-ln((w + 1e-3) f) of mean widths w, coverages and numbers of intervals, arrays or numbers; larger is better."""
    return -np.log((interval + EPSILON) * coverage_penalty(coverage, size))


def share_interval(share: float, size: int) -> tuple[float, float]:
    """Ends of the 68% interval of a share of `size` cases; unlike sqrt(c (1 - c) / N) it is right at 0 and 1 too.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.

    Example:
        >>> low, high = share_interval(0.0, 4)
        >>> low, round(high, 3)
        (0.0, 0.2)
    """
    centre, half = share + 0.5 / size, np.sqrt(share * (1 - share) / size + 0.25 / size**2)
    return float(max(0.0, (centre - half) / (1 + 1 / size))), float(min(1.0, (centre + half) / (1 + 1 / size)))


@dataclass(frozen=True)
class Score:
    """Scores of one set or of all.

    Arguments:
        rmse, mae: of one set, or the mean of the sets' values.
        interval: mean width |p84 - p16|.
        coverage: share of the intervals with p16 <= mu <= p84.
        size: number of intervals.
    """

    rmse: float
    mae: float
    interval: float
    coverage: float
    size: int

    @property
    def coverage_error(self) -> float:
        """Statistical error of the coverage, sqrt(c (1 - c) / N)."""
        return float(np.sqrt(self.coverage * (1 - self.coverage) / self.size))

    @property
    def coverage_interval(self) -> tuple[float, float]:
        """Ends of the coverage's 68% interval, `share_interval`."""
        return share_interval(self.coverage, self.size)

    @property
    def f(self) -> float:
        """The penalty for a wrong coverage, `coverage_penalty`."""
        return float(coverage_penalty(self.coverage, self.size))

    @property
    def quantiles_score(self) -> float:
        """The challenge's score, `quantiles_score`."""
        return float(quantiles_score(self.interval, self.coverage, self.size))


@dataclass(frozen=True, eq=False)
class SetScore(Score):
    """Score of one set, with what it was made of: the true mu and the results, arrays (experiments,)."""

    mu: float
    mu_hats: DoubleArray
    delta_mu_hats: DoubleArray
    p16: DoubleArray
    p84: DoubleArray

    @property
    def widths(self) -> DoubleArray:
        """|p84 - p16| of each interval."""
        return np.abs(self.p84 - self.p16)

    @property
    def interval_error(self) -> float:
        """Statistical error of the mean width."""
        return float(np.std(self.widths) / np.sqrt(self.size))

    @property
    def score_quantiles(self) -> DoubleArray:
        """The 16% and 84% quantiles of the score where the set's pseudo-experiments are redrawn with replacement."""
        rows = np.random.default_rng(0).integers(self.size, size=(REDRAWN, self.size))
        coverage = covered(self.mu, self.p16, self.p84)[rows].mean(axis=1)
        return np.quantile(quantiles_score(self.widths[rows].mean(axis=1), coverage, self.size), (0.16, 0.84))

    @property
    def pulls(self) -> DoubleArray:
        """(mu_hat - mu) / (half the width) of those intervals that have a width; ideally of mean 0 and deviation 1."""
        half = self.widths / 2
        wide = half > 0
        return (self.mu_hats - self.mu)[wide] / half[wide]

    @property
    def pull_quantiles(self) -> DoubleArray:
        """The 16%, 50% and 84% quantiles of the pulls; unlike mean and deviation they bear very short intervals."""
        return np.quantile(self.pulls, (0.16, 0.5, 0.84))


@dataclass(frozen=True, eq=False)
class Scores(Score):
    """Overall score and, in `sets`, the score of each set."""

    sets: tuple[SetScore, ...]

    @property
    def score_quantiles(self) -> DoubleArray:
        """The 16% and 84% quantiles of the score where the pseudo-experiments of each set are redrawn."""
        random, width, covers = np.random.default_rng(0), np.zeros(REDRAWN), np.zeros(REDRAWN)
        for subset in self.sets:
            rows = random.integers(subset.size, size=(REDRAWN, subset.size))
            width += subset.widths[rows].sum(axis=1)
            covers += covered(subset.mu, subset.p16, subset.p84)[rows].sum(axis=1)
        return np.quantile(quantiles_score(width / self.size, covers / self.size, self.size), (0.16, 0.84))

    @property
    def interval_error(self) -> float:
        """Statistical error of the mean width, from the scatter within each set."""
        return float(np.sqrt(sum((score.size * score.interval_error) ** 2 for score in self.sets)) / self.size)

    @property
    def crossed(self) -> int:
        """Number of intervals with p16 > p84: they count with their width |p84 - p16| and never cover."""
        return sum(int(np.sum(score.p16 > score.p84)) for score in self.sets)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Texts about results that were scored but should not be so."""
        if not self.crossed:
            return ()
        return (
            f"{self.crossed} of {self.size} intervals have p16 > p84: scored as the official program does, "
            "with the width |p84 - p16| and as not covering mu; mend the submission's predict()",
        )


def score_set(mu: float, result: Mapping[str, npt.ArrayLike]) -> SetScore:
    """Score one set.

    Arguments:
        mu: the set's true signal strength.
        result: dict of the four lists `RESULT_LISTS` of finite numbers, equally long, as in `result_{i}.json`.

    Returns:
        `SetScore`.
    """
    mu_hats, delta_mu_hats, p16, p84 = (np.asarray(result[key], dtype=float) for key in RESULT_LISTS)
    return SetScore(
        rmse=rmse(mu, mu_hats, delta_mu_hats),
        mae=mae(mu, mu_hats, delta_mu_hats),
        interval=float(np.mean(np.abs(p84 - p16))),
        coverage=float(np.mean(covered(mu, p16, p84))),
        size=len(p16),
        mu=float(mu),
        mu_hats=mu_hats,
        delta_mu_hats=delta_mu_hats,
        p16=p16,
        p84=p84,
    )


def score_sets(ground_truth_mus: Iterable[float], results: Iterable[Mapping[str, npt.ArrayLike]]) -> Scores:
    """Score all sets: rmse and mae are means of the sets' values, interval and coverage are over all intervals.

    Arguments:
        ground_truth_mus: the true mu of each set.
        results: for each set a dict as `score_set` takes it.

    Returns:
        `Scores`.
    """
    sets = tuple(score_set(mu, result) for mu, result in zip(ground_truth_mus, results))
    widths = np.concatenate([score.widths for score in sets])
    covers = np.concatenate([covered(score.mu, score.p16, score.p84) for score in sets])
    return Scores(
        rmse=float(np.mean([score.rmse for score in sets])),
        mae=float(np.mean([score.mae for score in sets])),
        interval=float(np.mean(widths)),
        coverage=float(np.mean(covers)),
        size=len(widths),
        sets=sets,
    )


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Interval, coverage and score of each bootstrap of the final phase, arrays (BOOTSTRAPS,)."""

    interval: DoubleArray
    coverage: DoubleArray
    quantiles_score: DoubleArray

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean and standard deviation of each, as the dict {"interval": {"mean": ..., "std": ...}, ...}."""
        return {
            name: {"mean": float(np.mean(values)), "std": float(np.std(values))} for name, values in vars(self).items()
        }


def bootstrap(scores: Scores) -> Bootstrap:
    """Redraw the sets of `scores` with replacement, as the final phase does, and score each draw.

    Coverage and interval of a draw are means of the drawn sets' values, N is the sum of their sizes.

    Returns:
        `Bootstrap`.
    """
    interval, coverage, size = (
        np.array([getattr(score, name) for score in scores.sets]) for name in ("interval", "coverage", "size")
    )
    count = len(scores.sets)
    rows = np.stack([np.random.RandomState(BOOTSTRAP_SEED + b).choice(count, size=count) for b in range(BOOTSTRAPS)])
    interval, coverage = interval[rows].mean(axis=1), coverage[rows].mean(axis=1)
    scores_of_draws = quantiles_score(interval, coverage, size[rows].sum(axis=1))
    return Bootstrap(interval, coverage, np.asarray(scores_of_draws))


class Running:
    """Coverage and mean width of the intervals so far, for a progress bar: each `add` costs the same.

    Example:
        >>> running = Running()
        >>> running.add(1.0, p16=0.9, p84=1.3)
        >>> running.add(1.0, p16=0.4, p84=0.6)
        >>> print(running)
        coverage 0.500, interval 0.300
    """

    def __init__(self) -> None:
        self.size, self._covered, self._width = 0, 0, 0.0

    def add(self, mu: float, p16: float, p84: float) -> None:
        """Count one interval, whose true value is `mu`."""
        self.size += 1
        self._covered += bool(covered(mu, p16, p84))
        self._width += abs(p84 - p16)

    def __str__(self) -> str:
        if not self.size:
            return ""
        return f"coverage {self._covered / self.size:.3f}, interval {self._width / self.size:.3f}"
