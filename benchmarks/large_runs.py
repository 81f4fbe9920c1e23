"""What runs of a million pseudo-experiments would take on a cluster: `python -m benchmarks.large_runs`.

Measured on this machine: a pseudo-experiment with its prediction; its draw for each test row; a task that does nothing,
for the dask scheduler and client that pass it to a worker and take its result; a line of the journal, which reaches the
disk; scoring and report. The rest is arithmetic. The workers share the first two. Scheduler and journal serve all of
them while they work, one pseudo-experiment after the other. So that part of a run takes as long as the slowest of the
three, which is called its bound, and scoring comes after it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dask.distributed import LocalCluster

from benchmarks import scaling
from benchmarks.draws import repeated
from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import PseudoExperiment, draw_rows, process_scales
from ingestion_test.schema import PREDICTION_KEYS, PRIMARIES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import TEST_SHARE, OfficialFolder, TestEvents
from runtime.tables import Table
from runtime.tasks import as_completed

#: Runs that are calculated: pseudo-experiments, rows of the file, workers.
RUNS = ((10_000, 16_000_000, 2), (1_000_000, 220_000_000, 1000), (1_000_000, 1_000_000_000, 1000))

#: Bytes of a test row in the mapped files.
_ROW_BYTES = 4 * (len(PRIMARIES) + 1)

#: Copies of the test events that the draw is measured with, beside the test events alone.
_COPIES = 20


@dataclass(frozen=True)
class Costs:
    """Seconds of a pseudo-experiment's parts.

    Arguments:
        work: CPU time of all that does not grow with the test rows.
        row: CPU time of the draw, for each further test row.
        message: CPU time of scheduler and client for a task.
        line: of the journal, wall clock.
        scoring: CPU time of scores and report.
    """

    work: float
    row: float
    message: float
    line: float
    scoring: float

    def shared(self, rows: int) -> float:
        """What workers do of a pseudo-experiment from a file of so many rows."""
        return self.work + self.row * TEST_SHARE * rows

    def served(self) -> dict[str, float]:
        """What is done of each, one after the other, while the workers work."""
        return {"scheduler": self.message, "journal": self.line}


def measured(experiments: int, tasks: int) -> Costs:
    """The `Costs` here, from so many pseudo-experiments, and from so many tasks, lines and scored results."""
    (whole,) = scaling.by_events([1_000_000], experiments)
    rows, row = seconds_per_row()
    with tempfile.TemporaryDirectory() as work:
        line = journal_seconds(Path(work, "journal.jsonl"), tasks)
        first, last = scaling.by_experiments([(10, 1), (10, max(2, tasks // 10))], Path(work))
    scoring = (last["scoring, s"] - first["scoring, s"]) / (last["number"] - first["number"])
    total = whole["drawing, s"] + whole["predicting, s"]
    return Costs(total - row * rows, row, message_seconds(tasks), line, scoring)


def seconds_per_row() -> tuple[int, float]:
    """Test rows of the default sample, and CPU seconds that a draw takes longer for each further one."""
    events = OfficialFolder(cached_folder()).test_events()
    rows = len(events.weights)
    few, many = (_draw_seconds(sample) for sample in (events, repeated(events, _COPIES)))
    return rows, (many - few) / (rows * (_COPIES - 1))


def _draw_seconds(events: TestEvents) -> float:
    """CPU seconds of a draw, the least of three."""
    nuisance = draw_nuisance_parameters(1, NUISANCE_NAMES)
    scales = process_scales(1.0, *(nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")))
    seconds = []
    for seed in range(3):
        start = time.process_time()
        draw_rows(events, scales, seed)
        seconds.append(time.process_time() - start)
    return min(seconds)


def message_seconds(tasks: int) -> float:
    """CPU seconds that dask's scheduler and its client, both in this process, spend on a task that does nothing."""
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        list(as_completed([_nothing] * 10, address))
        start = time.process_time()
        list(as_completed([_nothing] * tasks, address))
        return (time.process_time() - start) / tasks


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
        "events and prediction, whatever the test rows": costs.work,
        "draw, for each million test rows": 1e6 * costs.row,
        "task by way of the scheduler": costs.message,
        "line of the journal": costs.line,
        "scoring and report": costs.scoring,
    }
    return Table(("of a pseudo-experiment", "ms"), [(name, f"{1e3 * value:.3f}") for name, value in names.items()])


def calculated_table(costs: Costs, runs: Sequence[tuple[int, int, int]]) -> Table:
    """Hours of each run and of its parts, its bound, the most workers that it can keep busy, and GB that they map."""
    lines = []
    for experiments, rows, workers in runs:
        shared = costs.shared(rows)
        parts = {"workers": shared / workers} | costs.served()
        whole = max(parts.values()) + costs.scoring
        hours = [experiments * value / 3600 for value in (*parts.values(), costs.scoring, whole)]
        lines.append(
            (
                f"{experiments:,}",
                f"{rows:,}",
                f"{workers:,}",
                *(f"{value:.2f}" for value in hours),
                max(parts, key=parts.__getitem__),
                f"{shared / max(costs.served().values()):,.0f}",
                f"{TEST_SHARE * rows * _ROW_BYTES / 1e9:.1f}",
            )
        )
    head = (f"{name}, h" for name in ("workers", *costs.served(), "scoring", "run"))
    return Table(("pseudo-experiments", "rows", "workers", *head, "bound", "most workers", "mapped, GB"), lines)


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
