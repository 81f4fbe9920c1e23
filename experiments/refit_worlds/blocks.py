"""Events of worlds, counted block by block in the bins of an estimator: what samples of events are drawn from.

The networks see each event once for each point of the grid, whatever number of samples is drawn afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ingestion_test.schema import FEATURES
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime.errors import ChallengeError
from runtime.tasks import completed
from submission.agreement import PARTS
from submission.arrays import FloatArray, IntArray
from submission.counting import PointCounts, grid
from submission.estimator import Estimator
from submission.histogram import Histogram
from submission.templates import PROCESSES
from training.checkpoints import checkpointed

from .worlds import WORLDS

#: Rows of a block.
BLOCK_ROWS = 50_000

_SEED = 9


@dataclass(frozen=True)
class Blocks:
    """Counts of the events of a world, each block scaled to the yields.

    Arguments:
        counts: array (blocks, points, processes, bins), at the points of `counting.grid`.
        variance: array (blocks, processes, bins), of the counts at the first point.
        tested, tested_variance: arrays (blocks, parts, processes, bins), of the events of `agreement.PARTS`.
    """

    counts: FloatArray
    variance: FloatArray
    tested: FloatArray
    tested_variance: FloatArray

    def __len__(self) -> int:
        return len(self.counts)

    def at_points(self, blocks: IntArray) -> list[PointCounts]:
        """`PointCounts` at each point of a sample of some blocks, scaled to the yields."""
        counts, variance = self.counts[blocks].mean(axis=0), self.variance[blocks].sum(axis=0) / len(blocks) ** 2
        return [PointCounts(point, variance) for point in counts]

    def for_test(self, blocks: IntArray) -> list[PointCounts]:
        """`PointCounts` of each of `agreement.PARTS` of a sample of some blocks, scaled to the yields."""
        counts = self.tested[blocks].mean(axis=0)
        return [*map(PointCounts, counts, self.tested_variance[blocks].sum(axis=0) / len(blocks) ** 2)]


def count_worlds(
    estimator: Estimator, folder: Path, names: Sequence[str], rows: int, workers: int | str, kept: Path
) -> dict[str, Blocks]:
    """`Blocks` of worlds with the same simulation and the same change of events, by their names.

    Arguments:
        estimator: `Estimator`.
        folder: events of the simulation in the official format.
        names: in `WORLDS`.
        rows: of the folder that are read at the most.
        workers: as for `runtime.tasks.as_completed`.
        kept: folder for the counts, of this estimator and these events; blocks found there are not counted again.

    Raises:
        ChallengeError: as the folder and `training.checkpoints.checkpointed`, or it has fewer rows than two blocks.
    """
    source = OfficialFolder(folder, test_share=0)
    numbers = range(min(rows, source.train_rows) // BLOCK_ROWS)
    if len(numbers) < 2:
        raise ChallengeError(f"{source} has fewer than {2 * BLOCK_ROWS:,} rows: give a larger sample with --data")
    blocks = completed(
        [_Block(folder, estimator.histogram, tuple(names), number, kept) for number in numbers],
        workers,
        "events",
        "block",
    )
    stacked = [np.stack([getattr(block, field.name) for block in blocks], axis=1) for field in fields(Blocks)]
    return {name: Blocks(*(array[place] for array in stacked)) for place, name in enumerate(names)}


@dataclass(frozen=True)
class _Block:
    """The task of counting one block: `Blocks`, of arrays whose first axis is the worlds."""

    folder: Path
    histogram: Histogram
    names: tuple[str, ...]
    number: int
    kept: Path

    def __call__(self) -> Blocks:
        path = self.kept / f"{self.names[0]}-{self.number:04d}.npz"
        return checkpointed(path, f"{self.folder} {self.names} {self.number}", Blocks, self._count)

    def _count(self) -> Blocks:
        first = self.number * BLOCK_ROWS
        primaries, weights, process = OfficialFolder(self.folder, test_share=0).train_events(first, first + BLOCK_ROWS)
        random = np.random.default_rng([_SEED, self.number])
        worlds = [WORLDS[name] for name in self.names]
        primaries = worlds[0].primaries(primaries, random)
        weights = np.stack([world.weights(primaries, weights, process) for world in worlds])
        bins = self._bins(primaries, random.standard_normal((2, len(primaries))))
        shape = len(PROCESSES), self.histogram.bins
        total = Blocks(
            np.zeros((len(worlds), len(bins), *shape), np.float32),
            np.zeros((len(worlds), *shape)),
            *np.zeros((2, len(worlds), len(PARTS), *shape)),
        )
        points = grid().tolist()
        for place in range(len(worlds)):
            for point, of_events in enumerate(bins):
                counted = _counted(of_events, process, weights[place], shape)
                total.counts[place, point] = counted.counts
                if not point:
                    total.variance[place] = counted.variance
            for number, (point, share) in enumerate(PARTS):
                rows = np.isin(np.arange(len(process)) % 16, share)
                scale = weights[place].sum() / weights[place][rows].sum()
                of_events = bins[points.index([*point])]
                counted = _counted(of_events[rows], process[rows], scale * weights[place][rows], shape)
                total.tested[place, number], total.tested_variance[place, number] = counted.counts, counted.variance
        return total

    def _bins(self, primaries: FloatArray, unit: FloatArray) -> IntArray:
        """Bins of the events at each point of the grid, array (points, events); -1 for none."""
        bins = np.full((len(grid()), len(primaries)), -1)
        for here, (tes, jes, soft_met) in zip(bins, grid().tolist()):
            noise = (soft_met * unit[0], soft_met * unit[1]) if soft_met > 0 else None
            features, rows = transform(primaries, None, tes, jes, noise)
            here[rows] = self.histogram.bins_of(dict(zip(FEATURES, features.T)))
        return bins


def _counted(bins: IntArray, process: IntArray, weights: FloatArray, shape: tuple[int, int]) -> PointCounts:
    counted = PointCounts.empty(shape[1])
    counted.add(bins, process, weights)
    return counted
