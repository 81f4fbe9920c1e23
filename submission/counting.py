"""Counting of simulated events at the points that templates are fitted through."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from .arrays import FloatArray, IntArray
from .parameters import PRIORS
from .templates import PROCESSES

#: Points of the grid: pulls of tes and jes, and soft_met in GeV; the corners of a box and points on its axes.
GRID = (
    (0.0, 0.0, 0.0),
    *((pull, 0.0, 0.0) for pull in (-4.0, -2.0, 2.0, 4.0)),
    *((0.0, pull, 0.0) for pull in (-4.0, -2.0, 2.0, 4.0)),
    *((0.0, 0.0, soft_met) for soft_met in (2.0, 3.5, 5.0)),
    *itertools.product((-2.5, 2.5), (-2.5, 2.5), (0.0, 4.0)),
)


@dataclasses.dataclass(frozen=True)
class PointCounts:
    """Expected counts of each process and bin at one point, and their variance: arrays (processes, bins)."""

    counts: FloatArray
    variance: FloatArray

    @classmethod
    def empty(cls, bins: int) -> "PointCounts":
        """No events in any of so many bins."""
        return cls(*np.zeros((2, len(PROCESSES), bins)))

    def add(self, bins: IntArray, process: IntArray, weights: FloatArray) -> None:
        """Count events.

        Arguments:
            bins: integer array (events,), bin of each; -1 for an event that is in none.
            process: integer array (events,), place in `templates.PROCESSES`.
            weights: array (events,), expected events that each stands for.
        """
        inside = bins >= 0
        place, weights = process[inside].astype(np.int64) * self.counts.shape[1] + bins[inside], weights[inside]
        for total, amount in ((self.counts, weights), (self.variance, np.square(weights, dtype=float))):
            total += np.bincount(place, amount, total.size).reshape(total.shape)

    @classmethod
    def total(cls, parts: "Sequence[PointCounts]", scale: float = 1.0) -> "PointCounts":
        """The counts of all `parts` together, each event `scale` times."""
        counts, variance = (sum(getattr(part, name) for part in parts) for name in ("counts", "variance"))
        return cls(scale * counts, scale**2 * variance)


def grid() -> FloatArray:
    """Points of the grid: array (points, 3) of tes, jes and soft_met (GeV)."""
    points = np.array(GRID)
    points[:, :2] = 1 + PRIORS[0].width * points[:, :2]
    return points
