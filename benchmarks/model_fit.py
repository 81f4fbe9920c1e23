"""Time and memory of `Model.fit`, in the world of the training and in another: `python -m benchmarks.model_fit`.

    python -m benchmarks.model_fit --data DIR DIR [--sizes N,N,...]

Every fit has a process of its own, and all rows of its folder for training. Seconds are those of the wall clock and of
the processors, helper processes included. Memory is the highest sum over process and helpers, looked at every 0.2 s,
of what each has to itself and its share of what they have in common (Pss).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.real_file import first_rows
from ingestion_test.official.systematics import systematics
from ingestion_test.schema import METADATA_FILE
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder
from runtime.tables import Table
from submission import artifacts
from submission.forks import cores
from submission.tables import adapted

SIZES = (4_000_000, 16_000_000)

HEAD = ("world", "training events", "wall, s", "CPU, s", "memory, MiB", "tables")


def fit(folder: Path, minutes: float) -> None:
    """Fit in this process; the last line that is printed says how long it took and what it did."""
    start = time.monotonic()
    tables = adapted(artifacts.load(), OfficialFolder(folder, test_share=0).train_set, systematics, minutes)
    wall = time.monotonic() - start
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    print(json.dumps({"wall": wall, "cpu": cpu, "summary": tables.summary}))


def measured(folder: Path, minutes: float) -> dict[str, Any]:
    """What `fit` says of a fit in a process of its own, and its "memory" in MiB."""
    command = [sys.executable, "-m", "benchmarks.model_fit", "--one", str(folder), "--minutes", str(minutes)]
    with tempfile.TemporaryFile("w+") as output:
        process, memory = subprocess.Popen(command, stdout=output), 0.0
        while process.poll() is None:
            memory = max(memory, sum(_share(pid) for pid in _family(process.pid)) / 1024)
            time.sleep(0.2)
        output.seek(0)
        lines = output.read().splitlines()
    if process.returncode:
        raise SystemExit(f"the fit of {folder} ended with exit code {process.returncode}")
    result: dict[str, Any] = json.loads(lines[-1])
    return result | {"memory": memory}


def _family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    try:
        children = [Path(task, "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it has ended
        return
    for child in " ".join(children).split():
        yield from _family(int(child))


def _share(pid: int) -> int:
    """Memory of a process in KiB; what it shares with others counts in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def row(folder: Path, size: int, minutes: float) -> tuple[str, ...]:
    """A row of the table: a fit on the first `size` rows of a folder."""
    metadata = json.loads((folder / METADATA_FILE).read_text())
    with tempfile.TemporaryDirectory() as work:
        whole = OfficialFolder(folder).total_rows == size
        result = measured(folder if whole else first_rows(folder, size, Path(work, "data")), minutes)
    seconds = [f"{result[name]:.0f}" for name in ("wall", "cpu")]
    return metadata.get("world", ""), f"{size:,}", *seconds, f"{result['memory']:.0f}", result["summary"]["Tables"]


def main() -> None:
    """Print time and memory of each fit."""
    program = "python -m benchmarks.model_fit"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --sizes 400000"
    )
    parser.add_argument(
        "--data",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="folders (default: 16 million simulated rows, and 4 million of the world hard)",
    )
    parser.add_argument("--sizes", type=lambda text: tuple(map(int, text.split(","))), default=SIZES, metavar="N,N")
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="time of each (default 30)")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.one:
        fit(flags.one, flags.minutes)
        return
    folders = flags.data or [cached_folder(SIZES[-1], seed=2), cached_folder(SIZES[0], seed=5, world="hard")]
    rows = []
    for folder in folders:
        total = OfficialFolder(folder).total_rows
        rows += [row(folder, size, flags.minutes) for size in sorted({min(size, total) for size in flags.sizes})]
    print(f"{cores()} cores, {os.environ.get('OMP_NUM_THREADS', 'any number of')} threads a process")
    print(Table(HEAD, rows).text())


if __name__ == "__main__":
    main()
