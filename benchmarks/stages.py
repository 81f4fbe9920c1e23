"""Where the time of a pseudo-experiment goes, from the drawing of its events to the interval.

    python -m benchmarks.stages [--rounds N] [--beside ARTIFACTS]

The stages are timed one by one in one process, in CPU seconds; numpy's own streams stand beside the compiled ones.
Printed are the medians over the rounds; with --beside also the ratio of a prediction with other artifacts to ours.
"""

import argparse
import time

import numpy as np

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import draw_rows, make_test_set, process_scales
from ingestion_test.schema import PROCESSES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder
from submission import artifacts
from submission.features import CATEGORIES, FEATURES, categories


class Stopwatch:
    """CPU seconds of named calls, round by round."""

    def __init__(self):
        self.seconds = {}

    def __call__(self, name, function, *arguments):
        """What the call returns; its CPU time is kept under `name`."""
        start = time.process_time()
        result = function(*arguments)
        self.seconds.setdefault(name, []).append(time.process_time() - start)
        return result

    def median(self, name):
        """Median of the seconds kept under `name`."""
        return float(np.median(self.seconds[name]))


def numpy_rows(test_events, scales, seed):
    """`draw_rows` with numpy's streams."""
    drawn, stream = [], seed
    for number, process in enumerate(PROCESSES):
        stream += number
        first, weights = test_events.process(process)
        counts = np.random.RandomState(stream).poisson(scales[process] * weights)
        drawn.append(np.repeat(first + np.arange(len(counts)), counts))
    drawn = np.concatenate(drawn)
    np.random.RandomState(seed).shuffle(drawn)
    return drawn


def one_round(watch, test_events, estimator, seed, beside=None):
    """Time the stages of one pseudo-experiment; returns (events, events that pass the gate)."""
    nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
    scales = process_scales(1.0, *(nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")))
    rows = watch("events drawn, numpy", numpy_rows, test_events, scales, seed)
    if not np.array_equal(rows, watch("events drawn", draw_rows, test_events, scales, seed)):
        raise SystemExit(f"pseudo-experiment {seed}: the compiled stream differs from numpy's")
    data = watch("generation", make_test_set, test_events, 1.0, nuisance, seed)["data"]
    watch("prediction", estimator.estimate, data, np.ones(len(data)))
    if beside is not None:
        watch("prediction beside", beside.estimate, data, np.ones(len(data)))
    scorer, passed = estimator.histogram.scorer, 0
    which = categories(data)
    for number, category in enumerate(CATEGORIES):
        rows = np.flatnonzero(which == number)
        columns = {name: np.asarray(data[name])[rows] for name in FEATURES[category]}
        own = watch(f"{category}: features", scorer.standardised, columns, number)
        kept = np.flatnonzero(watch(f"{category}: gate", scorer.gate.logits, own, number) >= 0)
        columns = {name: values[kept] for name, values in columns.items()}
        if scorer.discriminators:
            watch(f"{category}: flows", scorer.discriminators[number], columns)
        inputs = scorer._inputs(own[kept], columns, number)
        watch(f"{category}: classifier", scorer.classifier.logits, inputs, number)
        passed += len(kept)
    counts = estimator.histogram.counts(data, np.ones(len(data)))
    watch("fit and belt", estimator.from_counts, counts)
    return len(data), passed


def main():
    """Print the time of each stage beside its alternative."""
    program = "python -m benchmarks.stages"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--rounds", type=int, default=7, help="pseudo-experiments (default 7)")
    parser.add_argument("--data", help="folder in the official format (default: the default simulated sample)")
    parser.add_argument("--beside", metavar="DIR", help="artifacts of another training, to compare predictions with")
    flags = parser.parse_args()
    test_events = OfficialFolder(flags.data or cached_folder()).test_events()
    estimator, watch = artifacts.load(), Stopwatch()
    beside = artifacts.load(flags.beside) if flags.beside else None
    one_round(Stopwatch(), test_events, estimator, 0, beside)  # compiles, and warms the caches
    sizes = [one_round(watch, test_events, estimator, seed, beside) for seed in range(1, flags.rounds + 1)]
    events, passed = np.median(sizes, axis=0)
    print(f"{flags.rounds} pseudo-experiments of {events:,.0f} events from {len(test_events.weights):,} rows")
    print(f"{passed:,.0f} events pass the gate; CPU seconds, median:")
    for name in watch.seconds:
        print(f"{name:24} {watch.median(name):.3f}")
    ratio = watch.median("events drawn, numpy") / watch.median("events drawn")
    print(f"{'generation + prediction':24} {watch.median('generation') + watch.median('prediction'):.3f}")
    print(f"{'numpy / compiled draw':24} {ratio:.1f}")
    if beside is not None:
        ratios = np.divide(watch.seconds["prediction beside"], watch.seconds["prediction"])
        print(f"{'beside / ours':24} {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    main()
