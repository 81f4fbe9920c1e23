"""The true nuisance parameters, and the errors of the estimates against them: which a submission has not under control.

The true values follow from the seeds of the pseudo-experiments, so any submission can be looked at.
"""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from .arrays import DoubleArray
from .figures import BLUE, GREEN, as_svg
from .fit_quality import Distribution
from .jobs import Outcome
from .nuisance import NUISANCE_PARAMETERS, draw_nuisance_parameters

#: Groups of pseudo-experiments by their true value, and the least size of one.
GROUPS, LEAST = 5, 4


def true_values(outcomes: Sequence[Outcome], systematics: Sequence[str]) -> list[dict[str, DoubleArray]]:
    """The true values of the nuisance parameters that vary, by name, of each set.

    Arguments:
        outcomes: of a run, in the order of sets and pseudo-experiments.
        systematics: nuisance parameters that vary in it.
    """
    sets: dict[int, list[dict[str, float]]] = {}
    for outcome in outcomes:
        values = draw_nuisance_parameters(outcome.experiment.seed, systematics)
        sets.setdefault(outcome.experiment.set_index, []).append(values)
    names = [parameter.name for parameter in NUISANCE_PARAMETERS if parameter.name in systematics]
    return [{name: np.array([values[name] for values in members]) for name in names} for members in sets.values()]


def errors_against_truth(outcomes: Sequence[Outcome], systematics: Sequence[str]) -> list[Distribution]:
    """mu_hat - mu against each nuisance parameter that varies.

    Arguments:
        outcomes: of a run.
        systematics: nuisance parameters that vary in it.

    Returns:
        list of `Distribution`; empty where there are too few pseudo-experiments.
    """
    if len(outcomes) < GROUPS * LEAST:
        return []
    residuals = np.array([outcome.prediction["mu_hat"] - outcome.experiment.mu for outcome in outcomes])
    values = [draw_nuisance_parameters(outcome.experiment.seed, systematics) for outcome in outcomes]
    plots = []
    for parameter in NUISANCE_PARAMETERS:
        if parameter.name in systematics:
            true = np.array([value[parameter.name] for value in values])
            standard = (np.log(np.maximum(true, 1e-3)) if parameter.lognormal else true - 1) / parameter.width
            slope, error = slope_of(standard, residuals)
            text = (
                f"μ̂ − μ by the true {parameter.name}: means of {GROUPS} groups of pseudo-experiments, with their "
                f"errors. Slope per standard deviation of the prior: {slope:+.3f} ± {error:.3f}; it is 0 where the fit "
                "takes the parameter into account."
            )
            label = f"true {parameter.name}" + " (GeV)" * (parameter.name == "soft_met")
            title = f"μ̂ − μ against {parameter.name}"
            plots.append(Distribution(title, text, _drawn(f"{title}. {text}", true, residuals, label)))
    return plots


def slope_of(x: DoubleArray, y: DoubleArray) -> tuple[float, float]:
    """Slope of a straight line through points by least squares, and its error from their scatter."""
    x = x - x.mean()
    total = float(x @ x)
    slope = float(x @ y) / total
    scatter = y - y.mean() - slope * x
    return slope, math.sqrt(float(scatter @ scatter) / max(len(x) - 2, 1) / total)


@as_svg
def _drawn(axes: Axes, true: DoubleArray, residuals: DoubleArray, xlabel: str) -> None:
    """Mean and its error of `residuals` in groups of equal size that rise in `true`."""
    axes.axhline(0, color=GREEN)
    for rows in np.array_split(np.argsort(true), GROUPS):
        mean, error = residuals[rows].mean(), residuals[rows].std() / math.sqrt(len(rows))
        axes.errorbar(true[rows].mean(), mean, error, true[rows].std(), fmt="o", color=BLUE)
    axes.set(xlabel=xlabel, ylabel="μ̂ − μ")
