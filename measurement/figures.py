"""The figures of the page of one measurement, each as an SVG element of the page and as a PNG."""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from runtime.plots import plain_style  # before matplotlib

# isort: split
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ingestion_test.figures import BLUE, GREEN, INK, STYLE, VERMILLION, svg_element
from submission.arrays import FloatArray

from .explanation import Channel, Explanation, Stack
from .profile import CONTOUR_LEVELS, LEVELS, Impact, Share

GREY = "#808080"

#: Backgrounds in the order in which they are stacked, with their names and colours; the largest is at the top.
STACK = {
    "diboson": ("diboson", "#cc79a7"),
    "ttbar": ("t t̄", "#e69f00"),
    "ztautau": ("Z → ττ", "#56b4e9"),
}

#: How wide the two-sided 68.27% of a unit normal distribution is drawn where pulls are.
PRIOR_BAND = {"color": GREEN, "alpha": 0.2, "linewidth": 0}

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class Drawing:
    """A figure: an SVG element in the colours of the page, and the content of a PNG file."""

    svg: str
    png: bytes


def _drawn(
    height: float, rows: int = 1, **options: Any
) -> Callable[[Callable[Concatenate[FloatArray, Arguments], None]], Callable[Concatenate[str, Arguments], Drawing]]:
    """Make of a function that plots into an array of `rows` axes one that returns a `Drawing`.

    The first argument of that one is a text that describes the plot to those who cannot see it.
    """

    def decorator(
        plot: Callable[Concatenate[FloatArray, Arguments], None],
    ) -> Callable[Concatenate[str, Arguments], Drawing]:
        @functools.wraps(plot)
        def drawing(label: str, *arguments: Arguments.args, **named: Arguments.kwargs) -> Drawing:
            with plain_style(STYLE):
                figure = Figure(figsize=(4.2, height), layout="constrained")
                plot(figure.subplots(rows, squeeze=False, **options)[:, 0], *arguments, **named)
                content = io.BytesIO()
                figure.savefig(content, format="png", transparent=False, facecolor="white")
                return Drawing(svg_element(figure, label), content.getvalue())

        return drawing

    return decorator


def _legend(axes: Axes, columns: int = 3) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0, handlelength=1.5, columnspacing=1
    )


@_drawn(4.2, 2, sharex=True, height_ratios=(3, 1.4))
def channel(axes: FloatArray, shown: Channel, stack: Stack, mu: float, name: str) -> None:
    """Data over the stacked processes of one channel, and below their ratio to what is expected.

    Arguments:
        shown: the `Channel`.
        stack: its `Stack` before or after the fit.
        mu: the signal strength of the stack.
        name: of the band.
    """
    above, below = axes
    edges = np.arange(len(shown.data) + 1) + 0.5
    middle = (edges[1:] + edges[:-1]) / 2
    base = np.zeros(len(shown.data))
    for process, (label, colour) in STACK.items():
        top = base + np.maximum(stack.processes[process], 0)
        above.stairs(top, edges, baseline=base, fill=True, color=colour, label=label)
        base = top
    signal = stack.processes["htautau"]
    above.stairs(base + np.maximum(signal, 0), edges, baseline=base, fill=True, color=VERMILLION)
    above.stairs(np.maximum(signal, 0), edges, color=VERMILLION, linewidth=1.4, label=f"H → ττ, μ = {mu:.2f}")
    errors = np.sqrt(shown.data)
    points = {"fmt": "o", "color": INK, "markersize": 2.5, "elinewidth": 0.8, "capsize": 0}
    above.errorbar(middle, shown.data, errors, label="data", **points)
    positive = [*shown.data[shown.data > 0], *signal[signal > 0]]
    above.set(
        yscale="log", ylabel="events per bin", ylim=(0.5 * min(positive, default=1), 3 * max(positive, default=1))
    )
    _legend(above)
    total = stack.total
    below.stairs(
        1 + stack.band / total, edges, baseline=1 - stack.band / total, fill=True, color=GREY, alpha=0.35, label=name
    )
    below.axhline(1, color=INK, linewidth=0.8)
    below.errorbar(middle, shown.data / total, errors / total, **points)
    below.set(xlabel=f"bin of the channel {shown.name}", ylabel="data /\nexpected", xlim=(edges[0], edges[-1]))
    reach = 1.2 * max(np.max(np.abs(shown.data / total - 1)), np.median(errors / total))
    below.set_ylim(1 - reach, 1 + reach)
    below.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    _legend(below)


@_drawn(3.2)
def pulls(axes: FloatArray, shown: list[Impact], truth: dict[str, float] | None) -> None:
    """Fitted pulls with their errors over the prior's ± 1, and the true ones where they are known."""
    (axis,) = axes
    rows = np.arange(len(shown))
    axis.axvspan(-1, 1, **PRIOR_BAND, label="prior ± 1")
    axis.axvline(0, color=GREEN)
    values, errors = ([getattr(impact, name) for impact in shown] for name in ("pull", "error"))
    axis.errorbar(values, rows, xerr=errors, fmt="o", color=BLUE, label="fitted")
    if truth is not None:
        known = [(truth[impact.name], row) for row, impact in zip(rows, shown) if impact.name in truth]
        axis.plot(*zip(*known), "D", color=VERMILLION, markerfacecolor="none", label="true")
    axis.set(yticks=rows, yticklabels=[impact.name for impact in shown], ylim=(len(shown) - 0.5, -0.5), xlabel="pull")
    reach = 1.1 * max(2.0, *np.abs(axis.get_xlim()))
    axis.set_xlim(-reach, reach)
    _legend(axis)


@_drawn(3.2)
def impacts(axes: FloatArray, shown: list[Impact]) -> None:
    """Changes of mu_hat by each nuisance parameter: held one fitted error up and down, and one prior width."""
    (axis,) = axes
    for row, impact in enumerate(shown):
        for (up, down), fills in (((impact.prior_up, impact.prior_down), False), ((impact.up, impact.down), True)):
            for value, colour in ((up, VERMILLION), (down, BLUE)):
                axis.barh(row, value, 0.7, facecolor=colour if fills else "none", edgecolor=colour, linewidth=0.8)
    axis.axvline(0, color=INK, linewidth=0.8)
    names = [impact.name for impact in shown]
    axis.set(yticks=range(len(shown)), yticklabels=names, ylim=(len(shown) - 0.5, -0.5), xlabel="change of μ̂")
    for label, colour, fills in (
        ("+1σ fitted", VERMILLION, True),
        ("−1σ fitted", BLUE, True),
        ("± 1 prior", INK, False),
    ):
        axis.barh(0, 0, label=label, facecolor=colour if fills else "none", edgecolor=colour)
    reach = 1.1 * max(np.abs(axis.get_xlim()))
    axis.set_xlim(-reach, reach)
    _legend(axis)


@_drawn(3.6)
def correlation(axes: FloatArray, names: list[str], matrix: FloatArray) -> None:
    """Correlation matrix of mu and the fitted nuisance parameters, in percent."""
    (axis,) = axes
    axis.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
    for row, column in np.ndindex(*matrix.shape):
        value = matrix[row, column]
        colour = "white" if abs(value) > 0.6 else "black"
        axis.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour, fontsize=8)
    places = range(len(names))
    axis.set(xticks=places, yticks=places, yticklabels=names)
    axis.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor")
    axis.tick_params(length=0)


@_drawn(3.2)
def scan(axes: FloatArray, shown: Explanation) -> None:
    """The profile likelihood of mu, and the one with all nuisance parameters held at their best values."""
    (axis,) = axes
    mu = shown.scan["mu"]
    axis.plot(mu, shown.scan["profiled"], color=BLUE, label="all fitted")
    axis.plot(mu, shown.scan["held"], color=GREEN, linestyle="--", label="all held")
    for sigmas, level in enumerate(LEVELS, 1):
        axis.axhline(level, color=GREY, linewidth=0.8)
        axis.annotate(f"{sigmas}σ", (mu[0], level), (4, 1), textcoords="offset points", fontsize=8)
    low, high = shown.likelihood_intervals[0]
    axis.axvspan(low, high, color=BLUE, alpha=0.12, linewidth=0)
    _true_mu(axis, shown)
    axis.set(xlabel="μ", ylabel="−2 ln L − minimum", xlim=(mu[0], mu[-1]), ylim=(0, 9))
    _legend(axis)


@_drawn(3.2)
def contour(axes: FloatArray, shown: Explanation, name: str) -> None:
    """68.27% and 95.45% contours of mu and a nuisance parameter, all else fitted."""
    (axis,) = axes
    grid = shown.contours[name]
    axis.contour(grid["mu"], grid["pull"], grid["q"], CONTOUR_LEVELS, colors=BLUE, linestyles=["-", "--"])
    for label, style in (("68.27%", "-"), ("95.45%", "--")):
        axis.plot([], [], color=BLUE, linestyle=style, label=label)
    axis.plot(shown.belt["mu_hat"], shown.estimate.pulls[name][0], "o", color=BLUE, label="best fit")
    if shown.truth is not None and name in shown.truth.pulls:
        axis.plot(shown.truth.mu, shown.truth.pulls[name], "D", color=VERMILLION, markerfacecolor="none", label="true")
    axis.set(xlabel="μ", ylabel=f"pull of {name}")
    _legend(axis, 4)


@_drawn(4.2)
def belt(axes: FloatArray, shown: Explanation) -> None:
    """The estimates that each true mu accepts, this estimate, and the interval that is read off there."""
    (axis,) = axes
    mu, low, high = (np.array(shown.belt[name], dtype=float) for name in ("mu", "low", "high"))
    axis.fill_betweenx(mu, low, high, color=BLUE, alpha=0.2, linewidth=0, label="accepted")
    estimate, (likely_low, likely_high) = shown.estimate, shown.likelihood_intervals[0]
    mu_hat = shown.belt["mu_hat"]
    axis.axvline(mu_hat, color=INK, linewidth=0.8)
    axis.plot([mu_hat] * 2, [estimate.p16, estimate.p84], color=VERMILLION, linewidth=4, label="interval", zorder=3)
    aside = mu_hat + 0.03 * (mu[-1] - mu[0])
    axis.plot([aside] * 2, [likely_low, likely_high], color=GREEN, linewidth=2, label="of the likelihood", zorder=3)
    if shown.truth is not None:
        axis.axhline(shown.truth.mu, color=VERMILLION, linestyle=":", linewidth=1, label="true μ")
    ends = min(mu[0], likely_low), max(mu[-1], likely_high)
    axis.set(xlabel="estimate μ̂", ylabel="true μ", ylim=ends)
    axis.set_xlim(min(np.nanmin(low), mu_hat - 0.1), max(np.nanmax(high), mu_hat + 0.1))
    _legend(axis, 4 if shown.truth is None else 2)


@_drawn(2.8)
def shares(axes: FloatArray, shown: list[Share]) -> None:
    """What each source contributes to the error of mu_hat."""
    (axis,) = axes
    axis.barh(range(len(shown)), [share.error for share in shown], 0.7, color=BLUE)
    names = [share.source for share in shown]
    axis.set(yticks=range(len(shown)), yticklabels=names, ylim=(len(shown) - 0.5, -0.5), xlabel="error of μ̂")


def _true_mu(axis: Axes, shown: Explanation) -> None:
    if shown.truth is not None:
        axis.axvline(shown.truth.mu, color=VERMILLION, linestyle=":", label="true μ")
