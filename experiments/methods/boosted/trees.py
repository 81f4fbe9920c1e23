"""Boosted trees as the classifier of a scorer; travels in the submission."""

from collections.abc import Iterable
from dataclasses import dataclass

import lightgbm
import numpy as np

from submission.arrays import FloatArray
from submission.category_network import CategoryModel
from submission.features import CATEGORIES


@dataclass(frozen=True)
class TreesState:
    """What makes `Trees`: the text that lightgbm writes of each category's booster."""

    boosters: tuple[str, ...]


class Trees(CategoryModel):
    """Gradient-boosted trees of each category.

    Arguments:
        boosters: a `lightgbm.Booster` per category, in the order of `features.CATEGORIES`.
    """

    def __init__(self, boosters: Iterable[lightgbm.Booster]) -> None:
        self.boosters = tuple(boosters)
        if len(self.boosters) != len(CATEGORIES):
            raise ValueError(f"{len(CATEGORIES)} boosters are needed, not {len(self.boosters)}")

    def logits(self, inputs: FloatArray, number: int) -> FloatArray:
        """Logit of signal against background, float32 array (events,), of inputs (events, inputs) of a category."""
        if not len(inputs):
            return np.empty(0, dtype=np.float32)
        return np.asarray(self.boosters[number].predict(inputs, raw_score=True)).astype(np.float32)

    def to(self, device: object) -> "Trees":
        """These trees: they stay on the CPU, whatever `device` is."""
        return self

    def state(self) -> TreesState:
        """All that makes these trees."""
        return TreesState(tuple(booster.model_to_string() for booster in self.boosters))

    @classmethod
    def from_state(cls, state: TreesState) -> "Trees":
        """The trees that `state` describes."""
        return cls(lightgbm.Booster(model_str=text) for text in state.boosters)
