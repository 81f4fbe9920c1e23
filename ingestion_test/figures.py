"""Plots of the report, each a function from a description and scores to the text of one SVG element.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; what must change between a light and a
dark page takes its colour from the page (`PAGE_COLOURS`). mu is dimensionless, so no axis has a unit.
"""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

from __future__ import annotations

import functools
import html
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Concatenate, ParamSpec

from runtime.plots import plain_style  # before matplotlib

# isort: split
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator

from .arrays import DoubleArray
from .pseudo_experiments import MU_RANGE
from .scoring import ONE_SIGMA, Scores, SetScore, coverage_band, covered

BLUE, VERMILLION, GREEN = "#0072b2", "#d55e00", "#009e73"
#: Stands for the colour of the page's text until the SVG is written.
INK = "#010203"
PAGE_COLOURS = {INK: "currentColor", BLUE: f"var(--blue, {BLUE})"}
STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.pad": 5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "savefig.transparent": True,
    "savefig.dpi": 200,
}
#: Marks of more points than this become one embedded picture.
MAX_VECTOR_POINTS = 2000

Arguments = ParamSpec("Arguments")


def as_svg(plot: Callable[Concatenate[Axes, Arguments], None]) -> Callable[Concatenate[str, Arguments], str]:
    """Make of a function that plots into axes one that returns an SVG element.

    Its first argument is then a text that describes the plot to those who cannot see it.
    """

    @functools.wraps(plot)
    def svg(label: str, *arguments: Arguments.args, **named: Arguments.kwargs) -> str:
        with plain_style(STYLE):
            figure = Figure(figsize=(4.2, 3.0), layout="constrained")
            axes = figure.subplots()
            plot(axes, *arguments, **named)
            axes.locator_params(axis="x", nbins=7)
            return svg_element(figure, label)

    return svg


def svg_element(figure: Figure, label: str) -> str:
    """A figure in `STYLE` as an SVG element of a page, described by `label`."""
    text = io.StringIO()
    # The salt makes the ids within the SVG its own, and the same in every run.
    with plain_style(STYLE | {"svg.hashsalt": label}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return _for_the_page(text.getvalue(), label)


def _for_the_page(svg: str, label: str) -> str:
    """matplotlib's SVG as an element of the page, in its colours, with a description."""
    svg = svg[svg.index("<svg") :]
    for ink, shown in PAGE_COLOURS.items():
        svg = svg.replace(ink, shown)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def _limits(values: Sequence[float] | DoubleArray, *needed: float) -> tuple[float, float]:
    """Range of an axis that shows all of `values` except far outliers (3 interquartile ranges), and all of `needed`."""
    low, high = np.percentile(values, [25, 75])
    fence = 3 * (high - low) or np.inf
    low, high = max(np.min(values), low - fence), min(np.max(values), high + fence)
    low, high = min(low, *needed), max(high, *needed)
    # Values that differ by rounding alone are one value.
    pad = 0.1 if np.isclose(low, high) else 0.05 * (high - low)
    return low - pad, high + pad


def _mus(sets: Iterable[SetScore]) -> DoubleArray:
    return np.array([score.mu for score in sets])


def _against_mu(axes: Axes, scores: Scores, ylabel: str) -> None:
    axes.set_xlim(_limits(MU_RANGE, *_mus(scores.sets)))
    axes.set_xlabel("true μ")
    axes.set_ylabel(ylabel)


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, handlelength=1.5, columnspacing=1)


def _count_on_y(axes: Axes) -> None:
    """Ticks of the vertical axis at whole numbers, one at the least."""
    locator = AutoLocator()
    locator.set_params(integer=True, min_n_ticks=1)
    axes.yaxis.set_major_locator(locator)


@as_svg
def intervals(axes: Axes, score: SetScore) -> None:
    """[p16, p84] of each pseudo-experiment of one set, in order, with the true mu and the mean estimate."""
    low, high = _limits(np.concatenate([score.p16, score.p84]), score.mu)
    rows, gap = np.arange(score.size), np.full(score.size, np.nan)
    inside = covered(score.mu, score.p16, score.p84)
    for colour, chosen in ((BLUE, inside), (VERMILLION, ~inside)):
        # All intervals of a colour are one line with gaps: small, however many they are.
        x = np.clip(np.stack([score.p16, score.p84, gap], axis=1)[chosen], low - 1, high + 1)
        y = np.stack([rows, rows, gap], axis=1)[chosen]
        axes.plot(x.ravel(), y.ravel(), color=colour, linewidth=np.clip(150 / score.size, 0.3, 2))
    axes.axvline(score.mu, color=INK)
    axes.axvline(float(np.mean(score.mu_hats)), color=INK, linestyle="--", linewidth=0.8)
    axes.set_xlim(low, high)
    axes.set_ylim(score.size - 0.5, -0.5)
    _count_on_y(axes)
    axes.set_xlabel("μ")
    axes.set_ylabel("pseudo-experiment")


@as_svg
def coverage_against_mu(axes: Axes, scores: Scores) -> None:
    """Coverage of each set with its error, and the bands 0.6827 ± 2 sigma68 of one set and of all."""
    for size, alpha, name in ((scores.size / len(scores.sets), 0.2, "one set"), (scores.size, 0.4, "all sets")):
        axes.axhspan(*map(float, coverage_band(size)), color=GREEN, alpha=alpha, linewidth=0, label=f"±2σ₆₈, {name}")
    axes.axhline(ONE_SIGMA, color=GREEN)
    shares = np.array([score.coverage for score in scores.sets])
    low, high = np.array([score.coverage_interval for score in scores.sets]).T
    errors = np.maximum(0, (shares - low, high - shares))
    axes.errorbar(_mus(scores.sets), shares, errors, fmt="o", color=BLUE, label="set")
    axes.axhline(scores.coverage, color=BLUE, linestyle="--", linewidth=0.8)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -0.02), min(high, 1.02))
    _against_mu(axes, scores, "coverage")
    _legend(axes)


@as_svg
def interval_against_mu(axes: Axes, scores: Scores) -> None:
    """Mean width |p84 - p16| of each set with its error, and that of all."""
    errors = [score.interval_error for score in scores.sets]
    axes.errorbar(
        _mus(scores.sets), [score.interval for score in scores.sets], errors, fmt="o", color=BLUE, label="set"
    )
    axes.axhline(scores.interval, color=BLUE, linestyle="--", linewidth=0.8, label="all sets")
    axes.set_ylim(0, 1.2 * max(score.interval for score in scores.sets) or 1)
    _against_mu(axes, scores, "mean width p84 − p16")
    _legend(axes)


@as_svg
def score_against_mu(axes: Axes, scores: Scores) -> None:
    """Score of each set with its central 68%, and that of all."""
    values = np.array([score.quantiles_score for score in scores.sets])
    low, high = np.array([score.score_quantiles for score in scores.sets]).T
    errors = np.maximum(0, (values - low, high - values))
    axes.errorbar(_mus(scores.sets), values, errors, fmt="o", color=BLUE, label="set")
    axes.axhline(scores.quantiles_score, color=BLUE, linestyle="--", linewidth=0.8, label="all sets")
    shown = *low, *high, *values, scores.quantiles_score
    axes.set_ylim(_limits(shown, *shown))
    _against_mu(axes, scores, "score")
    _legend(axes)


@as_svg
def pull_against_mu(axes: Axes, scores: Scores) -> None:
    """Median and central 68% of each set's pulls (mu_hat - mu) / (half the interval)."""
    axes.axhspan(-1, 1, color=GREEN, alpha=0.2, linewidth=0, label="expected ±1")
    axes.axhline(0, color=GREEN)
    sets = [score for score in scores.sets if len(score.pulls)]
    low, median, high = np.array([score.pull_quantiles for score in sets]).reshape(-1, 3).T
    # The median of normal pulls has pi/2 times the variance of their mean.
    errors = (high - low) / 2 * np.sqrt(np.pi / 2 / np.array([len(score.pulls) for score in sets]))
    axes.errorbar(
        _mus(sets),
        median,
        (median - low, high - median),
        fmt="none",
        color=BLUE,
        linewidth=0.8,
        label="central 68%",
    )
    axes.errorbar(_mus(sets), median, errors, fmt="o", color=BLUE, linewidth=2.5, capsize=0, label="median")
    _against_mu(axes, scores, "pull")
    _legend(axes)


@as_svg
def estimate_against_mu(axes: Axes, scores: Scores) -> None:
    """Mean and standard deviation of each set's mu_hat against the true mu."""
    axes.axline((0, 0), slope=1, color=GREEN, label="μ̂ = μ")
    mus, estimates = _mus(scores.sets), [score.mu_hats for score in scores.sets]
    means, deviations = (np.array([function(mu_hats) for mu_hats in estimates]) for function in (np.mean, np.std))
    errors = deviations / np.sqrt([len(mu_hats) for mu_hats in estimates])
    axes.errorbar(mus, means, deviations, fmt="none", color=BLUE, linewidth=0.8, label="standard deviation")
    axes.errorbar(mus, means, errors, fmt="o", color=BLUE, linewidth=2.5, capsize=0, label="mean")
    _against_mu(axes, scores, "μ̂")
    axes.set_ylim(_limits(np.concatenate([means - deviations, means + deviations]), *MU_RANGE))
    _legend(axes)


@as_svg
def ends_against_mu(axes: Axes, scores: Scores) -> None:
    """Both ends of every interval against the true mu."""
    mus = np.repeat(_mus(scores.sets), [score.size for score in scores.sets])
    low, high = _limits(np.concatenate([end for score in scores.sets for end in (score.p16, score.p84)]), *MU_RANGE)
    for name, colour, marker in (("p16", BLUE, 0), ("p84", VERMILLION, 1)):
        points = np.clip(np.concatenate([getattr(score, name) for score in scores.sets]), low - 1, high + 1)
        picture = len(points) > MAX_VECTOR_POINTS
        axes.plot(mus, points, color=colour, marker=marker, linestyle="", alpha=0.6, label=name, rasterized=picture)
    axes.axline((0, 0), slope=1, color=INK, linewidth=0.8, label="true μ")
    _against_mu(axes, scores, "p16 and p84")
    axes.set_ylim(low, high)
    _legend(axes)


@as_svg
def histogram(axes: Axes, values: DoubleArray, xlabel: str, reference: float) -> None:
    """Distribution of `values` with a line at `reference`; says how many far outliers are not shown."""
    low, high = _limits(values, reference)
    bins = int(np.clip(np.sqrt(len(values)), 8, 40))
    axes.hist(values, bins=np.linspace(low, high, bins + 1).tolist(), color=BLUE)
    axes.axvline(reference, color=INK)
    below, above = int(np.sum(values < low)), int(np.sum(values > high))
    if below or above:
        axes.set_title(f"not shown: {below} below, {above} above", fontsize=8)
    _count_on_y(axes)
    axes.set_xlabel(xlabel)
    axes.set_ylabel("entries")
