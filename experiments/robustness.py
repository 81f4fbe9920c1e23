"""What the estimators do with events that they were not made for: `python -m experiments robustness`.

The events of a sample are shifted by more than the priors allow, or come from another world of the simulation; nothing
is fitted anew. They are counted once at each shift, in the bins of every method, and pseudo-experiments are Poisson
draws around these counts. So the statistical error of the sample is common to all shifts, and to all methods.
"""

# ruff: noqa: RUF001 (sigma is meant)

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.plotting import BELOW, BLUE, RED, panels, save
from experiments.trained_artifacts import load_estimator, load_manifest
from ingestion_test import simulation
from ingestion_test.pseudo_experiments import MU_RANGE
from ingestion_test.schema import FEATURES, PROCESSES, SIGNAL
from ingestion_test.scoring import share_interval
from ingestion_test.simulation.worlds import DEFAULT, WORLDS
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime import files
from runtime.arguments import add_workers_arguments, count
from runtime.documents import add_docs_argument, publish
from runtime.output import output_folder
from runtime.tables import Table
from runtime.tasks import completed
from submission import artifacts
from submission.arrays import FloatArray
from submission.confidence import COVERAGE
from submission.estimator import Estimator
from submission.parameters import PARAMETERS, draw_pulls, values_from_pulls
from training.checkpoints import checkpointed

SUMMARY = "bias, coverage and width under shifts beyond the priors and in other worlds, without refit"

#: Standard deviations of the priors by which tes and jes are moved, and soft_met in GeV beside its median.
STEPS, SOFT_MET = (-5, -3, -1, 1, 3, 5), (1.0, 5.0)

#: True mu of the pseudo-experiments, how many there are at each, and draws of the finite samples behind their counts.
MUS, THROWS, SAMPLES = np.linspace(*MU_RANGE, 6), 1000, 200

#: Where `table2` leaves the artifacts of no-flows.
_NO_FLOWS = Path("runs/table2-full/no-flows/submission/submission/artifacts")

#: Rows that are worked on at a time: bounds the memory.
_CHUNK = 100_000


@dataclass(frozen=True)
class Shift:
    """How events differ from those that the templates describe; all else is as they have it.

    Arguments:
        label: in the table.
        tes, jes: factors on energies.
        soft_met: in GeV.
        world: of the simulation.
    """

    label: str
    tes: float = 1.0
    jes: float = 1.0
    soft_met: float = SOFT_MET[0]
    world: str = DEFAULT


NONE = Shift("none")
SHIFTS = (
    NONE,
    *(Shift(f"tes {step:+d} sd", tes=1 + 0.01 * step) for step in STEPS),
    *(Shift(f"jes {step:+d} sd", jes=1 + 0.01 * step) for step in STEPS),
    Shift(f"soft_met {SOFT_MET[1]:g} GeV", soft_met=SOFT_MET[1]),
    *(Shift(f"world {name}", world=name) for name in WORLDS if name != DEFAULT),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="of default: submission/artifacts")
    where = f"artifacts of no-flows (default: {_NO_FLOWS}, or default alone where it is not there)"
    add("--no-flows", type=Path, metavar="DIR", help=where)
    add("--data", metavar="DIR", help="events that no training has read (default: a simulated sample, seed 2)")
    add("--rows", type=count, default=4_000_000, metavar="N", help="rows of each other world (default 4000000)")
    add("--output", type=Path, default=Path("runs/robustness"), metavar="DIR", help="default: runs/robustness")
    add_workers_arguments(parser)
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Count, throw, print the table, draw the figure; counts are kept for the next call."""
    places, flags = {"default": arguments.artifacts}, {"default": "--artifacts", "no-flows": "--no-flows"}
    if arguments.no_flows or _NO_FLOWS.exists():
        places["no-flows"] = arguments.no_flows or _NO_FLOWS
    else:
        print(f"{_NO_FLOWS} is not there: default alone")
    estimators = {name: load_estimator(place, flags[name]) for name, place in places.items()}
    folders = {world: simulation.cached_folder(arguments.rows, 5, world=world) for world in WORLDS if world != DEFAULT}
    folders[DEFAULT] = arguments.data or simulation.cached_folder(16_000_000, 2)
    checksums = {name: load_manifest(place)["sha256"] for name, place in places.items()}
    with output_folder(arguments.output, work=lambda output: [*output.glob("counts/*.npz")]):
        tasks = [
            _Count(shift, str(folders[shift.world]), estimators, arguments.output / "counts", str(checksums))
            for shift in SHIFTS
        ]
        counts = completed(tasks, arguments.workers, "counts", "shift")
        methods = {
            name: [{"label": shift.label} | reached(estimator, *each.of[name]) for shift, each in zip(SHIFTS, counts)]
            for name, estimator in estimators.items()
        }
        result = {
            "shipped": checksums["default"],
            "no_flows": checksums.get("no-flows"),
            "data": OfficialFolder(folders[DEFAULT], test_share=0).fingerprint(),
            "rows": arguments.rows,
            "throws": THROWS,
            "mus": MUS.tolist(),
            "methods": methods,
        }
        files.write_json(arguments.output / "robustness.json", result)
        draw(arguments.output / "robustness.png", result)
    print(table(result).text())
    shown = [arguments.output / name for name in ("robustness.json", "robustness.png")]
    publish(arguments.docs, "results", sections(result), shown)


@dataclass(frozen=True)
class Counts:
    """Events of each process in the bins of each method, their sums of weights and of squared weights.

    Arguments:
        of: dict of arrays (2, processes, bins).
    """

    of: dict[str, FloatArray]


@dataclass(frozen=True)
class _Count:
    """The task of counting the events at one shift.

    Arguments:
        shift: `Shift`.
        folder: of the events.
        estimators: by method.
        kept: folder that keeps the counts.
        checksums: text that changes with the artifacts.
    """

    shift: Shift
    folder: str
    estimators: Mapping[str, Estimator]
    kept: Path
    checksums: str

    def __call__(self) -> Counts:
        source = OfficialFolder(self.folder, test_share=0)
        about = json.dumps([str(self.shift), source.fingerprint(), self.checksums])
        return checkpointed(self.kept / f"{self.shift.label}.npz", about, Counts, lambda: self._run(source))

    def _run(self, source: OfficialFolder) -> Counts:
        events = source.train_events(0, source.train_rows)
        sizes = {name: (2, len(PROCESSES), estimator.histogram.bins) for name, estimator in self.estimators.items()}
        totals: dict[str, FloatArray] = {name: np.zeros(size) for name, size in sizes.items()}
        for number, first in enumerate(range(0, len(events.weights), _CHUNK)):
            rows = slice(first, first + _CHUNK)
            weights, process = events.weights[rows], events.process[rows]
            unit = np.random.default_rng([3, number]).standard_normal((2, len(weights)))
            noise = tuple(self.shift.soft_met * unit)
            features, kept = transform(events.primaries[rows], None, self.shift.tes, self.shift.jes, noise)
            columns = dict(zip(FEATURES, features.T))
            for name, estimator in self.estimators.items():
                bins = estimator.histogram.bins_of(columns)
                inside = bins >= 0
                place = process[kept][inside].astype(np.int64) * estimator.histogram.bins + bins[inside]
                for power, total in enumerate(totals[name], start=1):
                    total += np.bincount(place, weights[kept][inside] ** power, total.size).reshape(total.shape)
        return Counts(totals)


def reached(estimator: Estimator, counts: FloatArray, variance: FloatArray) -> dict[str, float]:
    """What an estimator makes of pseudo-experiments around expected counts.

    The scales of the backgrounds are drawn from their priors, tes, jes and soft_met are those of the counts.

    Arguments:
        estimator: of a method.
        counts, variance: arrays (processes, bins), at mu = 1, and their variance in other samples as large.

    Returns:
        "bias", the mean of mu_hat - mu in units of the fit's error, "coverage", "width", each with its statistical
        error ("bias_error", ...), "bias_of_samples", how much the bias scatters with the finite samples of events
        behind the counts and behind the templates, and "invalid", the share of fits whose interval is the whole range
        since the templates do not describe the counts.
    """
    random = np.random.default_rng(20250509)
    mu = np.repeat(MUS, THROWS)
    values = values_from_pulls(np.column_stack([mu, draw_pulls(random, len(mu))]))
    factors = np.ones((len(mu), len(PROCESSES)))
    named = dict(zip(PARAMETERS, values.T))
    for place, process in enumerate(PROCESSES):
        scale = named.get(f"{process}_scale", 1.0)
        factors[:, place] = mu if process == SIGNAL else scale * named["bkg_scale"]
    fit = estimator.likelihood.fit(random.poisson(factors @ counts))
    intervals = estimator.belt.intervals(fit.mu_hat, fit.sigma, fit.valid)
    numbers = {"invalid": float(np.mean(~fit.valid)), "bias_of_samples": _of_samples(estimator, counts, variance)}
    for name, values in (
        ("bias", (fit.mu_hat - mu) / fit.sigma),
        ("coverage", intervals.cover(mu)),
        ("width", intervals.p84 - intervals.p16),
    ):
        numbers |= {name: float(np.mean(values)), f"{name}_error": float(np.std(values) / np.sqrt(len(mu)))}
    low, high = share_interval(numbers["coverage"], len(mu))
    return numbers | {"coverage_error": (high - low) / 2}


def _of_samples(estimator: Estimator, counts: FloatArray, variance: FloatArray) -> float:
    """Standard deviation of (mu_hat - mu) / sigma with the finite samples behind the counts and the templates."""
    random, mean = np.random.default_rng(20250510), counts.sum(axis=0)
    scatter = np.sqrt(variance.sum(axis=0) + estimator.likelihood.relative_variance * mean**2)
    fit = estimator.likelihood.fit(np.maximum(random.normal(mean, scatter, (SAMPLES, len(mean))), 0))
    return float(np.std((fit.mu_hat - 1) / fit.sigma))


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What robustness.json makes of the page: section -> Markdown."""
    figure = "\n![Bias, coverage and width against shifts of tes and jes](results/robustness.png)\n"
    return {"robustness": table(result).markdown() + figure}


def table(result: Mapping[str, Any]) -> Table:
    """A line for each shift, the numbers of all methods beside each other."""
    methods = result["methods"]
    lines = []
    for rows in zip(*methods.values()):
        line = [rows[0]["label"]]
        line += [f"{row['bias']:+.2f} ± {np.hypot(row['bias_error'], row['bias_of_samples']):.2f}" for row in rows]
        for key, digits in (("coverage", 3), ("width", 3)):
            line += [f"{row[key]:.{digits}f} ± {row[f'{key}_error']:.{digits}f}" for row in rows]
        line += [f"{row['invalid']:.2f}" for row in rows]
        lines.append(line)
    titles = ("bias / σ", "coverage", "width", "not described")
    return Table(["shift", *(f"{title}, {name}" for title in titles for name in methods)], lines)


def draw(path: Path, result: Mapping[str, Any]) -> None:
    """Bias, coverage and width against tes and jes, for all methods."""
    figure, axes = panels(3, 2, (9, 8), sharex=True, sharey="row")
    labels = {"bias": "mean of (μ̂ - μ) / σ", "coverage": "coverage", "width": "mean width"}
    for column, parameter in enumerate(("tes", "jes")):
        for panel, (key, label) in zip(axes[:, column], labels.items()):
            for (name, rows), colour in zip(result["methods"].items(), (BLUE, RED)):
                labelled = {row["label"]: row for row in rows}
                steps = {0: NONE.label} | {step: f"{parameter} {step:+d} sd" for step in STEPS}
                points = sorted((x, labelled[text][key], labelled[text][f"{key}_error"]) for x, text in steps.items())
                panel.errorbar(*zip(*points), fmt="o-", color=colour, label=name)
            panel.axhline({"bias": 0, "coverage": COVERAGE}.get(key, np.nan), color="black", lw=0.8)
            panel.set_ylabel(label if not column else "")
        axes[-1, column].set_xlabel(f"shift of {parameter}, standard deviations of its prior")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc=BELOW, ncols=2)
    save(figure, path)
