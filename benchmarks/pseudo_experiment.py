"""Time of one pseudo-experiment of a million events: ours beside the organisers' package HiggsML 0.1.5.

    python -m benchmarks.pseudo_experiment [--rounds N]

Both make the same pseudo-experiments in one process, in turn; that the events are the same is checked. Printed are the
CPU seconds of each and their ratio, median and range over the rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
from HiggsML.systematics import get_bootstrapped_dataset, get_systematics_dataset

from benchmarks.timing import spread
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import PRIMARIES, PROCESSES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder, TestEvents
from runtime.tables import Table

T = TypeVar("T")


def make_theirs(
    frames: Mapping[str, pd.DataFrame], mu: float, nuisance: Mapping[str, float], seed: int
) -> dict[str, pd.DataFrame]:
    """The test set as the organisers' package makes it."""
    scales = {name: nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")}
    rows = get_bootstrapped_dataset(frames, mu=mu, seed=seed, **scales)
    return get_systematics_dataset(rows, nuisance["tes"], nuisance["jes"], nuisance["soft_met"])


def as_frames(test_events: TestEvents) -> dict[str, pd.DataFrame]:
    """The test events as the package holds them: a DataFrame per process."""
    frames = {}
    for process in PROCESSES:
        first, weights = test_events.process(process)
        frame = pd.DataFrame(test_events.primaries[first : first + len(weights)], columns=list(PRIMARIES))
        frames[process] = frame.assign(weights=weights)
    return frames


def timed(function: Callable[..., T], *arguments: object) -> tuple[float, T]:
    """CPU seconds that a call takes, and what it returns."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def main() -> None:
    """Print both timings, and their ratio."""
    program = "python -m benchmarks.pseudo_experiment"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--rounds", type=int, default=7, help="pseudo-experiments (default 7)")
    rounds = parser.parse_args().rounds
    test_events = OfficialFolder(cached_folder()).test_events()
    frames = as_frames(test_events)
    ours, theirs = np.empty(rounds), np.empty(rounds)
    for number in range(-1, rounds):  # the first one compiles and warms caches up
        nuisance = draw_nuisance_parameters(number + 1, NUISANCE_NAMES)
        ours[number], our_set = timed(make_test_set, test_events, 1.0, nuisance, number + 1)
        theirs[number], their_set = timed(make_theirs, frames, 1.0, nuisance, number + 1)
        if not np.array_equal(our_set["data"].to_numpy(), their_set["data"].to_numpy()):
            raise SystemExit(f"pseudo-experiment {number + 1} differs")
    print(f"{rounds} pseudo-experiments of {len(our_set['data']):,} events, the same from both")
    quantities = {"ours, CPU s": ours, "HiggsML, CPU s": theirs, "ours / HiggsML": ours / theirs}
    rows = [(name, spread(values, 3)) for name, values in quantities.items()]
    print(Table(("", "median (range over the rounds)"), rows).text())


if __name__ == "__main__":
    main()
