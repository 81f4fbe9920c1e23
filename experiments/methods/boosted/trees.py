"""Boosted trees as the classifier of a scorer; travels in the submission."""

import dataclasses

import lightgbm
import numpy as np

from submission.features import CATEGORIES
from submission.score import Scorer

STATE_VERSION = 1


class Trees:
    """Gradient-boosted trees of each category.

    Arguments:
        boosters: a `lightgbm.Booster` per category, in the order of `features.CATEGORIES`.
    """

    def __init__(self, boosters):
        self.boosters = tuple(boosters)
        if len(self.boosters) != len(CATEGORIES):
            raise ValueError(f"{len(CATEGORIES)} boosters are needed, not {len(self.boosters)}")

    def logits(self, inputs, number):
        """Logit of signal against background, float32 array (events,), of inputs (events, inputs) of a category."""
        if not len(inputs):
            return np.empty(0, dtype=np.float32)
        return self.boosters[number].predict(inputs, raw_score=True).astype(np.float32)

    def to(self, _device):
        """These trees: they stay on the CPU."""
        return self

    def state(self):
        """All that makes these trees, as plain objects."""
        return {"version": STATE_VERSION, "boosters": [booster.model_to_string() for booster in self.boosters]}

    @classmethod
    def from_state(cls, state):
        """The trees that `state` describes.

        Raises:
            ValueError: it is of another version.
        """
        version = state.get("version") if isinstance(state, dict) else None
        if version != STATE_VERSION:
            raise ValueError(f"boosted trees of version {STATE_VERSION} were expected, not {version}")
        return cls(lightgbm.Booster(model_str=text) for text in state["boosters"])


class BoostedScorer(Scorer):
    """A `Scorer` whose classifier is `Trees`."""

    @staticmethod
    def _logits(network, inputs, number):
        return network.logits(inputs, number) if isinstance(network, Trees) else Scorer._logits(network, inputs, number)

    @classmethod
    def from_state(cls, state):
        """The scorer that `state` describes; errors as `Scorer.from_state`."""
        scorer = super().from_state(state | {"classifier": None})
        return dataclasses.replace(scorer, classifier=Trees.from_state(state["classifier"]))
