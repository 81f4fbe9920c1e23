"""Events of the categories with jets, as the classifier sees them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ingestion_test.schema import FEATURES
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from submission.arrays import BoolArray, FloatArray, IntArray
from submission.features import CATEGORIES, categories
from submission.score import Scorer
from training.samples import Sample

#: Events of both categories with jets, together.
BOTH = "1- and 2-jet"


@dataclasses.dataclass(frozen=True)
class ScoredEvents:
    """Events of the categories with jets: arrays (events,).

    Attributes:
        category: place in `features.CATEGORIES`.
        is_signal: whether an event is signal.
        weights: expected events at mu = 1.
        score: as the submission bins them, `submission.score.Scorer`.
        logit: the classifier's, of all events; without a gate it is the score.
        discrimination: (events, flows), the discrimination functions of the event's category.
    """

    category: IntArray
    is_signal: BoolArray
    weights: FloatArray
    score: FloatArray
    logit: FloatArray
    discrimination: FloatArray

    def select(self, rows: IntArray | BoolArray) -> ScoredEvents:
        """The events `rows`: whatever indexes arrays."""
        return ScoredEvents(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    def by_category(self) -> dict[str, ScoredEvents]:
        """The events of each category, and of `BOTH`."""
        return {name: self.select(self.category == number) for number, name in enumerate(CATEGORIES)} | {BOTH: self}

    def classes(self) -> dict[str, BoolArray]:
        """Which events are "signal" and which "background": arrays (events,)."""
        return {"signal": self.is_signal, "background": ~self.is_signal}


def score_events(scorer: Scorer, sample: Sample, **shifts: Any) -> ScoredEvents:
    """The events of a `Sample` that have jets, each once, with their weights.

    Unlike events drawn in proportion to their weights, these are independent of each other, which errors need.

    Arguments:
        scorer: of the trained method.
        sample: events before the post-selection.
        shifts: `tes` and `jes` of `systematics.transform`.
    """
    features, kept = transform(sample.primaries, None, **shifts)
    columns = dict(zip(FEATURES, features.T))
    which = categories(columns)
    ungated = dataclasses.replace(scorer, gate=None)
    parts = []
    for number in range(len(CATEGORIES)):
        rows = np.flatnonzero(which == number)
        inside = {name: values[rows] for name, values in columns.items()}
        logit = ungated.scores(inside, number).astype(float)
        parts.append(
            ScoredEvents(
                np.full(len(rows), number),
                sample.is_signal[kept[rows]],
                sample.weights[kept[rows]],
                logit if scorer.gate is None else scorer.scores(inside, number).astype(float),
                logit,
                scorer.discriminators[number](inside) if scorer.discriminators else np.empty((len(rows), 0)),
            )
        )
    fields = [field.name for field in dataclasses.fields(ScoredEvents)]
    return ScoredEvents(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def read_sample(source: OfficialFolder, rows: int) -> Sample:
    """The first `rows` rows of a data folder, weights as in the file."""
    primaries, weights, process = source.file.events(source.file.ranges(0, rows))
    return Sample(primaries, weights.astype(np.float64), process)
