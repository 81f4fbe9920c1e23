"""Time of one pseudo-experiment of a million events: ours beside the organisers' package HiggsML 0.1.5.

    python -m benchmarks.pseudo_experiment [--rounds N]

Both make the same pseudo-experiments in one process, in turn; that the events are the same is checked. Printed are the
CPU seconds of each and their ratio, median and range over the rounds.
"""

import argparse
import time

import numpy as np
import pandas as pd
from HiggsML.systematics import get_bootstrapped_dataset, get_systematics_dataset

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import PRIMARIES, PROCESSES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder


def theirs(frames, mu, nuisance, seed):
    """The test set as the organisers' package makes it."""
    scales = {name: nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")}
    rows = get_bootstrapped_dataset(frames, mu=mu, seed=seed, **scales)
    return get_systematics_dataset(rows, nuisance["tes"], nuisance["jes"], nuisance["soft_met"])


def as_frames(test_events):
    """The test events as the package holds them: a DataFrame per process."""
    frames = {}
    for process in PROCESSES:
        first, weights = test_events.process(process)
        frame = pd.DataFrame(test_events.primaries[first : first + len(weights)], columns=list(PRIMARIES))
        frames[process] = frame.assign(weights=weights)
    return frames


def timed(function, *arguments):
    """CPU seconds that a call takes, and what it returns."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def main():
    """Print both timings, round by round, and their ratio."""
    program = "python -m benchmarks.pseudo_experiment"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--rounds", type=int, default=7, help="pseudo-experiments (default 7)")
    rounds = parser.parse_args().rounds
    test_events = OfficialFolder(cached_folder()).test_events()
    frames = as_frames(test_events)
    seconds = np.empty((rounds, 2))
    for seed in range(rounds):
        nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
        seconds[seed, 0], our_set = timed(make_test_set, test_events, 1.0, nuisance, seed)
        seconds[seed, 1], their_set = timed(theirs, frames, 1.0, nuisance, seed)
        if not np.array_equal(our_set["data"].to_numpy(), their_set["data"].to_numpy()):
            raise SystemExit(f"pseudo-experiment {seed} differs")
    print(f"{rounds} pseudo-experiments of {len(our_set['data']):,} events, the same from both")
    for name, values in (("ours, CPU s", seconds[:, 0]), ("HiggsML, CPU s", seconds[:, 1])):
        print(f"{name:20} median {np.median(values):.3f}   range {values.min():.3f} to {values.max():.3f}")
    ratio = seconds[:, 0] / seconds[:, 1]
    print(f"{'ours / HiggsML':20} median {np.median(ratio):.3f}   range {ratio.min():.3f} to {ratio.max():.3f}")


if __name__ == "__main__":
    main()
