"""How the cost of a run grows: `python -m benchmarks.scaling`.

Lines over three decades: the events of a pseudo-experiment, drawn and predicted, with the test events' weights scaled;
the bins of the likelihood, some of the shipped ones or several copies of each; and whole runs by their
pseudo-experiments and by their sets of one each, through ingestion and scoring: drawn, sent to a submission in its own
process, kept in the journal, written, scored, reported. The pseudo-experiments of these runs are of 1000 events and
the submission answers at once, so that what is left is what the harness itself costs. Seconds are those of the
processor, the submission's process included. Linear means that each further one costs the same: the column before the
last. The slope is that of the logarithms from one line to the next; what does not depend on the number makes it
smaller than 1.

Runs with 1, 2 and 4 processes are of pseudo-experiments of a million events and the shipped submission, in seconds of
the wall clock; what a run costs apart from its pseudo-experiments is taken off.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fit import throw
from experiments.bounds import limited
from experiments.plotting import panels, save
from ingestion_test.ingestion import RunSettings, run
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.run_scoring import score_folder
from ingestion_test.schema import DATA_FILE, METADATA_FILE
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder
from runtime.files import write_json
from runtime.tables import Table
from submission import artifacts
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS

EVENTS = (1_000, 10_000, 100_000, 1_000_000)
BINS = (30, 300, 3_000, 30_000)
RUNS = (1, 10, 100, 1000, 10_000)
SETS = (1, 10, 100, 1000)
WORKERS = (1, 2, 4)

#: Pseudo-experiments of each of ten sets in the runs with several processes, the short ones and the long ones.
_SHORT, _LONG = 1, 5

MODEL = """class Model:
    def __init__(self, get_train_set, systematics):
        pass

    def fit(self):
        pass

    def predict(self, test_set):
        return {"mu_hat": 1.0, "delta_mu_hat": 0.2, "p16": 0.8, "p84": 1.2}
"""


def by_events(sizes: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """CPU seconds of drawing and of predicting pseudo-experiments of about so many events."""
    test_events, estimator = OfficialFolder(cached_folder()).test_events(), artifacts.load()
    total = test_events.weights.sum(dtype=float)
    rows: list[dict[str, Any]] = []
    for size in sizes:
        events = replace(test_events, weights=test_events.weights * np.float32(size / total))
        seconds = []
        for seed in range(-1, rounds):  # the first one compiles and warms caches up
            nuisance = draw_nuisance_parameters(seed + 1, NUISANCE_NAMES)
            start = time.process_time()
            test_set = make_test_set(events, 1.0, nuisance, seed + 1)
            drawn = time.process_time()
            estimator.estimate(**test_set)
            seconds.append((drawn - start, time.process_time() - drawn))
        drawing, predicting = np.median(seconds[1:], axis=0)
        rows.append({"number": size, "drawing, s": drawing, "predicting, s": predicting})
    return rows


def by_bins(sizes: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """CPU seconds of a fit in so many bins."""
    likelihood, random = artifacts.load().likelihood, np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for size in sizes:
        sized = with_bins(likelihood, size)
        counts, seconds = throw(sized, rounds + 1, random), []
        for observed in counts:
            start = time.process_time()
            sized.fit(observed[None])
            seconds.append(time.process_time() - start)
        rows.append({"number": size, "fit, s": float(np.median(seconds[1:]))})
    return rows


def with_bins(likelihood: Likelihood, size: int) -> Likelihood:
    """A likelihood of so many of the bins, evenly spread, each of them several times where there are not so many."""
    bins = np.linspace(0, likelihood.templates.bins, size, endpoint=False).astype(int)
    return limited(likelihood, bins, PARAMETERS[1:])


def by_experiments(shapes: Sequence[tuple[int, int]], work: Path) -> list[dict[str, Any]]:
    """CPU seconds of runs of so many sets with so many pseudo-experiments each, and this process's most memory by then.

    Memory is known while it grows from run to run.
    """
    light, model = work / "light", work / "model"
    folder = cached_folder("small")
    for path in (light, model):
        path.mkdir(exist_ok=True)
    (model / "model.py").write_text(MODEL)
    (light / DATA_FILE).unlink(missing_ok=True)
    (light / DATA_FILE).symlink_to(folder / DATA_FILE)
    metadata = json.loads((folder / METADATA_FILE).read_text())
    write_json(light / METADATA_FILE, metadata | {"sum_weights": 1000.0})
    source = OfficialFolder(light)
    rows: list[dict[str, Any]] = []
    for sets, each in (min(shapes), *shapes):  # the first one loads what is loaded once
        with tempfile.TemporaryDirectory(dir=work) as output:
            start = _seconds()
            run(RunSettings(sets, each), source, model, output)
            done = _seconds()
            score_folder(output, output, settings={})
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            seconds = {"ingestion, s": done - start, "scoring, s": _seconds() - done}
        rows.append({"number": sets * each} | seconds | {"memory, MiB": memory})
    return rows[1:]


def _seconds() -> float:
    """CPU seconds of this process and of those that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def by_workers(workers: Sequence[int], work: Path) -> Table:
    """Wall seconds of a pseudo-experiment of a million events with so many processes, and their ratio to the first."""
    source, seconds = OfficialFolder(cached_folder()), []
    run(RunSettings(10, _SHORT, fit_minutes=0.0), source, None, work / "workers-warm")  # loads what is loaded once
    for number in workers:
        took = []
        for each in (_SHORT, _LONG):
            start = time.perf_counter()
            run(RunSettings(10, each, fit_minutes=0.0), source, None, work / f"workers-{number}-{each}", number)
            took.append(time.perf_counter() - start)
        seconds.append((took[1] - took[0]) / (10 * (_LONG - _SHORT)))
    lines = [
        (str(number), f"{value:.3f}", f"{seconds[0] / value:.2f}")
        for number, value in zip(workers, seconds, strict=True)
    ]
    return Table(("processes", "wall s each further", "times as fast as one"), lines)


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows, with the milliseconds of each further one beyond the row before, and the slope of the logarithms."""
    names = [name for name in rows[0] if name != "number"]
    lines: list[list[str]] = []
    last: tuple[int, float] | None = None
    for row in rows:
        total = sum(row[name] for name in names if name.endswith(", s"))
        each, slope = "", ""
        if last is not None:
            each = f"{1e3 * (total - last[1]) / (row['number'] - last[0]):.4f}"
            slope = f"{np.log(total / last[1]) / np.log(row['number'] / last[0]):.2f}"
        lines.append([f"{row['number']:,}", *(f"{row[name]:.3f}" for name in names), each, slope])
        last = row["number"], total
    return Table((title, *names, "ms each further", "slope"), lines)


def further(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows after the first, their numbers and seconds less those of the first."""
    first = rows[0]
    less = [name for name in first if name == "number" or name.endswith(", s")]
    return [dict(row) | {name: row[name] - first[name] for name in less} for row in rows[1:]]


def figure(path: Path, events: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]) -> None:
    """CPU seconds against events and against pseudo-experiments, and memory."""
    figure, axes = panels(1, 3, (13, 3.6))
    run = "pseudo-experiments of a run beyond the first"
    shown = (
        (events, "events of a pseudo-experiment", ", s", "CPU time [s]"),
        (further(runs), run, ", s", "CPU time [s]"),
        (further(runs), run, ", MiB", "most memory [MiB]"),
    )
    for axis, (rows, label, unit, ylabel) in zip(axes, shown):
        for name in (name for name in rows[0] if name.endswith(unit)):
            values = [row[name] for row in rows]
            axis.plot([row["number"] for row in rows], values, "o-", markersize=4, label=name.removesuffix(unit))
        axis.set(xscale="log", yscale="log" if unit == ", s" else "linear", xlabel=label, ylabel=ylabel)
        if unit == ", MiB":
            axis.set_ylim(0, 1.25 * max(row[name] for row in rows for name in row if name.endswith(unit)))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    save(figure, path, dpi=110)


def main() -> None:
    """Print the times and draw them."""
    program = "python -m benchmarks.scaling"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--rounds", type=int, default=5, help="pseudo-experiments, or fits, of each size (default 5)")
    parser.add_argument("--most", type=int, default=RUNS[-1], help="pseudo-experiments of the longest run")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="keep the figure in DIR/performance")
    flags = parser.parse_args()
    shapes = [(min(10, size), max(1, size // 10)) for size in RUNS if size <= flags.most]
    with tempfile.TemporaryDirectory() as work:
        runs = by_experiments(shapes, Path(work))
        print(table("pseudo-experiments", runs).text(), flush=True)
        sets = by_experiments([(size, 1) for size in SETS if size <= flags.most], Path(work))
        for row in sets:
            del row["memory, MiB"]  # that of the runs before
        print(table("sets", sets).text(), flush=True)
        print(by_workers(WORKERS, Path(work)).text(), flush=True)
    events = by_events(EVENTS, flags.rounds)
    print(table("events", events).text(), flush=True)
    print(table("bins", by_bins(BINS, flags.rounds)).text())
    if flags.docs:
        figure(flags.docs / "performance" / "scaling.png", events, runs)


if __name__ == "__main__":
    main()
