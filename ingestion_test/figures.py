"""Plots of the report, each a function from scores to the text of one SVG element.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; what must change between a light and a
dark page takes its colour from the page (`PAGE_COLOURS`). mu is dimensionless, so no axis has a unit.
"""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

import html
import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .scoring import ONE_SIGMA, coverage_band, covered

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


def _svg(label, draw):
    """Draw with `draw(axes)` and return the SVG element; `label` describes it to those who cannot see it."""
    # The salt makes the ids within the SVG its own, and the same in every run.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": label}):
        figure = Figure(figsize=(4.2, 3.0), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.locator_params(axis="x", nbins=7)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    for drawn, shown in PAGE_COLOURS.items():
        svg = svg.replace(drawn, shown)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def _limits(values, *needed):
    """Range of an axis that shows all of `values` except far outliers (3 interquartile ranges), and all of `needed`."""
    low, high = np.percentile(values, [25, 75])
    fence = 3 * (high - low) or np.inf
    low, high = max(np.min(values), low - fence), min(np.max(values), high + fence)
    low, high = min(low, *needed), max(high, *needed)
    # Values that differ by rounding alone are one value.
    pad = 0.1 if np.isclose(low, high) else 0.05 * (high - low)
    return low - pad, high + pad


def _mus(sets):
    return np.array([one.mu for one in sets])


def _against_mu(axes, scores, ylabel):
    mus = _mus(scores.sets)
    axes.set_xlim(_limits(mus, *mus))
    axes.set_xlabel("true μ")
    axes.set_ylabel(ylabel)


def _legend(axes):
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0, handlelength=1.5, columnspacing=1)


def intervals(one, label):
    """[p16, p84] of each pseudo-experiment of one set, in order, with the true mu and the mean estimate."""

    def draw(axes):
        low, high = _limits(np.concatenate([one.p16, one.p84]), one.mu)
        rows, gap = np.arange(one.size), np.full(one.size, np.nan)
        inside = covered(one.mu, one.p16, one.p84)
        for colour, chosen in ((BLUE, inside), (VERMILLION, ~inside)):
            # All intervals of a colour are one line with gaps: small, however many they are.
            x = np.clip(np.stack([one.p16, one.p84, gap], axis=1)[chosen], low - 1, high + 1)
            y = np.stack([rows, rows, gap], axis=1)[chosen]
            axes.plot(x.ravel(), y.ravel(), color=colour, linewidth=np.clip(150 / one.size, 0.3, 2))
        axes.axvline(one.mu, color=INK)
        axes.axvline(np.mean(one.mu_hats), color=INK, linestyle="--", linewidth=0.8)
        axes.set_xlim(low, high)
        axes.set_ylim(one.size - 0.5, -0.5)
        axes.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_xlabel("μ")
        axes.set_ylabel("pseudo-experiment")

    return _svg(label, draw)


def coverage_against_mu(scores, label):
    """Coverage of each set with its error, and the bands 0.6827 +- 2 sigma68 of one set and of all."""

    def draw(axes):
        for size, alpha, name in ((scores.size / len(scores.sets), 0.2, "one set"), (scores.size, 0.4, "all sets")):
            axes.axhspan(*coverage_band(size), color=GREEN, alpha=alpha, linewidth=0, label=f"±2σ₆₈, {name}")
        axes.axhline(ONE_SIGMA, color=GREEN)
        errors = [one.coverage_error for one in scores.sets]
        axes.errorbar(
            _mus(scores.sets), [one.coverage for one in scores.sets], errors, fmt="o", color=BLUE, label="set"
        )
        axes.axhline(scores.coverage, color=BLUE, linestyle="--", linewidth=0.8)
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.02), min(high, 1.02))
        _against_mu(axes, scores, "coverage")
        _legend(axes)

    return _svg(label, draw)


def interval_against_mu(scores, label):
    """Mean width |p84 - p16| of each set with its error, and that of all."""

    def draw(axes):
        errors = [one.interval_error for one in scores.sets]
        axes.errorbar(
            _mus(scores.sets), [one.interval for one in scores.sets], errors, fmt="o", color=BLUE, label="set"
        )
        axes.axhline(scores.interval, color=BLUE, linestyle="--", linewidth=0.8, label="all sets")
        axes.set_ylim(0, 1.2 * max(one.interval for one in scores.sets) or 1)
        _against_mu(axes, scores, "mean width p84 − p16")
        _legend(axes)

    return _svg(label, draw)


def score_against_mu(scores, label):
    """Score of each set with its central 68%, and that of all."""

    def draw(axes):
        values = np.array([one.quantiles_score for one in scores.sets])
        low, high = np.array([one.score_quantiles for one in scores.sets]).T
        errors = np.maximum(0, (values - low, high - values))
        axes.errorbar(_mus(scores.sets), values, errors, fmt="o", color=BLUE, label="set")
        axes.axhline(scores.quantiles_score, color=BLUE, linestyle="--", linewidth=0.8, label="all sets")
        shown = *low, *high, *values, scores.quantiles_score
        axes.set_ylim(_limits(shown, *shown))
        _against_mu(axes, scores, "score")
        _legend(axes)

    return _svg(label, draw)


def pull_against_mu(scores, label):
    """Median and central 68% of each set's pulls (mu_hat - mu) / (half the interval)."""

    def draw(axes):
        axes.axhspan(-1, 1, color=GREEN, alpha=0.2, linewidth=0, label="expected ±1")
        axes.axhline(0, color=GREEN)
        sets = [one for one in scores.sets if len(one.pulls)]
        low, median, high = np.array([one.pull_quantiles for one in sets]).reshape(-1, 3).T
        # The median of normal pulls has pi/2 times the variance of their mean.
        errors = (high - low) / 2 * np.sqrt(np.pi / 2 / np.array([len(one.pulls) for one in sets]))
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

    return _svg(label, draw)


def ends_against_mu(scores, label):
    """Both ends of every interval against the true mu."""

    def draw(axes):
        mus = np.repeat(_mus(scores.sets), [one.size for one in scores.sets])
        low, high = _limits(np.concatenate([end for one in scores.sets for end in (one.p16, one.p84)]), *mus)
        for name, colour, marker in (("p16", BLUE, 0), ("p84", VERMILLION, 1)):
            points = np.clip(np.concatenate([getattr(one, name) for one in scores.sets]), low - 1, high + 1)
            picture = len(points) > MAX_VECTOR_POINTS
            axes.plot(mus, points, color=colour, marker=marker, linestyle="", alpha=0.6, label=name, rasterized=picture)
        axes.axline((0, 0), slope=1, color=INK, linewidth=0.8, label="true μ")
        _against_mu(axes, scores, "p16 and p84")
        axes.set_ylim(low, high)
        _legend(axes)

    return _svg(label, draw)


def histogram(values, xlabel, reference, label):
    """Distribution of `values` with a line at `reference`; says how many far outliers are not shown."""

    def draw(axes):
        low, high = _limits(values, reference)
        axes.hist(values, bins=np.linspace(low, high, int(np.clip(np.sqrt(len(values)), 8, 40)) + 1), color=BLUE)
        axes.axvline(reference, color=INK)
        below, above = int(np.sum(values < low)), int(np.sum(values > high))
        if below or above:
            axes.set_title(f"not shown: {below} below, {above} above", fontsize=8)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(xlabel)
        axes.set_ylabel("entries")

    return _svg(label, draw)
