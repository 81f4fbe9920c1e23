"""Figures of the full official data, and how far events are from them.

The figures are facts from another group's public solution, see `source` in `official.json`: yields of the processes in
four regions, nominal and at shifted nuisance parameters, and mean and standard deviation of the 28 features there.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..arrays import BoolArray, FloatArray, IntArray
from ..event_file import EventFile
from ..schema import DATA_FILE, FEATURES, PROCESSES
from ..systematics import transform

FIGURES_FILE = Path(__file__).with_name("official.json")
#: Largest deviations: of a yield (relative), of means (root mean square, in standard deviations), of standard
#: deviations (root mean square, relative), of shifted yields (relative to the nominal one).
LIMITS = {"yield": 0.01, "mean": 0.02, "sd": 0.05, "shift": 0.004}
#: The nominal point of (tes pull, jes pull, soft MET in GeV); one pull is a change of the scale by `PULL`.
NOMINAL, PULL = (0.0, 0.0, 0.0), 0.01
#: Rows whose soft MET is drawn at a time.
CHUNK = 200_000

#: Names of processes.
Names: TypeAlias = npt.NDArray[np.str_]
#: (tes pull, jes pull, soft MET in GeV)
Point: TypeAlias = tuple[float, float, float]


@cache
def figures() -> dict[str, Any]:
    """The content of `official.json`."""
    content: dict[str, Any] = json.loads(FIGURES_FILE.read_text())
    return content


def regions(features: FloatArray) -> dict[str, BoolArray]:
    """The regions of the figures and the one that is left, bool arrays (events,), which cover all selected events.

    Arguments:
        features: array (events, 28) as `schema.FEATURES`, after the selection.
    """
    mt, leading, subleading, pt_h = (
        features[:, FEATURES.index(name)]
        for name in (
            "DER_mass_transverse_met_lep",
            "PRI_jet_leading_pt",
            "PRI_jet_subleading_pt",
            "DER_pt_h",
        )
    )
    low, vbf, hard = mt < 70, (leading > 50) & (subleading > 30), pt_h >= 100
    return {
        "lowMT_noVBFJet_ptH0to100": low & ~vbf & ~hard,
        "lowMT_noVBFJet_ptH100": low & ~vbf & hard,
        "lowMT_VBFJet": low & vbf,
        "highMT_VBFJet": ~low & vbf,
        "highMT_noVBFJet": ~low & ~vbf,
    }


def points() -> list[Point]:
    """The nominal point and all shifted ones that the figures know."""
    cells = (cell for processes in figures()["yields"].values() for cell in processes.values())
    return [NOMINAL, *sorted({tuple(entry[:3]) for cell in cells for entry in cell["shifted"]})]


class Sums:
    """Sums over weighted events in the regions of the figures, from any number of calls of `add`."""

    def __init__(self) -> None:
        self.total, self.events = 0.0, 0
        #: (region, process, point) -> [sum of weights, sum of squared weights]
        self.yields: dict[tuple[str, str, Point], FloatArray] = {}
        #: (region, process) -> [sum of weights, of weights times features, of weights times squared features]
        self.moments: dict[tuple[str, str], list[Any]] = {}
        self._noise = {point: np.random.default_rng(1) for point in points() if point[2]}

    def add(self, primaries: FloatArray, weights: FloatArray, process: Names, shifts: bool = True) -> None:
        """Add events.

        Arguments:
            primaries: float32 array (events, 16), before the selection.
            weights: array (events,).
            process: array (events,) of the names of the processes.
            shifts: whether the shifted points are looked at too.
        """
        self.total += weights.sum(dtype=float)
        self.events += len(weights)
        for point in points() if shifts else [NOMINAL]:
            tes, jes, soft_met = point
            noise = tuple(soft_met * self._noise[point].standard_normal((2, len(weights)))) if soft_met else None
            features, kept = transform(primaries, None, 1 + PULL * tes, 1 + PULL * jes, noise)
            w, p = weights[kept].astype(float), process[kept]
            for region, inside in regions(features).items():
                for name in np.unique(p):
                    rows = np.flatnonzero(inside & (p == name))
                    self._add_cell(region, str(name), point, features, w[rows], rows)

    def _add_cell(
        self, region: str, process: str, point: Point, features: FloatArray, w: FloatArray, rows: IntArray
    ) -> None:
        sums = self.yields.setdefault((region, process, point), np.zeros(2))
        sums += w.sum(), (w**2).sum()
        if point == NOMINAL and process in figures()["moments"].get(region, {}):
            values = features[rows].astype(float)
            parts = self.moments.setdefault((region, process), [0.0, 0.0, 0.0])
            for i, part in enumerate((w.sum(), w @ values, w @ values**2)):
                parts[i] = parts[i] + part


def read(folder: str | Path, most: int, chunk: int = CHUNK) -> Iterator[tuple[FloatArray, FloatArray, Names]]:
    """The first `most` rows of a data folder, `chunk` rows at a time.

    Returns:
        iterator over (primaries (rows, 16), weights (rows,), names of the processes (rows,)).

    Raises:
        ChallengeError: as `event_file.EventFile` and its `events`.
    """
    file = EventFile(Path(folder) / DATA_FILE)
    stop = min(most, file.total_rows)
    for first in range(0, stop, chunk):
        events = file.events(file.ranges(first, min(first + chunk, stop)))
        yield events.primaries, events.weights.astype(float), np.array(PROCESSES)[events.process]


def yield_ratios(sums: Sums, scale: float) -> dict[tuple[str, str], tuple[float, float, float, Point | None]]:
    """(region, process) -> (simulated / official yield, its error, worst shifted yield, its point).

    Arguments:
        scale: factor from the weights to events at 10/fb and mu = 1.

    The third is the largest |simulated - official| of the shifted yields, each relative to its nominal one.
    """
    result = {}
    for region, processes in figures()["yields"].items():
        for process, cell in processes.items():
            found, square = sums.yields.get((region, process, NOMINAL), (0.0, 0.0))
            shifts = [
                (abs(sums.yields[region, process, tuple(at)][0] / found - value / cell["nominal"]), tuple(at))
                for *at, value in cell["shifted"]
                if (region, process, tuple(at)) in sums.yields and found > 0
            ]
            ratio, error = scale * found / cell["nominal"], scale * square**0.5 / cell["nominal"]
            result[region, process] = ratio, error, *max(shifts, default=(0.0, None))
    return result


def moment_differences(sums: Sums) -> dict[tuple[str, str], tuple[FloatArray, FloatArray, float]]:
    """(region, process) -> (standardised differences of the means, ratios of the standard deviations, error of one
    difference): arrays (28,) in the order of `schema.FEATURES`, and a number."""
    result = {}
    for region, processes in figures()["moments"].items():
        for process, cell in processes.items():
            if (region, process) not in sums.moments:
                continue
            total, first, second = sums.moments[region, process]
            mean, sd = np.array([cell[name] for name in FEATURES]).T
            found = first / total
            width = np.sqrt(np.maximum(second / total - found**2, 0))
            square = sums.yields[region, process, NOMINAL][1]
            result[region, process] = (found - mean) / sd, width / sd, square**0.5 / total
    return result


def report(sums: Sums, sum_weights: float) -> int:
    """Print the comparison; returns the number of rows beyond `LIMITS`.

    Arguments:
        sum_weights: expected events that the weights of all events added stand for.
    """
    print(
        f"yields: official, simulated / official; largest difference of {len(points()) - 1} shifted ones over nominal"
    )
    beyond = 0
    for (region, process), (ratio, error, worst, at) in yield_ratios(sums, sum_weights / sums.total).items():
        off = abs(ratio - 1) > max(LIMITS["yield"], 2 * error) or worst > max(LIMITS["shift"], error)
        beyond += off
        official = figures()["yields"][region][process]["nominal"]
        where = f"   shift {worst:.5f} at {at}" if at else ""
        print(f"  {region:25s} {process:8s} {official:11.1f}  {ratio:.4f} +- {error:.4f} {'*' if off else ' '}{where}")
    print("moments of the 28 features: root mean square of (mean - official) / official sd and of sd / official - 1")
    for (region, process), (means, sds, error) in moment_differences(sums).items():
        rms, rms_sd = np.sqrt(np.mean(means**2)), np.sqrt(np.mean((sds - 1) ** 2))
        off = rms > max(LIMITS["mean"], 1.5 * error) or rms_sd > LIMITS["sd"]
        beyond += off
        worst = ", ".join(f"{FEATURES[i]} {means[i]:+.2f}" for i in np.argsort(-abs(means))[:3])
        worst_sd = ", ".join(f"{FEATURES[i]} x{sds[i]:.2f}" for i in np.argsort(-abs(sds - 1))[:3])
        print(
            f"  {region:25s} {process:8s} means {rms:.3f} (error of one {error:.3f}) sds {rms_sd:.3f} "
            f"{'*' if off else ' '} worst {worst}; {worst_sd}"
        )
    print(f"{beyond} rows beyond the limits {LIMITS} (marked *)")
    return beyond
