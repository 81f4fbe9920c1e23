"""Events for training: the disjoint parts of the training rows, and draws from them.

The rows of a sample carry weights: many light ones where signal lives, few heavy ones elsewhere. The classifier is
trained on every row with its weight (`weighted_batches`), so that none of the light ones is lost; what needs events
without weights gets draws in proportion to them (`draw_batches`). Either way signal and background have the same sum of
weights and the backgrounds are mixed as they are expected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.schema import FEATURES, PRIMARIES, PROCESSES, SIGNAL
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import soft_met_noise, transform
from runtime.errors import ChallengeError
from submission.arrays import BoolArray, FloatArray, IntArray
from submission.features import CATEGORIES, categories

#: Shares of the training rows, one after the other: for the flows, for the classifier (which must not read flows of
#: events that these were trained on: their densities are too high there), for checks of both, and for the templates.
PARTS = {"flows": 0.1, "classifier": 0.45, "held-out": 0.05, "templates": 0.4}

#: Rows of a part that are held in memory at the most, 80 bytes each. Parts of more are mapped from files.
MOST_ROWS = 16_000_000


@dataclass(frozen=True)
class Sample:
    """Events of the four processes.

    Arguments:
        primaries: float32 array (events, 16).
        weights: float64 array (events,), expected events at mu = 1 for the official luminosity.
        process: int array (events,), place in `schema.PROCESSES`.
    """

    primaries: FloatArray
    weights: FloatArray
    process: IntArray

    @property
    def is_signal(self) -> BoolArray:
        """Whether each event is signal, array (events,)."""
        return np.equal(self.process, PROCESSES.index(SIGNAL))

    @cached_property
    def by_process(self) -> list[tuple[IntArray, FloatArray]]:
        """Rows of each process and the running sum of their weights: list of pairs of arrays."""
        rows = [np.flatnonzero(self.process == place) for place in range(len(PROCESSES))]
        return [(members, np.cumsum(self.weights[members])) for members in rows]

    def part(self, rows: slice | BoolArray) -> "Sample":
        """The events `rows`, with their weights, in memory."""
        return Sample(np.array(self.primaries[rows]), np.array(self.weights[rows]), np.array(self.process[rows]))

    def with_jets(self) -> "Sample":
        """The events that have a jet before the post-selection: the only ones that any shift puts into a category."""
        return self.part(self.primaries[:, PRIMARIES.index("PRI_n_jets")] > 0)


def training_part(
    source: OfficialFolder, part: str, most: int | None = MOST_ROWS, folder: Path | None = None
) -> Sample:
    """The `Sample` of a part of the training rows; parts are disjoint.

    Arguments:
        source: `sources.OfficialFolder`.
        part: name in `PARTS`.
        most: rows to read of it at the most, row groups chosen by a fixed seed; None for all. The weights sum to the
            yields all the same.
        folder: existing folder of files that the arrays are mapped from, as `load_sample` does; None: held in memory.

    Raises:
        ChallengeError: as the source.
    """
    ends = np.round(np.cumsum([0.0, *PARTS.values()]) * source.train_rows).astype(int)
    place = list(PARTS).index(part)
    return Sample(*source.train_events(ends[place], ends[place + 1], most, directory=folder))


_ARRAYS = ("primaries", "weights", "process")


def save_sample(sample: Sample, folder: Path) -> None:
    """Write `sample` into `folder`, for worker processes to map into their memory; raises ChallengeError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(sample, name))
    except OSError as error:
        raise ChallengeError(
            f"events could not be written to {folder} ({error}): make room, or use another --output"
        ) from error


def load_sample(folder: Path) -> Sample:
    """The `Sample` that `save_sample` or `training_part` wrote, its arrays mapped from the files."""
    return Sample(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))


def remove_sample(folder: Path) -> None:
    """Remove what `save_sample` or `training_part` wrote."""
    for name in _ARRAYS:
        (folder / f"{name}.npy").unlink()


def balanced_rows(
    sample: Sample, events: int, random: np.random.Generator, scales: Mapping[str, float] | None = None
) -> IntArray:
    """Rows of `events` events drawn in proportion to their weights, half of them signal; integer array, signal first.

    Arguments:
        sample: `Sample`.
        events: even number of rows.
        random: `numpy.random.Generator`.
        scales: dict of factors on the weights of background processes; those not named have 1.
    """
    totals = np.array([cumulative[-1] if len(cumulative) else 0.0 for _, cumulative in sample.by_process])
    totals *= [(scales or {}).get(name, 1.0) for name in PROCESSES]
    totals[PROCESSES.index(SIGNAL)] = 0
    numbers = random.multinomial(events // 2, totals / totals.sum())
    numbers[PROCESSES.index(SIGNAL)] = events // 2
    first = [SIGNAL, *(name for name in PROCESSES if name != SIGNAL)]
    rows = []
    for place in map(PROCESSES.index, first):
        members, cumulative = sample.by_process[place]
        if numbers[place]:
            rows.append(members[np.searchsorted(cumulative, random.random(numbers[place]) * cumulative[-1], "right")])
    return np.concatenate(rows)


@dataclass(frozen=True)
class Batch:
    """Events of one category: features by name, labels (1 signal, 0 background) and weights, arrays (events,)."""

    columns: dict[str, FloatArray]
    labels: FloatArray
    weights: FloatArray

    def select(self, rows: BoolArray | IntArray) -> "Batch":
        """The events `rows`."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Batch(columns, self.labels[rows], self.weights[rows])


def draw_batches(
    sample: Sample, events: int, random: np.random.Generator, nuisance: Mapping[str, Any] | None = None
) -> dict[str, Batch]:
    """Balanced events as a model sees them, by category, drawn with replacement: their weights are 1.

    Arguments:
        sample: `Sample`.
        events: even number of events before the post-selection.
        random: `numpy.random.Generator`.
        nuisance: dict of the nuisance parameters, as from `draw_nuisance_parameters`; None for nominal. The scales of
            backgrounds change which of them are drawn.

    Returns:
        dict from category to `Batch`.
    """
    nuisance = nuisance or draw_nuisance_parameters(0, ())
    rows = balanced_rows(sample, events, random, _scales(nuisance))
    return _shifted(sample, rows, np.ones(len(rows), np.float32), random, nuisance)


def weighted_batches(
    sample: Sample, balance: FloatArray, random: np.random.Generator, nuisance: Mapping[str, Any]
) -> dict[str, Batch]:
    """All events of `sample` as a model sees them, by category, with their weights.

    Arguments:
        sample: `Sample`; the few events of one set of nuisance parameters.
        balance: array (2,), factors on the weights of background and of signal.
        random: `numpy.random.Generator`.
        nuisance: dict of the nuisance parameters; the scales of backgrounds change their weights.

    Returns:
        dict from category to `Batch`.
    """
    factors = np.array([_scales(nuisance).get(name, 1.0) for name in PROCESSES])[sample.process]
    weights = (sample.weights * factors * balance[sample.is_signal.astype(int)]).astype(np.float32)
    return _shifted(sample, np.arange(len(weights)), weights, random, nuisance)


def balance_of(sample: Sample, rows: int) -> FloatArray:
    """Factors on the weights of background and of signal that give both half the number of events: array (2,).

    Arguments:
        sample: `Sample`.
        rows: of it that are used, the first ones; of these the events with jets.
    """
    jets = sample.primaries[:rows, PRIMARIES.index("PRI_n_jets")] > 0
    totals = np.bincount(sample.is_signal[:rows][jets], sample.weights[:rows][jets], 2)
    return np.asarray(np.count_nonzero(jets) / 2 / totals)


def _scales(nuisance: Mapping[str, Any]) -> dict[str, float]:
    """Factors on the yields of the backgrounds that have one."""
    scales = {process: nuisance[f"{process}_scale"] for process in ("ttbar", "diboson")}
    return {process: 1.0 if scale is None else scale for process, scale in scales.items()}


def _shifted(
    sample: Sample, rows: IntArray, weights: FloatArray, random: np.random.Generator, nuisance: Mapping[str, Any]
) -> dict[str, Batch]:
    """The events `rows`, with `weights` of their own, shifted by the nuisance parameters, by category."""
    noise = soft_met_noise(nuisance["soft_met"], len(rows), int(random.integers(2**31)))
    features, kept = transform(sample.primaries, rows, nuisance["tes"], nuisance["jes"], noise)
    columns = dict(zip(FEATURES, features.T))
    which, labels = categories(columns), sample.is_signal[rows[kept]].astype(np.float32)
    batch = Batch(columns, labels, weights[kept])
    return {category: batch.select(np.flatnonzero(which == number)) for number, category in enumerate(CATEGORIES)}
