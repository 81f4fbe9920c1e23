"""Pseudo-experiments: which there are, and the events of each (docs/protocol.md#pseudo-experiment)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .arrays import IntArray
from .legacy_random import poisson_rows, shuffle
from .nuisance import draw_nuisance_parameters
from .schema import FEATURES, PROCESSES
from .sources import TestEvents
from .systematics import soft_met_noise, transform

#: Smallest and largest true mu.
MU_RANGE = (0.1, 3.0)

#: What the seed of the last process's numbers is above that of its pseudo-experiment.
LAST_STREAM = sum(range(len(PROCESSES)))


@dataclass(frozen=True)
class PseudoExperiment:
    """One pseudo-experiment of a run: its place, its seed and the true signal strength."""

    set_index: int
    index: int
    seed: int
    mu: float

    def __str__(self) -> str:
        return f"set {self.set_index}, pseudo-experiment {self.index} (seed {self.seed})"


def ground_truth_mus(num_sets: int, seed: int) -> list[float]:
    """The true mu of each set, uniform in `MU_RANGE`."""
    mus: list[float] = np.random.RandomState(seed).uniform(*MU_RANGE, num_sets).tolist()
    return mus


def plan(num_sets: int, num_experiments: int, seed: int) -> list[PseudoExperiment]:
    """All pseudo-experiments of a run, in the order in which the official program visits them.

    Arguments:
        num_sets: number of values of mu.
        num_experiments: pseudo-experiments of each set.
        seed: the run's seed.
    """
    mus = ground_truth_mus(num_sets, seed)
    pairs = [(i, j) for i in range(num_sets) for j in range(num_experiments)]
    np.random.RandomState(seed).shuffle(pairs)
    return [PseudoExperiment(i, j, i * num_experiments + j + seed, mus[i]) for i, j in pairs]


def process_scales(
    mu: float, ttbar_scale: float | None = None, diboson_scale: float | None = None, bkg_scale: float | None = None
) -> dict[str, float]:
    """The factor on the weights of each process: dict of floats (docs/protocol.md#pseudo-experiment, step 1).

    As in the official program `bkg_scale` reaches ttbar and diboson only if they have a scale of their own.
    """
    common = 1.0 if bkg_scale is None else bkg_scale
    return {
        "ztautau": common,
        "diboson": 1.0 if diboson_scale is None else diboson_scale * common,
        "ttbar": 1.0 if ttbar_scale is None else ttbar_scale * common,
        "htautau": mu,
    }


def draw_rows(test_events: TestEvents, scales: Mapping[str, float], seed: int) -> IntArray:
    """The events of a pseudo-experiment (docs/protocol.md#pseudo-experiment, steps 1 to 3).

    Arguments:
        test_events: what is drawn from.
        scales: factor on the weights of each process.
        seed: seed of the pseudo-experiment.

    Returns:
        integer array, rows of `test_events.primaries`, repeated and shuffled.
    """
    parts = []
    stream = seed
    for number, process in enumerate(PROCESSES):
        stream += number
        first, weights = test_events.process(process)
        # The product keeps the single precision of the file's weights, as it does in the official program.
        parts.append(poisson_rows(stream, weights, scales[process], first))
    rows = np.concatenate(parts)
    # DataFrame.sample(frac=1) takes the rows in the order of a permutation; shuffling them in place makes the same one.
    shuffle(seed, rows)
    return rows


def make_test_set(test_events: TestEvents, mu: float, nuisance: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What the model is given to predict from (docs/protocol.md#pseudo-experiment, step 5).

    Arguments:
        test_events: what is drawn from.
        mu: true signal strength.
        nuisance: dict of the six nuisance parameters, as from `draw_nuisance_parameters`.
        seed: seed of the pseudo-experiment.

    Returns:
        {"weights": Series of ones, "data": DataFrame (events, 28)}.
    """
    scales = process_scales(mu, *(nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")))
    rows = draw_rows(test_events, scales, seed)
    # The noise has a fixed seed, whatever that of the pseudo-experiment (docs/protocol.md#pseudo-experiment, step 4).
    noise = soft_met_noise(nuisance["soft_met"], len(rows))
    features, _ = transform(test_events.primaries, rows, nuisance["tes"], nuisance["jes"], noise, rounded=True)
    data = pd.DataFrame(features, columns=list(FEATURES), copy=False)
    return {"weights": pd.Series(np.ones(len(data)), name="weights"), "data": data}


def experiment_test_set(
    test_events: TestEvents, experiment: PseudoExperiment, switched_on: Sequence[str]
) -> dict[str, Any]:
    """The test set of the `PseudoExperiment` `experiment` with the nuisance parameters `switched_on` drawn."""
    nuisance = draw_nuisance_parameters(experiment.seed, switched_on)
    return make_test_set(test_events, experiment.mu, nuisance, experiment.seed)
