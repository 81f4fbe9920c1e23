"""Templates and belt made from the challenge's training events, within a time, by all processors.

The networks stay as they are. The bins do too, but are joined where events are few.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from .agreement import PARTS, Agreement, agreement
from .arrays import FloatArray, IntArray
from .confidence import Belt, BeltConfig, make_belt
from .counting import PointCounts, grid
from .estimator import Estimator
from .forks import CopiesDied, as_completed, cores
from .histogram import Histogram
from .likelihood import Likelihood
from .templates import PROCESSES, Templates, fit_templates
from .throws import BLOCK, Throws, belt_mu, random_stream, throw
from .training_events import Events, EventsError, TrainingRows, shifted
from .wide_bins import begins_of, joined

T = TypeVar("T")

#: Events that templates are made from at the most, twice as many as the shipped ones are made from.
MOST_ROWS = 32_000_000

#: Shares of the time after which no more events are counted, and no more throws made.
_COUNTING, _THROWING = 0.7, 0.95

#: Throws of a belt, and how many are the least.
MOST_THROWS, _LEAST_THROWS = 100_000, 20_000

#: Events of average weight that each bin must have; with fewer the errors of the templates are hardly normal.
_LEAST_EVENTS = 100.0

#: Bins that are left at the least.
_LEAST_BINS = 20

#: Events of a task: few enough that its copies of them need little memory.
_CHUNK = 50_000

_SEED = 20250509


class RefitError(Exception):
    """No tables can be made; the message says why."""


@dataclass(frozen=True)
class Clock:
    """The time that there is: its start (`time.monotonic`) and length in seconds."""

    start: float
    seconds: float

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def completed(self, tasks: Sequence[Callable[[], T]], share: float = 1.0) -> dict[int, T]:
        """Results of the tasks that are begun before a share of the time is over, by their numbers, in their order.

        Raises:
            RefitError: the helper processes died.
        """
        try:
            return dict(sorted(as_completed(tasks, cores(), self.start + share * self.seconds)))
        except CopiesDied as error:
            raise RefitError(str(error)) from error


@dataclass(frozen=True)
class Counting:
    """The task of counting events at some points.

    Arguments:
        systematics: the official callable.
        histogram: `histogram.Histogram`.
        events: `training_events.Events`.
        points: array (points, 3) of tes, jes and soft_met (GeV).
        seed: of the soft MET noise, the same at all points.
    """

    systematics: Callable[..., Any]
    histogram: Histogram
    events: Events
    points: FloatArray
    seed: int

    def __call__(self) -> list[PointCounts]:
        """`PointCounts` at each point."""
        results = []
        for point in self.points:
            features, rows = shifted(self.systematics, self.events, point, self.seed)
            results.append(PointCounts.empty(self.histogram.bins))
            results[-1].add(self.histogram.bins_of(features), self.events.process[rows], self.events.weights[rows])
        return results


@dataclass(frozen=True)
class Throwing:
    """The task of throwing one block: `Throws`."""

    likelihood: Likelihood
    mu: FloatArray
    number: int

    def __call__(self) -> Throws:
        """The `Throws`."""
        return throw(self.likelihood, self.mu, random_stream(_SEED, "belt", self.number))


def compare(estimator: Estimator, events: Events, systematics: Callable[..., Any], clock: Clock) -> Agreement:
    """Whether the templates of an `Estimator` describe events.

    Raises:
        EventsError: there is none of some process, or as `training_events.shifted`.
        RefitError: the time is over, or the helper processes died.
    """
    absent = sorted(set(range(len(PROCESSES))) - set(np.unique(events.process[events.weights > 0]).tolist()))
    if absent:
        raise EventsError(f"there is no {PROCESSES[absent[0]]} among the training events")
    parts = []
    for point, share in PARTS:
        part = events.part(np.isin(np.arange(len(events)) % 16, share))
        tasks = _tasks(estimator, part, systematics, np.array([point]), 0)
        completed = clock.completed(tasks)
        if len(completed) < len(tasks):
            raise RefitError("the time is over before they are tested")
        scale = events.weights.sum() / part.weights.sum()
        parts.append(PointCounts.total([result[0] for result in completed.values()], scale))
    return agreement(estimator.likelihood.templates, parts)


def make_templates(
    estimator: Estimator,
    events: Events,
    rows: TrainingRows,
    systematics: Callable[..., Any],
    clock: Clock,
    at_once: int,
    say: Callable[[str], None],
) -> tuple[IntArray, Templates, int]:
    """Templates of an `Estimator`'s histogram, from as many training events as there is time for.

    Arguments:
        estimator: `Estimator`.
        events: part 0 of `rows`.
        rows: `TrainingRows`.
        systematics: the official callable.
        clock: the time.
        at_once: parts that are asked for at once.
        say: told how far it is.

    Returns:
        as `templates_of`, and the number of events that the templates are made from.

    Raises:
        EventsError, RefitError: as `compare` and `templates_of`.
    """
    points, luminosity = grid(), events.weights.sum()
    counted, weight, number, tasks_before = [], 0.0, 0, 0
    groups = [range(first, min(first + at_once, rows.stride)) for first in range(1, rows.stride, at_once)]
    while True:
        tasks = _tasks(estimator, events, systematics, points, tasks_before)
        completed = clock.completed(tasks, _COUNTING)
        # The weights of a part sum to the yields, however many rows it has.
        scale = len(events) / rows.total
        if completed:
            counted.append([PointCounts.total(results, scale) for results in zip(*completed.values())])
        done = [tasks[place].events for place in completed]
        weight += scale * sum(chunk.weights.sum() for chunk in done)
        number, tasks_before = number + sum(map(len, done)), tasks_before + len(tasks)
        say(f"{number:,} events are counted at {len(points)} points, after {clock.passed:.0f} s")
        late = len(completed) < len(tasks) or clock.passed > _COUNTING * clock.seconds
        if late or not groups or number >= MOST_ROWS:
            break
        events = rows.parts(*groups.pop(0))
    if not counted:
        raise RefitError("the time is over before an event is counted")
    at_points = [PointCounts.total(results, luminosity / weight) for results in zip(*counted)]
    return *templates_of(estimator.histogram, at_points), number


def templates_of(histogram: Histogram, counted: Sequence[PointCounts]) -> tuple[IntArray, Templates]:
    """Templates of a histogram, or of a coarser one where events are few.

    Arguments:
        histogram: `histogram.Histogram`.
        counted: `PointCounts` at each point of `counting.grid`, scaled to the yields.

    Returns:
        which bins those of the templates begin with (`wide_bins.coarser`), and `Templates`.

    Raises:
        RefitError: there are too few events, or none of some process.
    """
    nominal = counted[0]
    absent = np.flatnonzero(~(nominal.counts.sum(axis=1) > 0))
    if len(absent):
        raise RefitError(f"no {PROCESSES[absent[0]]} passes the selection")
    begins = begins_of(histogram, nominal.counts.sum(axis=0), nominal.variance.sum(axis=0), _LEAST_EVENTS)
    if len(begins) < min(_LEAST_BINS, histogram.bins):
        raise RefitError(f"there are too few training events for templates: they fill {len(begins)} bins")
    counts = np.stack([joined(point.counts, begins) for point in counted])
    return begins, fit_templates(grid(), counts, joined(nominal.variance, begins))


def make_own_belt(
    config: BeltConfig, likelihood: Likelihood, clock: Clock, throws: int | None = None
) -> tuple[Belt, int]:
    """The belt of a `Likelihood`, and the number of throws behind it: `throws` (`MOST_THROWS`) if there is time.

    Raises:
        RefitError: the time is over, the helper processes died, or the throws give no belt.
    """
    throws = throws or MOST_THROWS
    mu = belt_mu(_SEED, throws, config.mu_range)
    tasks = [Throwing(likelihood, mu[first : first + BLOCK], first // BLOCK) for first in range(0, throws, BLOCK)]
    blocks = list(clock.completed(tasks, _THROWING).values())
    if len(blocks) * BLOCK < _LEAST_THROWS:
        raise RefitError("the time is over before there are throws for a belt")
    thrown = Throws.joined(blocks)
    valid = thrown.select(thrown.valid)
    try:
        return make_belt(valid.mu, valid.mu_hat, valid.sigma, config), len(thrown.mu)
    except np.linalg.LinAlgError as error:
        raise RefitError(f"the throws give no belt: {error}") from error


def _tasks(
    estimator: Estimator, events: Events, systematics: Callable[..., Any], points: FloatArray, before: int
) -> list[Counting]:
    """Tasks that count events at `points`; `before` were made before, with other seeds."""
    chunks = [events.part(slice(first, first + _CHUNK)) for first in range(0, len(events), _CHUNK)]
    return [
        Counting(systematics, estimator.histogram, chunk, points, before + number)
        for number, chunk in enumerate(chunks)
    ]
