"""From events to scores: features, flows' discrimination functions, classifier."""

from dataclasses import dataclass

import numpy as np
import torch

from .classifier import Classifier
from .features import CATEGORIES, COORDINATES, FEATURES, Standardisation, categories, coordinates, features
from .flows import Flow, evaluate

#: What the flows of a category can read of an event: names of the columns, and the function that computes them.
VIEWS = {"features": (FEATURES, features), "coordinates": (COORDINATES, coordinates)}

STATE_VERSION = 1

#: Events that the classifier works on at a time: bounds its memory.
_CHUNK = 16384


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
    """All networks: from the columns of events to the classifier's logit.

    Arguments:
        discriminators: of each category, in the order of `features.CATEGORIES`.
        standardisations: of each category's features, as the classifier reads them.
        classifier: the `Classifier`; None before it is trained.
    """

    discriminators: tuple[Discriminator, ...]
    standardisations: tuple[Standardisation, ...]
    classifier: Classifier | None

    def inputs(self, columns, category):
        """What the classifier reads of events of `category`, (events, inputs): features, discrimination functions."""
        number = CATEGORIES.index(category)
        own = self.standardisations[number](features(columns, category))
        return np.concatenate([own, 2 * self.discriminators[number](columns) - 1], axis=1)

    def __call__(self, columns):
        """Category and logit of each event.

        Arguments:
            columns: mapping from feature name to array (events,); a DataFrame will do.

        Returns:
            (category, logit): integer array (events,), -1 for events without a jet, and float32 array (events,), NaN
            for those.
        """
        which = categories(columns)
        logits = np.full(len(which), np.nan, dtype=np.float32)
        for number, category in enumerate(CATEGORIES):
            rows = np.flatnonzero(which == number)
            if len(rows):
                own = {name: np.asarray(columns[name])[rows] for name in FEATURES[category]}
                logits[rows] = self.logits(self.inputs(own, category), number)
        return which, logits

    @torch.inference_mode()
    def logits(self, inputs, number):
        """The classifier's logit, float32 array (events,), of `inputs` of category `number`."""
        device = next(self.classifier.parameters()).device
        parts = torch.as_tensor(inputs).split(_CHUNK)
        return torch.cat([self.classifier(part.to(device), number).cpu() for part in parts]).numpy()

    def to(self, device):
        """Move the networks to `device`; returns the scorer."""
        for one in self.discriminators:
            one.flow.to(device)
        self.classifier.to(device)
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
        classifier = state["classifier"]
        if classifier is not None:
            classifier = Classifier.from_state(classifier).requires_grad_(False)
        return cls(discriminators, standardisations, classifier)


def _standardisation_state(standardisation):
    return {
        "names": list(standardisation.names),
        "mean": torch.as_tensor(standardisation.mean),
        "scale": torch.as_tensor(standardisation.scale),
    }


def _standardisation(state):
    return Standardisation(tuple(state["names"]), state["mean"].numpy(), state["scale"].numpy())
