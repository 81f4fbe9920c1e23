"""Figure of the ablation: mean interval of each variant, relative to the first of its group."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.plotting import BLUE, panels, save

#: Largest ratio on the axis; larger ones are written at its end.
LARGEST = 1.3
#: Letters of a label on one line.
LABEL = 42


def plot(path: Path, groups: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> None:
    """Plot the `groups`, as from `table.groups`, one panel each."""
    groups = [(title, [variant for variant in variants if variant["ratio"]]) for title, variants in groups]
    groups = [group for group in groups if group[1]]
    if not groups:
        return
    sizes = [len(variants) for _, variants in groups]
    figure, grid = panels(len(groups), 1, (8, 1.2 + 0.4 * sum(sizes)), height_ratios=sizes, sharex=True, squeeze=False)
    for axes, (title, variants) in zip(grid[:, 0], groups):
        values, errors = zip(*(variant["ratio"] for variant in variants))
        place = range(len(variants))
        axes.axvline(1, color="0.6", lw=0.8)
        axes.errorbar(values, place, xerr=errors, fmt="o", color=BLUE, markersize=4, capsize=3)
        for row, value in enumerate(values):
            if value > LARGEST:
                axes.annotate(f"{value:.2f} →", (LARGEST, row), ha="right", va="center", color=BLUE)
        axes.set_yticks(place, [textwrap.fill(variant["label"], LABEL) for variant in variants])
        axes.set(ylim=(len(variants) - 0.5, -0.5), xlim=(min(0.85, *values) - 0.01, LARGEST + 0.01))
        axes.set_title(title, loc="left", fontsize="medium")
    grid[-1, 0].set_xlabel("mean interval, relative to the first of the group")
    save(figure, path)
