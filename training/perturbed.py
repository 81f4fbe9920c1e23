"""The classifier's training events: every row of a sample with its weight, shifted by random nuisance parameters.

Rows are taken a block at a time; each block has nuisance parameters of its own, other ones in every pass. Blocks are
independent tasks with random streams of their own, so the outcome does not depend on who works on them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from runtime.tasks import completed
from submission.arrays import FloatArray
from submission.features import CATEGORIES

from .classifier import Labelled, LabelledEvents
from .samples import Batch, Sample, balance_of, weighted_batches

#: What a classifier reads of the events of one category: function of a `Batch`, the number of its category, the
#: nuisance parameters of its block and a `numpy.random.Generator`.
Inputs = Callable[[Batch, int, Mapping[str, Any], np.random.Generator], LabelledEvents]

#: Blocks of a task of a worker process.
_BLOCKS = 50


@dataclass(frozen=True)
class PerturbedEvents:
    """Which events, and how they are shifted.

    Arguments:
        sample: function without arguments that returns the `samples.Sample`, which worker processes get pickled.
        rows: of the sample that are used, the first ones.
        block: rows that share their nuisance parameters.
        passes: how often each row is used.
        seed, stream: of the random numbers.
    """

    sample: Callable[[], Sample]
    rows: int
    block: int
    passes: int
    seed: int
    stream: int


def perturbed(events: PerturbedEvents, inputs: Inputs, workers: int | str = 1) -> Labelled:
    """Inputs, labels and weights of all events, by category; signal and background have the same sum of weights.

    Arguments:
        events: `PerturbedEvents`.
        inputs: what the classifier reads; worker processes get it pickled.
        workers: as for `runtime.tasks.as_completed`.
    """
    balance = balance_of(events.sample(), events.rows)
    step = _BLOCKS * events.block
    tasks = [
        _Blocks(events, inputs, balance, number, first)
        for number in range(events.passes)
        for first in range(0, events.rows, step)
    ]
    return joined(completed(tasks, workers, "training events", "block"))


def joined(parts: list[Labelled]) -> Labelled:
    """The events of all `parts`, which is emptied meanwhile so that no category is in memory twice."""
    result = {}
    for name in CATEGORIES:
        result[name] = LabelledEvents(*(np.concatenate(values) for values in zip(*(part[name] for part in parts))))
        parts[:] = [{other: events for other, events in part.items() if other != name} for part in parts]
    return result


@dataclass(frozen=True)
class _Blocks:
    """The task of some neighbouring blocks of one pass."""

    events: PerturbedEvents
    inputs: Inputs
    balance: FloatArray
    number: int
    first: int

    def __call__(self) -> Labelled:
        sample, stop = self.events.sample(), min(self.first + _BLOCKS * self.events.block, self.events.rows)
        return joined([self._block(sample, first) for first in range(self.first, stop, self.events.block)])

    def _block(self, sample: Sample, first: int) -> Labelled:
        random = np.random.default_rng([self.events.seed, self.events.stream, self.number, first])
        nuisance = draw_nuisance_parameters(int(random.integers(2**31)), NUISANCE_NAMES)
        rows = sample.part(slice(first, min(first + self.events.block, self.events.rows))).with_jets()
        batches = weighted_batches(rows, self.balance, random, nuisance)
        return {name: self.inputs(batches[name], number, nuisance, random) for number, name in enumerate(CATEGORIES)}
