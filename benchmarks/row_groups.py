"""Row groups read side by side in threads: `python -m benchmarks.row_groups [--data DIR]`.

The training and the test events of a data folder are read with 1 thread and with several, in turn. What counts is the
wall clock: on a machine that is busy otherwise there is little to win, and the ratio's range says how busy it was.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial

from benchmarks.timing import Call, ratios, side_by_side
from ingestion_test import event_file
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder


def read(source: OfficialFolder, threads: int, _round: int) -> None:
    """Read all events of a folder with so many threads."""
    event_file.ROW_GROUPS_AT_A_TIME = threads
    source.train_events(0, source.train_rows)
    source.test_events()


def main() -> None:
    """Print the times of both ways to read."""
    program = "python -m benchmarks.row_groups"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--data", metavar="DIR", help="folder in the official format (default: the default sample)")
    parser.add_argument("--rounds", type=int, default=7, help="turns (default 7)")
    flags = parser.parse_args()
    source = OfficialFolder(flags.data or cached_folder())
    numbers = sorted({1, 2, 4, os.cpu_count() or 1})
    calls: dict[str, Call] = {f"{threads} threads": (partial(read, source, threads), 1) for threads in numbers}
    seconds, _ = side_by_side(calls, flags.rounds, time.perf_counter)
    print(f"{source.total_rows:,} rows")
    print(ratios(seconds, "1 threads", "wall ms").text())


if __name__ == "__main__":
    main()
