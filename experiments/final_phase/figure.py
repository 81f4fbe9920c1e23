"""Figure of the final phase: coverage of each set, and the bootstrapped score with other seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.plotting import BLUE, GREEN, RED, panels, save
from experiments.published import EXACT_SCORE, WINNERS_SCORE
from ingestion_test.scoring import ONE_SIGMA, sigma68

#: Colours of what has the seed that was asked for.
COLORS = {"templates": BLUE, "events": GREEN}

#: Bootstrapped scores to compare with, and the styles of their lines.
MARKS = {
    "winners of the challenge": (WINNERS_SCORE, ":"),
    "the paper's interval, coverage exact": (EXACT_SCORE, "--"),
}


def plot(path: Path, result: Mapping[str, Any]) -> None:
    """Plot what `command.run` writes into final.json: coverage of the sets, and bootstrapped scores.

    The sets stand side by side in the order of their mu, some of which are too close to each other for an axis.
    """
    figure, (left, right) = panels(1, 2, (11, 4.6), width_ratios=(3, 2))
    shown = {kind: result[kind] for kind in COLORS if kind in result}
    mus = sorted({mu for phase in shown.values() for mu in phase["mu"]})
    error = sigma68(result["templates"]["size_of_sets"][0])
    left.axhspan(ONE_SIGMA - error, ONE_SIGMA + error, color="0.9", label="68.27% ± 1 sigma of a set")
    left.axhline(ONE_SIGMA, color="black", lw=0.8)
    others = [share for phase in result["repeated"] for share in phase["coverage_of_sets"]]
    spread = np.linspace(-0.35, 0.35, len(others))
    left.plot(len(mus) + 0.5 + spread, others, ".", color="0.6", markersize=3, label="templates, other seeds, any μ")
    for number, (kind, phase) in enumerate(shown.items()):
        place = [mus.index(mu) + 0.3 * (number - (len(shown) - 1) / 2) for mu in phase["mu"]]
        errors = [sigma68(size) for size in phase["size_of_sets"]]
        style = {"fmt": "os"[number], "color": COLORS[kind], "capsize": 2, "markersize": 5}
        left.errorbar(place, phase["coverage_of_sets"], errors, label=f"{kind}, seed {result['seed']}", **style)
    left.set_xticks([*range(len(mus)), len(mus) + 0.5], [*(f"{mu:.2f}" for mu in mus), "others"])
    left.set(xlabel="true μ of the set", ylabel="coverage of a set")

    scores = [phase["bootstrapped_score"] for phase in result["repeated"]]
    inside = {label: mark for label, mark in MARKS.items() if mark[0] > min(scores) - 0.5}
    lines = [*(phase["bootstrapped_score"] for phase in shown.values()), *(value for value, _ in inside.values())]
    ends = min(*scores, *lines) - 0.05, max(*scores, *lines) + 0.05
    right.hist(scores, bins=15, range=ends, color="0.7", label="templates, other seeds")
    right.yaxis.get_major_locator().set_params(integer=True)
    for kind, phase in shown.items():
        right.axvline(phase["bootstrapped_score"], color=COLORS[kind], label=f"{kind}, seed {result['seed']}")
    for label, (value, line) in inside.items():
        right.axvline(value, color=RED, ls=line, label=label)
    for label in MARKS.keys() - inside.keys():
        right.plot([], [], " ", label=f"not shown: {label}, {MARKS[label][0]:+.2f}")
    right.set(xlabel="mean bootstrapped score", ylabel="final phases", xlim=ends)
    for axes in (left, right):
        axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    save(figure, path)
