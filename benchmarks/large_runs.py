"""What runs of a million pseudo-experiments would take on a cluster: `python -m benchmarks.large_runs`.

Measured on this machine: a pseudo-experiment with its prediction; its draw for each test row; a task that does nothing,
by way of a dask scheduler, which passes it to a worker and its result back; a line of the journal, which reaches the
disk; scoring and report. The rest is arithmetic. The workers share the first two, the others are done by one process
after the other. A run takes as long as the longer of both, and that is called its bound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dask
from dask.distributed import LocalCluster

from benchmarks import scaling
from benchmarks.draws import repeated
from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import PseudoExperiment, draw_rows, process_scales
from ingestion_test.schema import PREDICTION_KEYS, PRIMARIES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import TEST_SHARE, OfficialFolder
from runtime.tables import Table
from runtime.tasks import as_completed

#: Runs that are calculated: pseudo-experiments, rows of the file, workers.
RUNS = ((10_000, 16_000_000, 2), (1_000_000, 220_000_000, 1000), (1_000_000, 1_000_000_000, 1000))

#: Bytes of a test row in the mapped files.
_ROW_BYTES = 4 * (len(PRIMARIES) + 1)

#: Copies of the test events that the draw is measured with: its cost is that of the rows.
_COPIES = 20


@dataclass(frozen=True)
class Costs:
    """Seconds of a pseudo-experiment's parts.

    Arguments:
        work: events and prediction, apart from the draw.
        row: the draw, for each test row.
        message: a task's way to a worker and back.
        line: of the journal.
        scoring: scores and report.
    """

    work: float
    row: float
    message: float
    line: float
    scoring: float

    def shared(self, rows: int) -> float:
        """What workers do of a pseudo-experiment from a file of so many rows."""
        return self.work + self.row * TEST_SHARE * rows

    def serial(self) -> dict[str, float]:
        """What one process does of each."""
        return {"scheduler": self.message, "journal": self.line, "scoring": self.scoring}


def measured(experiments: int, tasks: int) -> Costs:
    """The `Costs` here, from so many pseudo-experiments, and from so many tasks, lines and scored results."""
    (whole,) = scaling.by_events([1_000_000], experiments)
    rows, draw = draw_seconds()
    with tempfile.TemporaryDirectory() as work:
        line = journal_seconds(Path(work, "journal.jsonl"), tasks)
        first, last = scaling.by_experiments([(10, 1), (10, max(2, tasks // 10))], Path(work))
    scoring = (last["scoring, s"] - first["scoring, s"]) / (last["number"] - first["number"])
    per_row = draw / rows
    total = whole["drawing, s"] + whole["predicting, s"]
    own_rows = rows / _COPIES
    return Costs(total - per_row * own_rows, per_row, message_seconds(tasks), line, scoring)


def draw_seconds() -> tuple[int, float]:
    """Test rows, and CPU seconds of a draw from them, the second one."""
    events = repeated(OfficialFolder(cached_folder()).test_events(), _COPIES)
    nuisance = draw_nuisance_parameters(1, NUISANCE_NAMES)
    scales = process_scales(1.0, *(nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")))
    seconds = 0.0
    for seed in range(2):
        start = time.process_time()
        draw_rows(events, scales, seed)
        seconds = time.process_time() - start
    return len(events.weights), seconds


def message_seconds(tasks: int) -> float:
    """Seconds of a task that does nothing, by way of a dask scheduler on this machine, its worker beside it."""
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        address = cluster.scheduler_address
        list(as_completed([_nothing] * 10, address))
        start = time.perf_counter()
        list(as_completed([_nothing] * tasks, address))
        return (time.perf_counter() - start) / tasks


def _nothing() -> None:
    pass


def journal_seconds(path: Path, lines: int) -> float:
    """Seconds of a line of a journal."""
    journal = Journal(path, {}, resume=False)
    prediction = dict.fromkeys(PREDICTION_KEYS, 0.123456789012345)
    start = time.perf_counter()
    for index in range(lines):
        journal.add(Outcome(PseudoExperiment(0, index, index, 1.0), prediction, 0.1, 0.1), index)
    return (time.perf_counter() - start) / lines


def measured_table(costs: Costs) -> Table:
    """The costs as lines."""
    names = {
        "events and prediction, without the draw": costs.work,
        "draw, per million test rows": 1e6 * costs.row,
        "task by way of the scheduler": costs.message,
        "line of the journal": costs.line,
        "scoring and report": costs.scoring,
    }
    return Table(("of a pseudo-experiment", "ms"), [(name, f"{1e3 * value:.3f}") for name, value in names.items()])


def calculated_table(costs: Costs, runs: Sequence[tuple[int, int, int]]) -> Table:
    """Hours of each run by its parts, its bound, the most workers that it can keep busy, and GB that they map."""
    lines = []
    for experiments, rows, workers in runs:
        shared = costs.shared(rows)
        hours = {"workers": shared / workers} | costs.serial()
        serial = max(costs.serial().values())
        lines.append(
            (
                f"{experiments:,}",
                f"{rows:,}",
                f"{workers:,}",
                *(f"{experiments * value / 3600:.2f}" for value in hours.values()),
                max(hours, key=hours.__getitem__),
                f"{shared / serial:,.0f}",
                f"{TEST_SHARE * rows * _ROW_BYTES / 1e9:.1f}",
            )
        )
    parts = (f"{name}, h" for name in ("workers", *costs.serial()))
    return Table(("pseudo-experiments", "rows", "workers", *parts, "bound", "most workers", "mapped, GB"), lines)


def main() -> None:
    """Print what was measured, and what is calculated from it."""
    program = "python -m benchmarks.large_runs"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --tasks 200"
    )
    parser.add_argument("--experiments", type=int, default=5, help="pseudo-experiments (default 5)")
    parser.add_argument("--tasks", type=int, default=2000, help="tasks, lines and results (default 2000)")
    flags = parser.parse_args()
    costs = measured(flags.experiments, flags.tasks)
    print(measured_table(costs).text(), calculated_table(costs, RUNS).text(), sep="\n\n")


if __name__ == "__main__":
    main()
