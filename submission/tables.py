"""Which tables a prediction uses: the shipped templates and belt, or those made from the challenge's own events.

The shipped ones are tested with training events, and others are made where they fail. Whatever goes wrong, the shipped
tables are used, and a line says so.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from .agreement import Agreement
from .arrays import IntArray
from .confidence import Belt
from .estimator import Estimator
from .likelihood import Likelihood
from .refit import Clock, RefitError, compare, make_own_belt, make_templates
from .training_events import Events, EventsError, TrainingRows
from .wide_bins import coarser

#: Events that the test takes, about; and fewer than which tell nothing.
TEST_ROWS, LEAST_ROWS = 2_000_000, 20_000

#: p-value below which the shipped tables are not used.
LEAST_P_VALUE = 0.01

#: Parts of the rows that are asked for at once where one takes longer than so many seconds.
_PARTS_AT_ONCE, _LONG = 3, 30.0

#: Names of the texts of a summary.
TABLES, TEST = "Tables", "Test of the shipped tables"


@dataclasses.dataclass(frozen=True)
class Tables:
    """What `Model.fit` leaves.

    Arguments:
        likelihood, belt: made from the challenge's events; None for the shipped ones.
        begins: which of the shipped bins those of the likelihood begin with (`wide_bins.coarser`); None for all.
        widening: by how much an interval grows at both ends, in units of mu_hat's error.
        summary: what was done, texts by their names.
        reusable: whether the same events would give the same again: nothing went wrong on the way.
    """

    likelihood: Likelihood | None = None
    belt: Belt | None = None
    begins: IntArray | None = None
    widening: float = 0.0
    summary: dict[str, str] = dataclasses.field(default_factory=dict)
    reusable: bool = False

    def of(self, estimator: Estimator) -> Estimator:
        """The shipped `Estimator` with these tables."""
        likelihood, belt = self.likelihood or estimator.likelihood, self.belt or estimator.belt
        histogram = estimator.histogram if self.begins is None else coarser(estimator.histogram, self.begins)
        return Estimator(histogram, likelihood, belt)


def adapted(
    estimator: Estimator,
    get_train_set: Callable[..., Any] | None,
    systematics: Callable[..., Any] | None,
    minutes: float,
) -> Tables:
    """The tables for the events that the challenge hands over.

    Arguments:
        estimator: the shipped `Estimator`.
        get_train_set, systematics: the official callables; None where there are none.
        minutes: time for all of it.

    Returns:
        `Tables`; whatever goes wrong, those that are shipped.
    """
    clock = Clock(time.monotonic(), 60 * minutes)
    result: Agreement | None = None
    try:
        if get_train_set is None or systematics is None:
            raise EventsError("there are no training events to test them with")
        if not minutes > 0:
            raise RefitError("there is no time to test them")
        rows = TrainingRows.of(get_train_set, TEST_ROWS)
        if rows.total < LEAST_ROWS:
            raise EventsError(f"there are only {rows.total:,} training events")
        before = clock.passed
        events = rows.parts(0)
        at_once = _PARTS_AT_ONCE if clock.passed - before > _LONG else 1
        say(f"{len(events):,} of {rows.total:,} training events test the shipped tables")
        result = compare(estimator, events, systematics, clock)
        say(f"the test gives {result}, after {clock.passed:.0f} s")
        if result.p_value >= LEAST_P_VALUE:
            return Tables(summary={TABLES: "as shipped", TEST: str(result)}, reusable=True)
        return _made(estimator, events, rows, systematics, clock, at_once, result)
    except Exception as error:  # the challenge's callables can raise anything, and a run must not end here
        reason = str(error) if isinstance(error, (EventsError, RefitError)) else f"{type(error).__name__}: {error}"
        return _shipped(reason, result)


def _made(
    estimator: Estimator,
    events: Events,
    rows: TrainingRows,
    systematics: Callable[..., Any],
    clock: Clock,
    at_once: int,
    result: Agreement,
) -> Tables:
    """Tables of the challenge's own events."""
    begins, templates, number = make_templates(estimator, events, rows, systematics, clock, at_once, say)
    likelihood = Likelihood(templates, estimator.likelihood.config)
    belt, throws = make_own_belt(estimator.belt.config, likelihood, clock)
    bins = "" if len(begins) == estimator.histogram.bins else f" in {len(begins)} wider bins"
    text = f"made from {number:,} training events{bins} and {throws:,} throws"
    say(f"tables {text}, after {clock.passed:.0f} s")
    return Tables(likelihood, belt, begins, summary={TABLES: text, TEST: str(result)}, reusable=True)


def _shipped(reason: str, result: Agreement | None) -> Tables:
    """The shipped tables, because of `reason`; with longer intervals where the test, if there was one, has failed."""
    widening, summary = 0.0, {TABLES: f"as shipped: {reason}"}
    if result is not None:
        summary[TEST] = str(result)
        if result.p_value < LEAST_P_VALUE:
            widening = result.largest_shift
            summary[TABLES] += f"; intervals {widening:.2f} sigma longer at both ends"
    summary = {name: " ".join(text.split()) for name, text in summary.items()}
    say(f"tables {summary[TABLES]}")
    return Tables(widening=widening, summary=summary)


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"fit: {text}", flush=True)
