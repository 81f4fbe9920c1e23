"""How well the fits of a run went, as far as the submission says so: distributions beside what is expected of them.

A submission hands over -2 ln L and fitted pulls as further numbers (docs/score.md#further-numbers).
"""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import chi2, kstest, norm

from .arrays import DoubleArray
from .figures import BLUE, GREEN, as_svg
from .jobs import Outcome
from .nuisance import NUISANCE_PARAMETERS, NuisanceParameter, draw_nuisance_parameters

if TYPE_CHECKING:  # `runtime.plots` is imported before matplotlib
    from matplotlib.axes import Axes


class Distribution(NamedTuple):
    """A plot of a distribution with its caption; `svg` is an SVG element."""

    title: str
    text: str
    svg: str


def distributions(outcomes: Sequence[Outcome], systematics: Sequence[str]) -> list[Distribution]:
    """Goodness of fit and fitted pulls of pseudo-experiments, each beside its expectation.

    Arguments:
        outcomes: of a run.
        systematics: nuisance parameters that vary in it.

    Returns:
        list of `Distribution`; empty where the submission hands over no such numbers.
    """
    shown = []
    freedom = _further(outcomes, "degrees_of_freedom")
    reached = _further(outcomes, "twice_nll")
    if len(reached) and len(freedom) == len(reached) and freedom[0] > 0 and (freedom == freedom[0]).all():
        expected = chi2(freedom[0])
        text = (
            f"−2 ln L of each fit: mean {reached.mean():.1f} ± {reached.std() / math.sqrt(len(reached)):.1f}. Line: χ² "
            f"with {freedom[0]:.0f} degrees of freedom, mean {expected.mean():.0f}, deviation {expected.std():.1f}; "
            f"p-value {kstest(reached, expected.cdf).pvalue:.2g} (Kolmogorov and Smirnov). A finite sample of test "
            "events adds its own error to that: python -m measurement quality says how much."
        )
        shown.append(_distribution("Goodness of fit", text, "−2 ln L", reached, expected))
    for parameter in NUISANCE_PARAMETERS:
        residuals = pulls_beside_truth(outcomes, systematics, parameter)
        if len(residuals):
            text = (
                f"(fitted − true) / error of its pull: mean {residuals.mean():+.2f} ± "
                f"{residuals.std() / math.sqrt(len(residuals)):.2f}, deviation {residuals.std():.2f}. "
                "Line: what is expected, 0 ± 1."
            )
            shown.append(_distribution(parameter.name, text, "(fitted − true) / error", residuals, norm))
    return shown


def pulls_beside_truth(
    outcomes: Sequence[Outcome], systematics: Sequence[str], parameter: NuisanceParameter
) -> DoubleArray:
    """(fitted - true pull) / error of a nuisance parameter, array (fits,); none where it is not fitted, or off."""
    residuals = []
    for outcome in outcomes:
        pull, error = (outcome.further.get(f"{kind}_{parameter.name}") for kind in ("pull", "pull_error"))
        if pull is not None and error is not None and error > 0 and parameter.name in systematics:
            value = draw_nuisance_parameters(outcome.experiment.seed, systematics)[parameter.name]
            shift = math.log(value) if parameter.lognormal else value - 1
            residuals.append((pull - shift / parameter.width) / error)
    return np.array(residuals)


def _further(outcomes: Sequence[Outcome], name: str) -> DoubleArray:
    return np.array([outcome.further[name] for outcome in outcomes if name in outcome.further])


def _distribution(title: str, text: str, xlabel: str, values: DoubleArray, expected: Any) -> Distribution:
    return Distribution(title, text, _drawn(f"{title}. {text}", values, xlabel, expected))


@as_svg
def _drawn(axes: Axes, values: DoubleArray, xlabel: str, expected: Any) -> None:
    """Histogram of `values` with the line that the distribution `expected` of scipy.stats says."""
    low, high = min(values.min(), expected.ppf(0.001)), max(values.max(), expected.ppf(0.999))
    bins = int(np.clip(math.sqrt(len(values)), 8, 40))
    edges, grid = np.linspace(low, high, bins + 1), np.linspace(low, high, 400)
    axes.hist(values, bins=edges.tolist(), color=BLUE)
    axes.plot(grid, expected.pdf(grid) * len(values) * (edges[1] - edges[0]), color=GREEN)
    axes.set(xlabel=xlabel, ylabel="pseudo-experiments")
