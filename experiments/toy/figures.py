"""The toy study's figures."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.plotting import BELOW, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, panels, save
from submission.arrays import FloatArray

from .classifiers import Classifiers
from .gaussians import Grid, contrastive_density

STYLES = {
    "i": (BLUE, "o"),
    "ii": (RED, "s"),
    "iii": (GREEN, "^"),
    "iv": (ORANGE, "D"),
    "iv plain": (PURPLE, "v"),
    "bayes": (BLUE, "-"),
    "q_c": (RED, "s"),
    "mixed": (GREY, "-."),
    "ratio": (GREY, "-"),
}
#: Of each network the analytic prediction that it is compared with.
PREDICTED = {"i": "bayes", "ii": "q_c", "iii": "mixed", "iv": "mixed", "iv plain": "mixed"}
SHOWN = 1500  # points of each class drawn in a panel


def _panel(
    axes: Any,
    grid: Grid,
    values: FloatArray,
    title: str,
    signal: FloatArray | None = None,
    background: FloatArray | None = None,
    largest: float | None = None,
) -> Any:
    """Draw values on the grid, in shades up to `largest`, with points of the two classes over them."""
    side = len(grid.edge)
    image = axes.pcolormesh(grid.edge, grid.edge, values.reshape(side, side).T, cmap="Greys", vmin=0, vmax=largest)
    if signal is not None and background is not None:
        axes.scatter(*signal[:SHOWN].T, s=1, alpha=0.3, color=BLUE, label="S")
        axes.scatter(*background[:SHOWN].T, s=1, alpha=0.3, color=RED, label="B")
        axes.legend(loc="upper left", markerscale=6)
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), aspect="equal")
    return image


def _boundary(axes: Any, grid: Grid, strength: float) -> None:
    """Draw the analytic boundary P_S = c P_B, green."""
    side = len(grid.edge)
    inside = contrastive_density(grid.points, strength).reshape(side, side).T > 0
    axes.contour(grid.edge, grid.edge, inside.astype(float), levels=[0.5], colors=GREEN, linewidths=1)
    axes.plot([], [], color=GREEN, lw=1, label=f"$P_S = {strength:g}\\,P_B$")
    axes.legend(loc="upper left", markerscale=6)


def _analytic(grid: Grid, strength: float) -> FloatArray:
    q = contrastive_density(grid.points, strength)
    return q / (q.sum() * grid.area)


def _score(classifier: Classifiers, grid: Grid) -> FloatArray:
    with torch.no_grad():
        return torch.sigmoid(classifier(torch.as_tensor(grid.points[None], dtype=torch.float32)))[0].numpy()


def density(
    path: Path, grid: Grid, log_q: FloatArray, classifier: Classifiers, signal: FloatArray, background: FloatArray
) -> None:
    """Fig. 1: the analytic q_c at c = 1, the trained flow, and a classifier's score."""
    figure, axes = panels(1, 3, (14, 4.3))
    pictures = (
        (_analytic(grid, 1.0), "analytic $q_c$, c = 1", "density"),
        (np.exp(log_q), "trained flow, c = 1", "density"),
        (_score(classifier, grid), "classifier", "score"),
    )
    for axis, (values, title, unit) in zip(axes, pictures):
        figure.colorbar(_panel(axis, grid, values, title, signal, background), ax=axis, label=unit, shrink=0.8)
        _boundary(axis, grid, 1.0)
    save(figure, path, dpi=70)


def strengths(path: Path, grid: Grid, log_q: Mapping[float, FloatArray]) -> None:
    """App. B: analytic and trained density for several c; `log_q` holds the grid's values per c."""
    figure, axes = panels(2, len(log_q), (4.2 * len(log_q), 7.6))
    for column, (strength, learned) in zip(axes.T, log_q.items()):
        pair = _analytic(grid, strength), np.exp(learned)
        for axis, values, name in zip(column, pair, ("analytic", "trained")):
            image = _panel(axis, grid, values, f"{name}, c = {strength:g}", largest=np.max(pair))
            figure.colorbar(image, ax=axis, label="density", shrink=0.8)
            _boundary(axis, grid, strength)
    save(figure, path, dpi=70)


def rotated(
    path: Path,
    grid: Grid,
    log_q: FloatArray,
    classifier: Classifiers,
    signal: FloatArray,
    background: FloatArray,
    angle: float = 0.6,
) -> None:
    """Fig. 2: what a rotation of the data does to the classifier's and to the flow's picture."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    figure, axes = panels(1, 2, (9.6, 4.3))
    pictures = ((_score(classifier, grid), "classifier", "score"), (np.exp(log_q), "trained flow, c = 1", "density"))
    for axis, (values, title, unit) in zip(axes, pictures):
        image = _panel(axis, grid, values, title, signal @ turn.T, background @ turn.T)
        figure.colorbar(image, ax=axis, label=unit, shrink=0.8)
    figure.suptitle(f"trained on the data as they are, shown with the data rotated by {angle:g} rad")
    save(figure, path, dpi=70)


def accuracies(
    path: Path, results: Mapping[str, Any], networks: Mapping[str, str], predictions: Mapping[str, str]
) -> None:
    """Fig. 3: accuracy against nu of the predictions, and below how far the networks are from theirs.

    Network and prediction hardly differ, so their lines would hide each other in one panel. Nor do those for (i) and
    (ii): the second is drawn as hollow markers on the line of the first.
    """
    figure, axes = panels(2, len(results), (5 * len(results), 7), sharex="col", height_ratios=(3, 2))
    for column, (title, result) in zip(axes.T, results.items()):
        upper, lower = column
        nu = np.asarray(result["nu"])
        for name, label in predictions.items():
            colour, style = STYLES[name]
            text = label.replace("q_c", "$q_c$")
            kind = {"marker": style, "ls": "none", "mfc": "none", "ms": 7} if style == "s" else {"ls": style}
            upper.plot(nu, result["accuracy"][name], color=colour, label=text, **kind)
        lower.axhline(0, color="0.5", lw=0.8)
        for number, (name, label) in enumerate(networks.items()):
            colour, marker = STYLES[name]
            less, errors = (np.asarray(result[key][name]) for key in ("accuracy", "error"))
            less = less - np.asarray(result["accuracy"][PREDICTED[name]])
            place = nu + (number - (len(networks) - 1) / 2) * 0.016 * np.ptp(nu)  # side by side
            style = {"color": colour, "marker": marker, "markersize": 4, "capsize": 2, "linestyle": "none"}
            lower.errorbar(place, 100 * less, 100 * errors, label=f"({name}) {label}", **style)
        unit = " [rad]" if "rotation" in title else ""
        upper.set(title=title, ylabel="accuracy of the predictions")
        lower.set(xlabel=rf"nuisance parameter $\nu${unit}", ylabel="network less prediction [%]")
    both = zip(*(panel.get_legend_handles_labels() for panel in axes[:, 0]))
    handles, labels = (list(itertools.chain(*parts)) for parts in both)
    figure.legend(handles, labels, loc=BELOW, ncols=3)
    save(figure, path, dpi=85)
