"""Coverage and mean width over the range of mu, and their statistical errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import chi2 as chi_squared

from submission.arrays import ArrayLike, FloatArray
from submission.confidence import COVERAGE, BeltConfig
from submission.throws import Throws, random_stream
from training.neyman import check_belt, make_belts

#: Belts made of redrawn throws behind a belt's statistical error, which is then known to a sixth.
REDRAWS = 20


def flatness(mu: ArrayLike, share: ArrayLike, number: ArrayLike) -> dict[str, Any]:
    """Whether coverage is the same, and as it should be, at all true mu.

    Errors are those that the nominal coverage would have: sqrt(0.6827 (1 - 0.6827) / number).

    Arguments:
        mu: array (mus,).
        share: array (mus,), coverage at each.
        number: array (mus,), pseudo-experiments at each.

    Returns:
        dict: "mean" with its error, "least" and "largest" coverage, "chi2" of the nominal coverage at all mu, its
        degrees of freedom "dof" and "p"; "slope" of a linear fit in mu with its error, None for a single mu.
    """
    mu, share, weight = np.asarray(mu), np.asarray(share), np.asarray(number) / (COVERAGE * (1 - COVERAGE))
    several = len(np.unique(mu)) > 1
    mean, centre = np.average(share, weights=weight), np.average(mu, weights=weight)
    chi2 = float(np.sum(weight * (share - COVERAGE) ** 2))
    spread = float(np.sum(weight * (mu - centre) ** 2))
    return {
        "mean": float(mean),
        "mean_error": float(np.sum(weight) ** -0.5),
        "least": float(np.min(share)),
        "largest": float(np.max(share)),
        "chi2": chi2,
        "dof": len(mu),
        "p": float(chi_squared.sf(chi2, len(mu))),
        "slope": float(np.sum(weight * (mu - centre) * share) / spread) if several else None,
        "slope_error": spread**-0.5 if several else None,
    }


def chi2_text(flat: Mapping[str, Any]) -> str:
    """Of what `flatness` says chi2 over its degrees of freedom, and p: "26.1 / 10 (0.0036)"."""
    return f"{flat['chi2']:.1f} / {flat['dof']} ({flat['p']:.2g})"


def slope_text(flat: Mapping[str, Any]) -> str:
    """Of what `flatness` says the slope and its error, "" for a single mu: "+0.0171 ± 0.0049"."""
    return "" if flat["slope"] is None else f"{flat['slope']:+.4f} ± {flat['slope_error']:.4f}"


def mean_over(mu: FloatArray, values: ArrayLike) -> float:
    """Mean of `values`, array (mus,), over the range of the rising `mu` by the trapezium rule."""
    values = np.asarray(values)
    return float(np.trapezoid(values, mu) / (mu[-1] - mu[0])) if len(mu) > 1 else float(values[0])


@dataclasses.dataclass(frozen=True)
class Redrawn:
    """What belts reach that are made of redrawn throws: arrays (redraws,) of mean width and mean coverage."""

    width: FloatArray
    coverage: FloatArray

    def errors(self) -> tuple[float, float]:
        """Standard deviations of mean width and mean coverage."""
        return float(np.std(self.width, ddof=1)), float(np.std(self.coverage, ddof=1))


def redrawn_belts(throws: Throws, config: BeltConfig, others: Throws, seed: int, redraws: int = REDRAWS) -> Redrawn:
    """Bootstrap of a belt: the statistical error that it has from the throws that it is made of.

    Which throws are drawn depends on their number and the seed alone. So two belts are redrawn alike, and the ratios of
    their widths have the spread that the ratio has: what two belts made of the same throws have in common cancels.

    Arguments:
        throws: that the belt is made of.
        config: of the belt.
        others: throws that belts are checked with.
        seed: of the redraws.
        redraws: number of belts.
    """
    random, size = random_stream(seed, "redraw", 0), len(throws.mu)
    outcomes = []
    for _ in range(redraws):
        (belt,) = make_belts(throws.select(random.integers(size, size=size)), [config])
        reached = check_belt(belt, others)
        outcomes.append((reached.mean_width[0], reached.coverage.mean()))
    return Redrawn(*np.transpose(outcomes))
