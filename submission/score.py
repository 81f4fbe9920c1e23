"""From events to scores: features, flows' discrimination functions, classifier."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from .arrays import Columns, FloatArray, IntArray
from .category_network import CategoryModel
from .classifier import Classifier, Ensemble  # noqa: F401, read from files only where they are imported
from .features import CATEGORIES, COORDINATES, FEATURES, Standardisation, categories, coordinates, features
from .flows import Flow, evaluate
from .gate import Gate

#: What the flows of a category can read of an event: names of the columns, and the function that computes them.
VIEWS: dict[str, tuple[dict[str, tuple[str, ...]], Callable[[Columns, str], FloatArray]]] = {
    "features": (FEATURES, features),
    "coordinates": (COORDINATES, coordinates),
}

#: Scores of events that do not pass the gate are below minus this, all others above.
GATE_OFFSET = np.float32(50)

#: Processes that share a machine in the official program.
OFFICIAL_WORKERS = 30

AnyScorer = TypeVar("AnyScorer", bound="Scorer")


@dataclass(frozen=True)
class Discriminator:
    """The flows of one category, from the columns of events to discrimination functions.

    Arguments:
        category: name in `features.CATEGORIES`.
        view: name in `VIEWS`.
        standardisation: of the view's columns.
        flow: the `Flow`, its discrimination functions scaled.

    Raises:
        ValueError: there is no such category or view.
    """

    category: str
    view: str
    standardisation: Standardisation
    flow: Flow

    def __post_init__(self) -> None:
        if self.category not in CATEGORIES or self.view not in VIEWS:
            raise ValueError(f"there is no category {self.category} or no view {self.view} of its events")

    def log_q(self, columns: Columns) -> FloatArray:
        """log q of each flow, float32 array (events, flows)."""
        return evaluate(self.flow, self.standardisation(VIEWS[self.view][1](columns, self.category)))

    def __call__(self, columns: Columns) -> FloatArray:
        """The discrimination functions, float32 array (events, flows), between 0 and 1."""
        return self.flow.discrimination(self.log_q(columns))


@dataclass(frozen=True)
class Scorer:
    """All networks: from the columns of events to a score, the classifier's logit.

    Where there is a gate, events that do not pass it are spared flows and classifier: their score is the gate's output,
    moved below all scores of those that pass.

    Arguments:
        discriminators: of each category, in the order of `features.CATEGORIES`; none for the features alone.
        standardisations: of each category's features, as gate and classifier read them.
        classifier: a `CategoryModel`; None before it is trained.
        gate: the `Gate`; None to let all events pass.

    Raises:
        ValueError: discriminators or standardisations are of another number of categories.
    """

    discriminators: tuple[Discriminator, ...]
    standardisations: tuple[Standardisation, ...]
    classifier: CategoryModel | None
    gate: Gate | None = None

    def __post_init__(self) -> None:
        for name in ("discriminators", "standardisations"):
            if len(getattr(self, name)) not in (0, len(CATEGORIES)):
                raise ValueError(f"{name} of {len(getattr(self, name))} categories; there are {len(CATEGORIES)}")

    def __call__(self, columns: Columns) -> tuple[IntArray, FloatArray]:
        """Category and score of each event.

        Returns:
            (category, score): integer array (events,), -1 for events without a jet, and float32 array (events,), NaN
            for those.
        """
        place = categories(columns)
        scores = np.full(len(place), np.nan, dtype=np.float32)
        for number, category in enumerate(CATEGORIES):
            rows = np.flatnonzero(place == number)
            if len(rows):
                members = {name: np.asarray(columns[name])[rows] for name in FEATURES[category]}
                scores[rows] = self.scores(members, number)
        return place, scores

    def scores(self, columns: Columns, number: int, standardised: FloatArray | None = None) -> FloatArray:
        """Score of events, all of category `number`, float32 array (events,).

        Arguments:
            columns: of these events.
            number: of their category.
            standardised: what `standardised` returns for them, where that is known.

        Raises:
            ValueError: the classifier is not trained.
        """
        if self.classifier is None:
            raise ValueError("the classifier is not trained: there are no scores")
        if standardised is None:
            standardised = self.standardised(columns, number)
        if self.gate is None:
            return self.classifier.logits(self._inputs(standardised, columns, number), number)
        scores: FloatArray = self.gate.logits(standardised, number)
        passed = np.flatnonzero(scores >= 0)
        scores -= GATE_OFFSET
        if len(passed):
            columns = {name: np.asarray(columns[name])[passed] for name in FEATURES[CATEGORIES[number]]}
            logits = self.classifier.logits(self._inputs(standardised[passed], columns, number), number)
            scores[passed] = np.maximum(logits, -GATE_OFFSET)
        return scores

    def standardised(self, columns: Columns, number: int) -> FloatArray:
        """Features of events, all of category `number`, as gate and classifier read them: (events, features)."""
        return self.standardisations[number].features(columns)

    def inputs(self, columns: Columns, number: int) -> FloatArray:
        """What the classifier reads of events, all of category `number`: features and discrimination functions."""
        return self._inputs(self.standardised(columns, number), columns, number)

    def _inputs(self, standardised: FloatArray, columns: Columns, number: int) -> FloatArray:
        if not self.discriminators:
            return standardised
        return np.concatenate([standardised, 2 * self.discriminators[number](columns) - 1], axis=1)

    def to(self: AnyScorer, device: str) -> AnyScorer:
        """Move the networks to `device`; returns the scorer."""
        flows = (discriminator.flow for discriminator in self.discriminators)
        for network in (*flows, self.gate, self.classifier):
            if network is not None:
                network.to(device)
        return self


def settle(scorer: Scorer) -> None:
    """Move a `Scorer` to this process's device, and keep the threads of the many workers out of each other's way."""
    scorer.to("cuda" if torch.cuda.is_available() else "cpu")
    if multiprocessing.parent_process() is not None and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // OFFICIAL_WORKERS))
