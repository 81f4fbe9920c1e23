"""The events of a pseudo-experiment, drawn: `python -m benchmarks.draws [--rounds N]`.

numpy's own streams and the compiled ones of `ingestion_test/legacy_random.py` take turns, on as many test rows as the
default sample has, and on as many as the official file has; the weights of the more are smaller, the events as many.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.profile import numpy_rows
from benchmarks.timing import Call, ratios, side_by_side
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import draw_rows, process_scales
from ingestion_test.schema import PROCESSES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder, TestEvents

#: Test rows of the official file: 30% of 220 million.
OFFICIAL_TEST_ROWS = 66_000_000


def repeated(test_events: TestEvents, times: int) -> TestEvents:
    """Test events whose weights are there so many times, each divided by that number; the primaries are left."""
    weights = [np.repeat(test_events.process(name)[1] / np.float32(times), times) for name in PROCESSES]
    counts = tuple(times * count for count in test_events.counts)
    return TestEvents(test_events.primaries, np.concatenate(weights), counts)


def compare(test_events: TestEvents, rounds: int) -> str:
    """CPU time of both ways to draw, and that of the compiled one as the unit of the ratio; both draw the same rows."""
    nuisance = [draw_nuisance_parameters(seed, NUISANCE_NAMES) for seed in range(rounds)]
    scales = [
        process_scales(1.0, values["ttbar_scale"], values["diboson_scale"], values["bkg_scale"]) for values in nuisance
    ]
    calls: dict[str, Call] = {
        "compiled": (lambda number: draw_rows(test_events, scales[number], number), 1),
        "numpy": (lambda number: numpy_rows(test_events, scales[number], number), 1),
    }
    seconds, rows = side_by_side(calls, rounds)
    if not all(map(np.array_equal, rows["compiled"], rows["numpy"])):
        raise SystemExit("the compiled streams differ from numpy's")
    return ratios(seconds, "compiled").text()


def main() -> None:
    """Print the times of both ways to draw."""
    program = "python -m benchmarks.draws"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--data", metavar="DIR", help="folder in the official format (default: the default sample)")
    parser.add_argument("--rounds", type=int, default=5, help="pseudo-experiments (default 5)")
    flags = parser.parse_args()
    test_events = OfficialFolder(flags.data or cached_folder()).test_events()
    for times in (1, max(2, OFFICIAL_TEST_ROWS // len(test_events.weights))):
        print(f"{times * len(test_events.weights):,} test rows")
        print(compare(repeated(test_events, times), flags.rounds))


if __name__ == "__main__":
    main()
