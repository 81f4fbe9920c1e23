"""From events to scores: features, flows' discrimination functions, classifier."""

import multiprocessing
import os
from dataclasses import dataclass

import numpy as np
import torch

from .classifier import Classifier
from .features import CATEGORIES, COORDINATES, FEATURES, Standardisation, categories, coordinates, features
from .flows import Flow, evaluate
from .gate import Gate

#: What the flows of a category can read of an event: names of the columns, and the function that computes them.
VIEWS = {"features": (FEATURES, features), "coordinates": (COORDINATES, coordinates)}

STATE_VERSION = 2

#: Scores of events that do not pass the gate are below minus this, all others above.
GATE_OFFSET = np.float32(50)

#: Events that the networks work on at a time: few enough that what passes between layers stays in the cache (a quarter
#: faster than 16384), and memory is bounded.
_CHUNK = 4096

#: Processes that share a machine in the official program.
OFFICIAL_WORKERS = 30


@dataclass(frozen=True)
class Discriminator:
    """The flows of one category, from the columns of events to discrimination functions.

    Arguments:
        category: name in `features.CATEGORIES`.
        view: name in `VIEWS`.
        standardisation: of the view's columns.
        flow: the `Flow`, its discrimination functions scaled.
    """

    category: str
    view: str
    standardisation: Standardisation
    flow: Flow

    def log_q(self, columns):
        """log q of each flow, float32 array (events, flows)."""
        return evaluate(self.flow, self.standardisation(VIEWS[self.view][1](columns, self.category)))

    def __call__(self, columns):
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
        classifier: the `Classifier`; None before it is trained.
        gate: the `Gate`; None to let all events pass.
    """

    discriminators: tuple[Discriminator, ...]
    standardisations: tuple[Standardisation, ...]
    classifier: Classifier | None
    gate: Gate | None = None

    def __call__(self, columns):
        """Category and score of each event.

        Arguments:
            columns: mapping from feature name to array (events,); a DataFrame will do.

        Returns:
            (category, score): integer array (events,), -1 for events without a jet, and float32 array (events,), NaN
            for those.
        """
        which = categories(columns)
        scores = np.full(len(which), np.nan, dtype=np.float32)
        for number, category in enumerate(CATEGORIES):
            rows = np.flatnonzero(which == number)
            if len(rows):
                own = {name: np.asarray(columns[name])[rows] for name in FEATURES[category]}
                scores[rows] = self.scores(own, number)
        return which, scores

    def scores(self, columns, number):
        """Score of events, all of category `number`, float32 array (events,)."""
        own = self.standardised(columns, number)
        if self.gate is None:
            return self._logits(self.classifier, self._inputs(own, columns, number), number)
        scores = self._logits(self.gate, own, number)
        passed = np.flatnonzero(scores >= 0)
        scores -= GATE_OFFSET
        if len(passed):
            columns = {name: np.asarray(columns[name])[passed] for name in FEATURES[CATEGORIES[number]]}
            logits = self._logits(self.classifier, self._inputs(own[passed], columns, number), number)
            scores[passed] = np.maximum(logits, -GATE_OFFSET)
        return scores

    def standardised(self, columns, number):
        """Features of events, all of category `number`, as gate and classifier read them: (events, features)."""
        return self.standardisations[number](features(columns, CATEGORIES[number]))

    def inputs(self, columns, number):
        """What the classifier reads of events, all of category `number`: features and discrimination functions."""
        return self._inputs(self.standardised(columns, number), columns, number)

    def _inputs(self, own, columns, number):
        if not self.discriminators:
            return own
        return np.concatenate([own, 2 * self.discriminators[number](columns) - 1], axis=1)

    @staticmethod
    @torch.inference_mode()
    def _logits(network, inputs, number):
        """Output of `network`, float32 array (events,), from `inputs` of category `number`."""
        device = next(network.parameters()).device
        parts = torch.as_tensor(inputs).split(_CHUNK)
        return torch.cat([network(part.to(device), number).cpu() for part in parts]).numpy()

    def to(self, device):
        """Move the networks to `device`; returns the scorer."""
        for network in (*(one.flow for one in self.discriminators), self.gate, self.classifier):
            if network is not None:
                network.to(device)
        return self

    def state(self):
        """All that makes this scorer, as plain objects and tensors that `torch.load(weights_only=True)` reads."""
        return {
            "version": STATE_VERSION,
            "discriminators": [
                {
                    "category": one.category,
                    "view": one.view,
                    "standardisation": _standardisation_state(one.standardisation),
                    "flow": one.flow.state(),
                }
                for one in self.discriminators
            ],
            "standardisations": [_standardisation_state(one) for one in self.standardisations],
            "classifier": None if self.classifier is None else self.classifier.state(),
            "gate": None if self.gate is None else self.gate.state(),
        }

    @classmethod
    def from_state(cls, state):
        """The scorer that `state` describes.

        Raises:
            ValueError: it is of another version, or its parts do not fit together.
        """
        version = state.get("version") if isinstance(state, dict) else None
        if version != STATE_VERSION:
            raise ValueError(f"a scorer's state of version {STATE_VERSION} was expected, not {version}")
        discriminators = tuple(
            Discriminator(
                one["category"],
                one["view"],
                _standardisation(one["standardisation"]),
                Flow.from_state(one["flow"]).requires_grad_(False),
            )
            for one in state["discriminators"]
        )
        standardisations = tuple(map(_standardisation, state["standardisations"]))
        if len(discriminators) not in (0, len(CATEGORIES)) or len(standardisations) not in (0, len(CATEGORIES)):
            raise ValueError("a scorer's state has parts for another number of categories")
        networks = (
            None if state[name] is None else kind.from_state(state[name]).requires_grad_(False)
            for name, kind in (("classifier", Classifier), ("gate", Gate))
        )
        return cls(discriminators, standardisations, *networks)


def settle(scorer):
    """Move a `Scorer` to this process's device, and keep the threads of the many workers out of each other's way."""
    scorer.to("cuda" if torch.cuda.is_available() else "cpu")
    if multiprocessing.parent_process() is not None and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // OFFICIAL_WORKERS))


def _standardisation_state(standardisation):
    return {
        "names": list(standardisation.names),
        "mean": torch.as_tensor(standardisation.mean),
        "scale": torch.as_tensor(standardisation.scale),
    }


def _standardisation(state):
    return Standardisation(tuple(state["names"]), state["mean"].numpy(), state["scale"].numpy())
