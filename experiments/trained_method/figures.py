"""The method's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from experiments.plotting import BELOW, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, panels, save
from submission.confidence import COVERAGE

CLASSES = {"signal": BLUE, "background": RED}
LINES = (":", "-", "--")
#: Backgrounds in the order in which they are stacked: the smallest first.
STACK = {"diboson": ("diboson", PURPLE), "ttbar": (r"$t\bar{t}$", ORANGE), "ztautau": (r"$Z\to\tau\tau$", SKY)}
BELTS = (BLUE, RED)
#: Ratios of densities are drawn for so many bins together, where the nominal one is this many times its error.
MERGED, SHOWN_ABOVE = 3, 5
#: The bars of their errors stand a little aside of each other.
ASIDE = {"signal": -0.006, "background": 0.006}


def densities(path: Path, shown: Sequence[Mapping[str, Any]]) -> None:
    """Fig. 6, left: how tes moves the flows' discrimination functions and the classifier's score.

    Arguments:
        shown: as from `energy_scale.densities`.
    """
    rows = len({panel["category"] for panel in shown})
    columns = len(shown) // rows
    size, heights = (max(3.6 * columns, 6), 3.7 * rows + 0.4), (3, 1.2) * rows
    figure, axes = panels(2 * rows, columns, size, squeeze=False, sharex="col", height_ratios=heights)
    pairs = axes.reshape(rows, 2, columns).swapaxes(1, 2).reshape(-1, 2)
    for (axis, below), panel in zip(pairs, shown):
        edges = np.array(panel["edges"])
        middle = (edges[1:] + edges[:-1]) / 2
        tes = sorted({curve["tes"] for curve in panel["curves"]})
        nominal = {curve["class"]: curve for curve in panel["curves"] if curve["tes"] == 1.0}
        for curve in panel["curves"]:
            style = {"color": CLASSES[curve["class"]], "linestyle": LINES[tes.index(curve["tes"])], "linewidth": 1.2}
            values = np.where(np.array(curve["density"]) > 0, curve["density"], np.nan)
            label = f"{curve['class']}, tes = {curve['tes']:.2f}"
            axis.stairs(values, edges, baseline=None, label=label, **style)
            known, error = (np.array(nominal[curve["class"]][key]) for key in ("density", "error"))
            coarse = (sums.reshape(-1, MERGED).sum(axis=1) for sums in (np.array(curve["density"]), known, error**2))
            here, nominal_here, variance = coarse
            clear = nominal_here > SHOWN_ABOVE * np.sqrt(variance)
            ratio, relative = (
                np.divide(numbers, nominal_here, where=clear, out=np.full(len(clear), np.nan))
                for numbers in (here, np.sqrt(variance))
            )
            if curve is nominal[curve["class"]]:
                bars = {"fmt": "none", "ecolor": style["color"], "elinewidth": 0.8}
                axis.errorbar(middle, values, error, **bars)
                below.errorbar(middle[1::MERGED] + ASIDE[curve["class"]], ratio, relative, **bars)
            else:
                below.stairs(ratio, edges[::MERGED], baseline=None, **style)
        top = 3 * max(max(curve["density"]) for curve in panel["curves"])
        axis.set(title=panel["category"], ylabel="density", yscale="log", ylim=(3e-4 * top, top), xlim=(0, 1))
        below.axhline(1, color=GREY, linewidth=0.8)
        below.set(ylabel="ratio to\ntes = 1.00", ylim=(0.7, 1.3), xlabel=panel["variable"])
        below.tick_params(labelbottom=True)
    figure.legend(*pairs[0][0].get_legend_handles_labels(), loc=BELOW, ncols=3 if columns > 1 else 2)
    save(figure, path)


def histogram(path: Path, channels: Mapping[str, Mapping[str, Any]]) -> None:
    """What mu is fitted to: expected events of each process in each bin, and the share of signal.

    Arguments:
        channels: dict from channel to a dict from process to a list of expected events per bin, and "ratio_error",
            the templates' statistical error of S/B.
    """
    widths = [max(len(counts["htautau"]), 8) for counts in channels.values()]
    ratios = {"width_ratios": widths, "height_ratios": (3, 1.2)}
    figure, axes = panels(2, len(channels), (12, 5.4), sharex="col", sharey="row", squeeze=False, **ratios)
    for (axis, below), (name, counts) in zip(axes.T, channels.items()):
        signal = np.array(counts["htautau"])
        edges = np.arange(len(signal) + 1) + 0.5
        base = np.zeros(len(signal))
        for process, (label, colour) in STACK.items():
            top = base + np.maximum(counts[process], 0)
            axis.stairs(top, edges, baseline=np.maximum(base, 1e-3), fill=True, color=colour, label=label)
            base = top
        axis.stairs(signal, edges, color="black", linewidth=1.6, label=r"$H\to\tau\tau$, $\mu = 1$")
        axis.set(title=name, yscale="log", xlim=(edges[0], edges[-1]))
        ratio = signal / np.maximum(base, 1e-9)
        below.stairs(ratio, edges, baseline=None, color="black")
        below.errorbar(edges[:-1] + 0.5, ratio, counts["ratio_error"], fmt="none", ecolor="black", elinewidth=1)
        below.set(xlabel=f"bin, by {'visible mass' if name == '0-jet' else 'score'}", yscale="log")
        below.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes[0, 0].set(ylabel="events per bin at 10 fb$^{-1}$", ylim=(0.5, None))
    axes[1, 0].set(ylabel="S / B")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc=BELOW, ncols=4)
    save(figure, path)


def belt(path: Path, shown: Mapping[str, Any]) -> None:
    """Fig. 6, right: the estimates that each true mu accepts.

    Arguments:
        shown: as from `belts.belts`.
    """
    figure, axis = panels(size=(6.4, 5.2))
    left, right = shown["range"]
    for (name, region), colour in zip(shown["regions"].items(), BELTS):
        mu, low, high = (np.array(region[key], float) for key in ("mu", "low", "high"))
        axis.fill_betweenx(mu, low, high, color=colour, alpha=0.2, linewidth=0)
        axis.plot(np.where(low > left, low, np.nan), mu, color=colour, label=name)
        axis.plot(np.where(high < right, high, np.nan), mu, color=colour)
    ends = region["mu"][0], region["mu"][-1]
    axis.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label=r"$\hat\mu = \mu$")
    axis.set(xlabel=r"estimate $\hat\mu$ (in units of the Standard Model)", ylabel=r"true $\mu$", ylim=ends)
    axis.set(xlim=shown["range"], title=f"accepted estimates, coverage {COVERAGE:.4f} at every true $\\mu$")
    figure.legend(*axis.get_legend_handles_labels(), loc=BELOW, ncols=3)
    save(figure, path)


def coverage(path: Path, shown: Mapping[str, Any], events: Mapping[str, Any] | None = None) -> None:
    """Fig. 4, right: coverage and mean width against true mu.

    Arguments:
        shown: as from `belts.coverage`.
        events: as from `event_level.event_level`, or None.
    """
    figure, (above, below) = panels(2, size=(7, 6.6), sharex=True)
    series = [
        (f"{name} belt, histogram level", belt["table"], colour, marker)
        for (name, belt), colour, marker in zip(shown["belts"].items(), BELTS, "os")
    ]
    if events:
        series.append(("shipped belt, events", events["table"], "black", "D"))
    span = shown["cramer_rao"][-1]["mu"] - shown["cramer_rao"][0]["mu"]
    for place, (label, table, colour, marker) in enumerate(series):
        mu = np.array([row["mu"] for row in table]) + 0.008 * span * (place - 0.5) * (place < 2)
        style = {"color": colour, "marker": marker, "linestyle": "none", "markersize": 4, "capsize": 2}
        for axis, key in ((above, "coverage"), (below, "width")):
            values, errors = ([row[name] for row in table] for name in (key, f"{key}_error"))
            axis.errorbar(mu, values, errors, label=label, **style)
    above.axhline(COVERAGE, color=GREY, linewidth=1, label=f"{COVERAGE:.4f}")
    above.set(ylabel=r"coverage of true $\mu$")
    mu = [row["mu"] for row in shown["cramer_rao"]]
    for key, line, label in (("profiled", "-", "six profiled"), ("known", ":", "all known")):
        widths = [row[key] for row in shown["cramer_rao"]]
        below.plot(mu, widths, color=GREEN, linestyle=line, label=f"Cramér-Rao 2$\\sigma$, {label}")
    below.set(xlabel=r"true $\mu$ (in units of the Standard Model)", ylabel=r"mean width of the intervals in $\mu$")
    entries: dict[str, Any] = {}
    for axis in (above, below):
        handles, labels = axis.get_legend_handles_labels()
        entries |= dict(zip(labels, handles))
    figure.legend(entries.values(), entries.keys(), loc=BELOW, ncols=2)
    save(figure, path)
