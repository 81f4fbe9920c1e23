"""Figures of the comparison of methods: intervals and coverage of each set of pseudo-experiments."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.plotting import BELOW, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, panels, save
from ingestion_test.scoring import ONE_SIGMA, coverage_band

#: Colours and markers of the methods; a round further the markers are hollow.
STYLES = (
    *((BLUE, "o"), (RED, "s"), (GREEN, "^"), (ORANGE, "D")),
    *((PURPLE, "v"), (SKY, "P"), (GREY, "X")),
)


def intervals(path: Path, rows: Mapping[str, Any]) -> None:
    """Mean length of the intervals of each method; `rows` is a dict from method to `rows.row`."""
    figure, axes = panels()
    axes.set(ylabel="mean length of the interval in μ", yscale="log")
    for axis_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis_formatter("{x:.2g}")
    _plot(figure, axes, path, rows, "interval")


def _shown(row: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The sets that have a place on the axis: a mean length of 0 has none on a logarithmic one."""
    return [subset for subset in row["sets"] if key != "interval" or subset[key][0] > 0]


def coverage(path: Path, rows: Mapping[str, Any]) -> None:
    """Coverage of each method, with the band that the challenge does not penalise; `rows` as for `intervals`."""
    figure, axes = panels()
    axes.axhline(ONE_SIGMA, color="black", lw=0.8)
    size = max(row["num_experiments"] for row in rows.values())
    axes.axhspan(*coverage_band(size), color="0.9", label=f"68.27% ± 2 sigma of {size} data sets")
    axes.set(ylabel="coverage")
    _plot(figure, axes, path, rows, "coverage")


def _plot(figure: Figure, axes: Any, path: Path, rows: Mapping[str, Any], key: str) -> None:
    """A point with its error per method and set, the sets side by side: some true mu are too close for an axis."""
    mus = sorted({subset["mu"] for row in rows.values() for subset in row["sets"]})
    for number, ((name, row), (colour, marker)) in enumerate(zip(rows.items(), itertools.cycle(STYLES))):
        sets = _shown(row, key)
        place = [mus.index(subset["mu"]) + 0.7 * ((number + 0.5) / len(rows) - 0.5) for subset in sets]
        values, errors = np.array([subset[key] for subset in sets]).reshape(-1, 2).T
        missing = len(row["sets"]) - len(sets)
        label = f"{name} (length 0 in {missing} sets)" if missing else name
        style = {"color": colour, "marker": marker, "markersize": 4, "capsize": 2, "linestyle": "none"}
        style["markerfacecolor"] = colour if number < len(STYLES) else "none"
        axes.errorbar(place, values, errors, label=label, **style)
    for place in range(1, len(mus)):
        axes.axvline(place - 0.5, color="0.85", lw=0.6)
    axes.set(xlabel="true μ of the set", xlim=(-0.5, len(mus) - 0.5))
    axes.set_xticks(range(len(mus)), [f"{mu:.2f}" for mu in mus])
    figure.legend(*axes.get_legend_handles_labels(), loc=BELOW, ncols=4)
    save(figure, path)
