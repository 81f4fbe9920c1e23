"""Events of the categories with jets, as the classifier sees them."""

import dataclasses

import numpy as np

from ingestion_test.schema import FEATURES
from ingestion_test.systematics import transform
from submission.features import CATEGORIES, categories
from training.samples import Sample

from .tables import BOTH


@dataclasses.dataclass(frozen=True)
class Scored:
    """Events of the categories with jets, as the classifier sees them: arrays (events,).

    Attributes:
        category: place in `features.CATEGORIES`.
        is_signal: whether an event is signal.
        weights: expected events at mu = 1.
        score: as the submission bins them, `submission.score.Scorer`.
        logit: the classifier's, of all events; without a gate it is the score.
        discrimination: (events, flows), the discrimination functions of the event's category.
    """

    category: np.ndarray
    is_signal: np.ndarray
    weights: np.ndarray
    score: np.ndarray
    logit: np.ndarray
    discrimination: np.ndarray

    def of(self, rows):
        """The events `rows`: whatever indexes arrays."""
        return Scored(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    def named(self):
        """dict from each category, and from `BOTH`, to its events."""
        return {name: self.of(self.category == number) for number, name in enumerate(CATEGORIES)} | {BOTH: self}


def scored(scorer, sample, **shifts):
    """The events of a `samples.Sample` that have jets, each once, with their weights: `Scored`.

    Unlike events drawn in proportion to their weights, these are independent of each other, which errors need.

    Arguments:
        scorer: `submission.score.Scorer`.
        sample: `samples.Sample`.
        shifts: `tes` and `jes` of `systematics.transform`.
    """
    features, kept = transform(sample.primaries, None, **shifts)
    columns = dict(zip(FEATURES, features.T))
    which = categories(columns)
    ungated = dataclasses.replace(scorer, gate=None)
    parts = []
    for number in range(len(CATEGORIES)):
        rows = np.flatnonzero(which == number)
        own = {name: values[rows] for name, values in columns.items()}
        logit = ungated.scores(own, number).astype(float)
        parts.append(
            Scored(
                np.full(len(rows), number),
                sample.is_signal[kept[rows]],
                sample.weights[kept[rows]],
                logit if scorer.gate is None else scorer.scores(own, number).astype(float),
                logit,
                scorer.discriminators[number](own) if scorer.discriminators else np.empty((len(rows), 0)),
            )
        )
    return Scored(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in dataclasses.fields(Scored)))


def read_sample(source, rows):
    """The first `rows` rows of an `OfficialFolder`: `samples.Sample`, weights as in the file."""
    primaries, weights, process = source.file.events(source.file.ranges(0, rows))
    return Sample(primaries, weights.astype(np.float64), process)
