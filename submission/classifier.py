"""The classifier, signal against background: a branch and a head per category, a shared trunk (paper, sec. 6.2)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from .arrays import FloatArray
from .category_network import CategoryModel, CategoryNetwork, NetworkState


class Classifier(CategoryNetwork):
    """Two-headed network: the logit of signal against background at equal numbers of both.

    Each category has its own input branch and its own head; the trunk between is shared, so that what is common to the
    categories is learned from both.

    Arguments:
        inputs: number of inputs of each category, in the order of `features.CATEGORIES`.
        width: units of the branches and of the trunk's layers.
        depth: layers of the trunk, of which the last is twice as wide; the heads have two hidden layers of that width.
        seed: seed of the initial weights.

    Example:
        >>> classifier = Classifier((3, 5), width=8, depth=2)
        >>> classifier(torch.zeros(4, 5), category=1).shape
        torch.Size([4])
    """

    def __init__(self, inputs: Sequence[int], width: int = 128, depth: int = 6, seed: int = 0) -> None:
        super().__init__(inputs, width=width, depth=depth)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.branches = nn.ModuleList(_layers([size, width]) for size in inputs)
            self.trunk = _layers([width] * depth + [2 * width])
            self.heads = nn.ModuleList(_layers([2 * width] * 3).append(nn.Linear(2 * width, 1)) for _ in inputs)

    def forward(self, x: torch.Tensor, category: int) -> torch.Tensor:
        """The logit of each event, (events,), from standardised inputs (events, inputs of `category`)."""
        logit: torch.Tensor = self.heads[category](self.trunk(self.branches[category](x)))
        return logit.squeeze(-1)


@dataclass(frozen=True)
class EnsembleState:
    """What makes an `Ensemble`: the `NetworkState` of each member."""

    members: tuple[NetworkState, ...]


class Ensemble(CategoryModel):
    """Classifiers that differ in their initial weights: the mean of their logits scatters less than each of them.

    Arguments:
        members: the `Classifier` objects, at least one, all of the same inputs.
    """

    #: Class of the members.
    member: ClassVar[type[Classifier]] = Classifier

    def __init__(self, members: Sequence[Classifier]) -> None:
        self.members = tuple(members)
        if not self.members:
            raise ValueError("an ensemble without members")

    def logits(self, inputs: FloatArray, number: int) -> FloatArray:
        """Mean logit of events, all of category `number`: float32 array (events,), from `inputs` (events, inputs)."""
        logits: FloatArray = np.mean([member.logits(inputs, number) for member in self.members], axis=0)
        return logits

    def to(self, device: Any) -> "Ensemble":
        """Move all members to `device`; returns the ensemble."""
        for member in self.members:
            member.to(device)
        return self

    def state(self) -> EnsembleState:
        """All that makes this ensemble."""
        return EnsembleState(tuple(member.state() for member in self.members))

    @classmethod
    def from_state(cls, state: EnsembleState) -> "Ensemble":
        """The ensemble that `state` describes.

        Raises:
            ValueError: there is no member, or its weights do not have the shapes that it says.
        """
        return cls([cls.member.from_state(member) for member in state.members])


def _layers(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers, each followed by batch normalisation and GELU."""
    layers = nn.Sequential()
    for inputs, outputs in itertools.pairwise(sizes):
        layers.extend([nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.GELU()])
    return layers
