"""Where the time of a pseudo-experiment goes, from the drawing of its events to the interval.

    python -m benchmarks.profile [--rounds N] [--beside ARTIFACTS]

The steps are timed one by one in one process with one thread, in CPU seconds; numpy's own streams stand beside the
compiled ones. Printed are the medians over the rounds; with --beside also the ratio of a prediction with other
artifacts to ours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch

from benchmarks.timing import spread
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import draw_rows, make_test_set, process_scales
from ingestion_test.schema import PROCESSES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder, TestEvents
from runtime.tables import Table
from submission import artifacts
from submission.arrays import Columns, IntArray
from submission.estimator import Estimator
from submission.features import CATEGORIES, FEATURES, categories

T = TypeVar("T")


class Stopwatch:
    """CPU seconds of named calls, round by round."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def __call__(self, name: str, function: Callable[..., T], *arguments: object) -> T:
        """What the call returns; its CPU time is kept under `name`."""
        start = time.process_time()
        result = function(*arguments)
        self.seconds.setdefault(name, []).append(time.process_time() - start)
        return result

    def median(self, name: str) -> float:
        """Median of the seconds kept under `name`."""
        return float(np.median(self.seconds[name]))


def numpy_rows(test_events: TestEvents, scales: Mapping[str, float], seed: int) -> IntArray:
    """`draw_rows` with numpy's streams."""
    parts, stream = [], seed
    for number, process in enumerate(PROCESSES):
        stream += number
        first, weights = test_events.process(process)
        counts = np.random.RandomState(stream).poisson(scales[process] * weights)
        parts.append(np.repeat(first + np.arange(len(counts)), counts))
    rows = np.concatenate(parts)
    np.random.RandomState(seed).shuffle(rows)
    return rows


def time_round(
    watch: Stopwatch, test_events: TestEvents, estimator: Estimator, seed: int, beside: Estimator | None = None
) -> tuple[int, int]:
    """Time the steps of one pseudo-experiment; returns numbers of events and of events that pass the gate."""
    nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
    scales = process_scales(1.0, *(nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")))
    rows = watch("events drawn, numpy", numpy_rows, test_events, scales, seed)
    if not np.array_equal(rows, watch("events drawn", draw_rows, test_events, scales, seed)):
        raise SystemExit(f"pseudo-experiment {seed}: the compiled stream differs from numpy's")
    data = watch("generation", make_test_set, test_events, 1.0, nuisance, seed)["data"]
    weights = np.ones(len(data))
    watch("prediction", estimator.estimate, data, weights)
    if beside is not None:
        watch("prediction beside", beside.estimate, data, weights)
    passed = _time_networks(watch, estimator, data)
    counts = estimator.histogram.counts(data, weights)
    watch("fit and belt", estimator.from_counts, counts)
    return len(data), passed


def _time_networks(watch: Stopwatch, estimator: Estimator, data: Columns) -> int:
    """Time the networks of each category; returns the number of events that pass the gate."""
    scorer, passed = estimator.histogram.scorer, 0
    if scorer.gate is None or scorer.classifier is None:
        raise SystemExit("the profile is of artifacts with a gate")
    which = categories(data)
    for number, category in enumerate(CATEGORIES):
        rows = np.flatnonzero(which == number)
        columns = {name: np.asarray(data[name])[rows] for name in FEATURES[category]}
        features = watch(f"{category}: features", scorer.standardised, columns, number)
        kept = np.flatnonzero(watch(f"{category}: gate", scorer.gate.logits, features, number) >= 0)
        columns = {name: values[kept] for name, values in columns.items()}
        if scorer.discriminators:
            watch(f"{category}: flows", scorer.discriminators[number], columns)
        inputs = scorer.inputs(columns, number)
        watch(f"{category}: classifier", scorer.classifier.logits, inputs, number)
        passed += len(kept)
    return passed


def main() -> None:
    """Print the time of each step beside its alternative."""
    program = "python -m benchmarks.profile"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--rounds", type=int, default=7, help="pseudo-experiments (default 7)")
    parser.add_argument("--data", help="folder in the official format (default: the default simulated sample)")
    parser.add_argument("--beside", metavar="DIR", help="artifacts of another training, to compare predictions with")
    flags = parser.parse_args()
    torch.set_num_threads(1)  # as where every core has a process
    test_events = OfficialFolder(flags.data or cached_folder()).test_events()
    estimator, watch = artifacts.load(), Stopwatch()
    beside = artifacts.load(flags.beside) if flags.beside else None
    time_round(Stopwatch(), test_events, estimator, 0, beside)  # compiles, and warms the caches
    sizes = [time_round(watch, test_events, estimator, seed, beside) for seed in range(1, flags.rounds + 1)]
    events, passed = np.median(sizes, axis=0)
    print(f"{flags.rounds} pseudo-experiments of {events:,.0f} events from {len(test_events.weights):,} rows")
    print(f"{passed:,.0f} events pass the gate")
    rows = [(name, f"{watch.median(name):.3f}") for name in watch.seconds]
    rows.append(("generation + prediction", f"{watch.median('generation') + watch.median('prediction'):.3f}"))
    print(Table(("", "CPU seconds, median"), rows).text())
    ratio = watch.median("events drawn, numpy") / watch.median("events drawn")
    print(f"numpy / compiled draw: {ratio:.1f}")
    if beside is not None:
        print(f"beside / ours: {spread(np.divide(watch.seconds['prediction beside'], watch.seconds['prediction']))}")


if __name__ == "__main__":
    main()
