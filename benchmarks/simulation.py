"""Speed and memory of the built-in simulation on one core.

    python -m benchmarks.simulation [--seconds 5] [--rows N,N,...]

Printed: accepted events per second and core of each process from four-vectors to primaries (before the reweighting and
the thinning), rows per second and core of the whole chain, and the peak memory of this process for growing samples
(flat: a sample is made block by block). Seconds are those of the processor, so that other work on it does not count.
"""

import argparse
import resource
import time

import numpy as np

from ingestion_test.schema import PROCESSES
from ingestion_test.simulation import simulate
from ingestion_test.simulation.processes import throw

ROWS = (500_000, 1_000_000, 2_000_000)


def accepted_per_second(process: str, seconds: float) -> float:
    """Accepted events per second of this process's time, measured for so many `seconds`."""
    rng = np.random.default_rng(0)
    throw(process, rng, 1 << 14)
    start, accepted = time.process_time(), 0
    while time.process_time() - start < seconds:
        accepted += len(throw(process, rng, 1 << 14)[1])
    return accepted / (time.process_time() - start)


def main() -> None:
    """Print the rate of each process."""
    program = "python -m benchmarks.simulation"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --seconds 2"
    )
    parser.add_argument("--seconds", type=float, default=5, help="per process")
    parser.add_argument("--rows", type=lambda text: map(int, text.split(",")), default=ROWS, help="sizes of samples")
    args = parser.parse_args()
    for process in PROCESSES:
        print(f"{process:8s} {accepted_per_second(process, args.seconds):10,.0f} accepted events/s", flush=True)
    for rows in args.rows:
        start = time.process_time()
        for _ in simulate(rows):
            pass
        speed = rows / (time.process_time() - start)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{rows:9,} rows: {speed:8,.0f} rows/s, peak memory {memory:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
