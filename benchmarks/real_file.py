"""Memory and time of a data file of any size, and what the official one of 220 million rows will cost.

    python -m benchmarks.real_file [--data DIR] [--sizes N,N,...] [--docs docs]

Each step runs in a process of its own, on the first rows of the file in four sizes: the test events read into the files
that pseudo-experiments are drawn from; one pseudo-experiment drawn and predicted; the events that the classifier is
trained on, and those of the templates; one point of the template grid counted. Once, for the largest size, the
classifier's inputs. Memory is what a process has of its own at its highest (RssAnon, every 10 ms);
apart from it the pages of files that are mapped (RssFile, libraries included), which the system takes back when it
needs them. The straight line through the two largest sizes, which fill batches and threads, gives the official
file's cost.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from experiments.plotting import panels, save
from ingestion_test.event_file import ROW_GROUPS_AT_A_TIME
from ingestion_test.schema import DATA_FILE, METADATA_FILE
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder
from runtime.files import write_json
from runtime.tables import Table

OFFICIAL_ROWS = 220_099_101
SIZES = (16_000, 160_000, 1_600_000, 16_000_000)
MIB = 1024


# The steps, each in a process of its own: functions of the data folder and of a folder for what they leave. ----------


def idle(folder: Path, work: Path) -> Callable[[], object]:
    """Nothing but the libraries."""
    import submission.artifacts
    import training.stages  # noqa: F401

    return submission.artifacts.load


def test_events(folder: Path, work: Path) -> None:
    """The test events, into mapped files."""
    OfficialFolder(folder).test_events(work)


def experiment(folder: Path, work: Path) -> Callable[[], object]:
    """The third pseudo-experiment: its streams are compiled by then, and the test events in the page cache."""
    from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
    from ingestion_test.pseudo_experiments import make_test_set
    from ingestion_test.sources import open_test_events
    from submission import artifacts

    events, estimator = open_test_events(work), artifacts.load()

    def predict(seed: int) -> None:
        test_set = make_test_set(events, 1.0, draw_nuisance_parameters(seed, NUISANCE_NAMES), seed)
        estimator.estimate(**test_set)

    for seed in range(2):
        predict(seed)
    return partial(predict, 2)


def classifier(folder: Path, work: Path) -> None:
    """The events that the classifier is trained on, into mapped files."""
    from training.samples import training_part

    training_part(OfficialFolder(folder), "classifier", None, work)


def templates(folder: Path, work: Path) -> None:
    """The template events, into mapped files."""
    from training.samples import training_part

    training_part(OfficialFolder(folder), "templates", None, work)


def template_point(folder: Path, work: Path) -> Callable[[], object]:
    """One point of the template grid."""
    from ingestion_test.schema import FEATURES
    from submission import artifacts
    from training.samples import load_sample
    from training.templates import TemplateEvents, count_events

    histogram = artifacts.load().histogram
    events = TemplateEvents(
        partial(load_sample, work),
        lambda features: histogram.bins_of(dict(zip(FEATURES, features.T))),
        histogram.bins,
        "",
    )
    return partial(count_events, events, (1.01, 0.99, 3.0), 1)


def training_events(folder: Path, work: Path) -> Callable[[], object]:
    """What the classifier is trained on: all rows of its part, shifted."""
    from submission import artifacts
    from training.networks import plain_inputs
    from training.perturbed import PerturbedEvents, perturbed
    from training.samples import load_sample, training_part

    sample = training_part(OfficialFolder(folder), "classifier", None, work)
    inputs = partial(plain_inputs, artifacts.load().histogram.scorer)
    events = PerturbedEvents(partial(load_sample, work), len(sample.weights), 2000, 1, 1, 2)
    return partial(perturbed, events, inputs)


STEPS: dict[str, Callable[[Path, Path], Callable[[], object] | None]] = {
    step.__name__: step
    for step in (idle, test_events, experiment, classifier, templates, template_point, training_events)
}
ONCE = ("training_events",)


def run_step(name: str, folder: Path, work: Path) -> None:
    """Run a step in this process; print its seconds. What a step returns is the part of it that is timed."""
    import torch

    torch.set_num_threads(1)
    start = time.perf_counter(), time.process_time()
    timed = STEPS[name](folder, work)
    if timed is not None:
        start = time.perf_counter(), time.process_time()
        timed()
    print(json.dumps({"seconds": time.perf_counter() - start[0], "cpu": time.process_time() - start[1]}))


# The measurement ------------------------------------------------------------------------------------------------------


def measured(name: str, folder: str | Path, work: str | Path) -> dict[str, float]:
    """Seconds of a step and its memory in MiB."""
    command = [sys.executable, "-m", "benchmarks.real_file", "--step", name, str(folder), str(work)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    peak = {"RssAnon": 0.0, "RssFile": 0.0}
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            kind, _, value = line.partition(":")
            if kind in peak:
                peak[kind] = max(peak[kind], int(value.split()[0]) / MIB)
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{name} failed with exit code {process.returncode}")
    return json.loads(process.stdout.read()) | {"own": peak["RssAnon"], "mapped": peak["RssFile"]}


def first_rows(folder: str | Path, rows: int, output: Path) -> Path:
    """A folder with the first rows of another one, row group by row group."""
    source = pq.ParquetFile(Path(folder, DATA_FILE))
    output.mkdir()
    left = rows
    with pq.ParquetWriter(output / DATA_FILE, source.schema_arrow) as writer:
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)[:left]
            writer.write_table(table)
            left -= len(table)
            if not left:
                break
    metadata = json.loads(Path(folder, METADATA_FILE).read_text())
    write_json(output / METADATA_FILE, metadata | {"total_rows": rows})
    return output


def measure(folder: str | Path, sizes: Sequence[int]) -> dict[str, list[dict[str, float]]]:
    """Of each step a list of points: rows, seconds, cpu, own and mapped MiB."""
    points: dict[str, list[dict[str, float]]] = {name: [] for name in STEPS}
    whole = OfficialFolder(folder).total_rows
    for rows in sizes:
        with tempfile.TemporaryDirectory() as work:
            data = folder if rows == whole else first_rows(folder, rows, Path(work, "data"))
            for name in STEPS:
                if name not in ONCE or rows == sizes[-1]:
                    points[name].append({"rows": rows} | measured(name, data, work))
    return points


def extrapolated(name: str, points: Sequence[Mapping[str, Any]], rows: int = OFFICIAL_ROWS) -> dict[str, Any]:
    """What a step will cost, linear in the rows: as the points."""
    (small, large), last = points[-2:], rows
    more = (last - large["rows"]) / (large["rows"] - small["rows"])
    costs = {key: large[key] + max(0.0, more * (large[key] - small[key])) for key in ("cpu", "own", "mapped")}
    return costs | {"seconds": None}


# What is shown --------------------------------------------------------------------------------------------------------


def _cells(point: Mapping[str, Any]) -> list[str]:
    """Seconds and MiB of a point; what is extrapolated has no seconds of the wall clock."""
    wall = "" if point["seconds"] is None else f"{point['seconds']:.2f}"
    return [wall, f"{point['cpu']:.2f}", f"{point['own']:.0f}", f"{point['mapped']:.0f}"]


def table(points: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """The measurement and the extrapolation."""
    rows = []
    for name, measurements in points.items():
        rows += [[f"{point['rows']:,}", name, *_cells(point), ""] for point in measurements]
        if len(measurements) > 1:  # what is done once costs the same for any file
            rows.append([f"{OFFICIAL_ROWS:,}", name, *_cells(extrapolated(name, measurements)), "extrapolated"])
    return Table(("rows", "step", "wall, s", "CPU, s", "own memory, MiB", "mapped files, MiB", ""), rows)


def figure(path: Path, points: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Memory and CPU time against the rows of the file; hollow: the official file."""
    figure, axes = panels(1, 3, (13, 4))
    for axis, key, title in zip(
        axes, ("own", "mapped", "cpu"), ("own memory [MiB]", "mapped files [MiB]", "CPU time [s]")
    ):
        for number, (name, measurements) in enumerate(points.items()):
            if len(measurements) == 1 or (name == "idle" and key == "cpu"):
                continue
            style = {"color": f"C{number}", "marker": "o", "markersize": 4}
            rows, values = ([point[column] for point in measurements] for column in ("rows", key))
            axis.plot(rows, values, label=name.replace("_", " "), **style)
            ends = [rows[-1], OFFICIAL_ROWS], [values[-1], extrapolated(name, measurements)[key]]
            axis.plot(*ends, linestyle=":", markerfacecolor="white", markevery=[1], **style)
        axis.set(xscale="log", yscale="log", xlabel="rows of the file", title=title)
        axis.grid(alpha=0.3)
    axes[0].axhline(4096, color="black", linewidth=0.8)
    axes[0].annotate("4 GiB", (3e4, 4300))
    axes[0].set_ylim(200, 7000)
    axes[2].legend(*axes[0].get_legend_handles_labels(), fontsize=8)
    save(figure, path, dpi=120)


def main() -> None:
    """Print time and memory of each step, and draw them."""
    program = "python -m benchmarks.real_file"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --kept --docs docs"
    )
    add = parser.add_argument
    add("--data", metavar="DIR", help="folder in the official format (default: 16 million simulated rows)")
    add("--sizes", type=lambda text: tuple(map(int, text.split(","))), default=SIZES, metavar="N,N")
    add("--docs", type=Path, metavar="DIR", help="keep the figure and the numbers in DIR/performance")
    add("--kept", action="store_true", help="measure nothing: show again what --docs has kept")
    add("--step", nargs=3, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.kept and not flags.docs:
        parser.error("--kept shows what --docs has kept: name its folder with --docs")
    if flags.step:
        name, *folders = flags.step
        run_step(name, *map(Path, folders))
        return
    kept = flags.docs and flags.docs / "performance" / "real_file.json"
    if flags.kept:
        points = json.loads(kept.read_text())
    else:
        print(f"{ROW_GROUPS_AT_A_TIME} row groups at a time")
        points = measure(flags.data or cached_folder(SIZES[-1], seed=2), flags.sizes)
    print(table(points).text())
    if flags.docs:
        write_json(kept, points)
        figure(flags.docs / "performance" / "memory.png", points)


if __name__ == "__main__":
    main()
