"""Figure of the final phase: coverage of each set, and the bootstrapped score with other seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.plotting import BLUE, GREEN, RED, panels, save
from ingestion_test.scoring import ONE_SIGMA, sigma68

#: Colours of what has the seed that was asked for.
COLORS = {"templates": BLUE, "events": GREEN}

#: Mean bootstrapped score of the challenge's winners, and what the paper's interval would get with coverage 0.6827 in
#: all sets (docs/mathematics.md#published-numbers), with the styles of their lines.
MARKS = {"winners of the challenge": (-0.58, ":"), "the paper's interval, coverage exact": (0.69, "--")}


def plot(path: Path, result: Mapping[str, Any]) -> None:
    """Plot what `command.run` writes into final.json."""
    figure, (left, right) = panels(1, 2, (10, 4.6), width_ratios=(3, 2))
    error = sigma68(result["templates"]["size_of_sets"][0])
    left.axhspan(ONE_SIGMA - error, ONE_SIGMA + error, color="0.9", label="68.27% ± 1 sigma of a set")
    left.axhline(ONE_SIGMA, color="black", lw=0.8)
    mu, share = ([x for phase in result["repeated"] for x in phase[name]] for name in ("mu", "coverage_of_sets"))
    left.plot(mu, share, ".", color="0.6", label="templates, other seeds")
    left.set(xlabel="true μ", ylabel="coverage of a set")
    others = [phase["bootstrapped_score"] for phase in result["repeated"]]
    ends = min(-0.8, *others), max(1.2, *others)
    right.hist(others, bins=int((ends[1] - ends[0]) / 0.04), range=ends, color="0.7", label="templates, other seeds")
    right.yaxis.get_major_locator().set_params(integer=True)
    for kind, color in COLORS.items():
        if kind not in result:
            continue
        phase, label = result[kind], f"{kind}, seed {result['seed']}"
        errors = [sigma68(size) for size in phase["size_of_sets"]]
        left.errorbar(phase["mu"], phase["coverage_of_sets"], errors, fmt="o", color=color, capsize=2, label=label)
        right.axvline(phase["bootstrapped_score"], color=color, label=label)
    for label, (value, line) in MARKS.items():
        right.axvline(value, color=RED, ls=line, label=label)
    right.set(xlabel="mean bootstrapped score", ylabel="final phases")
    for axes in (left, right):
        axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    save(figure, path)
