"""The template stage: from training events, shifted to the points of a grid, to `submission.templates.Templates`.

The same events, and for soft_met the same unit noise of each event, are behind all points of the grid. So what changes
from point to point is the migration of these events, a smooth function, and the statistical error is one sample's.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ingestion_test.systematics import transform
from runtime.tasks import completed
from submission.arrays import FloatArray, IntArray
from submission.counting import GRID, PointCounts, grid
from submission.histogram import Histogram
from submission.likelihood import mu_response
from submission.parameters import PARAMETERS, draw_pulls, values_from_pulls
from submission.templates import Templates, fit_templates

from .checkpoints import checkpointed
from .samples import Sample

#: Points off the grid, drawn from the priors, at which the interpolation is compared with counts.
PROBES = 6
_PROBE_SEED = 20250509

#: Events worked on at a time: bounds the memory.
_CHUNK = 100_000


@dataclasses.dataclass(frozen=True)
class TemplateEvents:
    """What templates are made of.

    Arguments:
        sample: function without arguments that returns the `samples.Sample`; its weights sum to the yields.
        bins_of: function from features, float32 array (events, 28) as `schema.FEATURES`, to the bin of each event,
            integer array (events,); -1 for an event that is in none. Worker processes get both functions pickled.
        bins: number of bins.
        description: text that changes with the events and the bins; counts kept for another one are refused.
    """

    sample: Callable[[], Sample]
    bins_of: Callable[[FloatArray], IntArray]
    bins: int
    description: str


@dataclasses.dataclass(frozen=True)
class TemplatesResult:
    """What the stage of the templates leaves: histogram, templates of its bins, and how good they are."""

    histogram: Histogram
    templates: Templates
    summary: dict[str, Any]


def points() -> FloatArray:
    """Points of the grid, and `PROBES` off it: array (points, 3) of tes, jes and soft_met (GeV)."""
    pulls = draw_pulls(np.random.default_rng(_PROBE_SEED), PROBES)
    probes = values_from_pulls(np.insert(pulls, 0, 1.0, axis=1))[:, 1:4]
    return np.concatenate([grid(), probes])


def make_templates(
    events: TemplateEvents, seed: int, checkpoint: Path | None = None, workers: int | str = 1
) -> tuple[Templates, dict[str, Any]]:
    """Count the events at all points and fit the templates.

    Arguments:
        events: `TemplateEvents`.
        seed: of the soft_met noise.
        checkpoint: folder that keeps the counts of every point; points found there are not counted again. None: no.
        workers: as for `runtime.tasks.as_completed`; the outcome does not depend on them.

    Returns:
        (`Templates`, dict of what `summary` reports).

    Raises:
        ChallengeError: as `checkpoints.checkpointed`.
    """
    tasks = [_Point(events, tuple(point), seed, number, checkpoint) for number, point in enumerate(points().tolist())]
    results = completed(tasks, workers, "templates", "point")
    counts = np.stack([result.counts for result in results])
    templates = fit_templates(points()[: len(GRID)], counts[: len(GRID)], results[0].variance)
    return templates, summary(templates, counts[len(GRID) :])


@dataclasses.dataclass(frozen=True)
class _Point:
    """The task of counting at one point."""

    events: TemplateEvents
    point: tuple[float, float, float]
    seed: int
    number: int
    checkpoint: Path | None

    def __call__(self) -> PointCounts:
        path = None if self.checkpoint is None else self.checkpoint / f"point{self.number:02d}.npz"
        about = f"{self.events.description}; {self.events.bins} bins; seed {self.seed}; point {list(self.point)}"
        return checkpointed(path, about, PointCounts, lambda: count_events(self.events, self.point, self.seed))


def count_events(events: TemplateEvents, point: tuple[float, float, float], seed: int) -> PointCounts:
    """Count the events at one point.

    Arguments:
        events: `TemplateEvents`.
        point: tes, jes and soft_met (GeV).
        seed: of the soft_met noise.
    """
    tes, jes, soft_met = point
    counts = PointCounts.empty(events.bins)
    sample = events.sample()
    for number, first in enumerate(range(0, len(sample.weights), _CHUNK)):
        rows = slice(first, first + _CHUNK)
        weights, process = np.asarray(sample.weights[rows]), np.asarray(sample.process[rows])
        # Fresh noise for every event, but the same at all points.
        unit = np.random.default_rng([seed, number]).standard_normal((2, len(weights)))
        noise = tuple(soft_met * unit) if soft_met > 0 else None
        features, kept = transform(np.asarray(sample.primaries[rows]), None, tes, jes, noise)
        counts.add(events.bins_of(features), process[kept], weights[kept])
    return counts


def summary(templates: Templates, probe_counts: FloatArray) -> dict[str, float]:
    """How good templates are.

    Arguments:
        templates: `Templates`.
        probe_counts: array (probes, processes, bins), counts at the points off the grid.

    Returns:
        dict of floats:
            least_events: effective number of events (squared sum of weights over sum of squared weights) in the bin
                that has fewest; one with fewer than some 100 should be merged with a neighbour.
            template_error: the templates' own statistical error of mu_hat, in units of the standard deviation of
                mu_hat (mu = 1, nuisance parameters profiled).
            interpolation_chi2: mean over probes, processes and bins of the squared difference between interpolated
                and counted events, in units of the templates' variance.
            interpolation_bias: root mean square over the probes of the shift of mu_hat by the interpolation, in the
                same units as the first.
    """
    probes = points()[len(GRID) :]
    values = np.ones((len(probes), len(PARAMETERS)))
    values[:, 1:4] = probes
    difference = probe_counts - templates.counts(values)
    filled = templates.variance > 0
    response = mu_response(templates)
    shift = difference.sum(axis=1) @ response[0]
    effective = templates.nominal.sum(axis=0) ** 2 / np.maximum(templates.variance.sum(axis=0), 1e-300)
    return {
        "least_events": float(effective.min()),
        "template_error": float(np.sqrt(np.sum(response[0] ** 2 * templates.variance))),
        "interpolation_chi2": float(np.mean(difference[:, filled] ** 2 / templates.variance[filled])),
        "interpolation_bias": float(np.sqrt(np.mean(shift**2))),
    }
