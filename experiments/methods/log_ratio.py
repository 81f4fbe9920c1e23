"""Flows as the start that a network corrects: logit = log q_S - log q_B + network."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from submission.arrays import Columns, FloatArray
from submission.classifier import Classifier, Ensemble
from submission.score import Scorer

if TYPE_CHECKING:
    from .method import Method

#: Bound on the log-ratio of the flows: beyond it, far from all events that they were trained on, it means nothing.
_LARGEST = 20.0


class LogRatioScorer(Scorer):
    """A `Scorer` whose classifier reads log q_S - log q_B of the category's flows as its last input."""

    def _inputs(self, standardised: FloatArray, columns: Columns, number: int) -> FloatArray:
        if not self.discriminators:  # those of the gate
            return standardised
        log_q = self.discriminators[number].log_q(columns)
        functions = 2 * self.discriminators[number].flow.discrimination(log_q) - 1
        ratio = np.clip(log_q[:, :1] - log_q[:, 1:2], -_LARGEST, _LARGEST)
        return np.concatenate([standardised, functions, ratio], axis=1)


class StartedClassifier(Classifier):
    """A `Classifier` of all inputs but the last, which is added to its logit.

    Arguments:
        inputs: number of inputs of each category, the last one included.
        width, depth, seed: as for `Classifier`.
    """

    def __init__(self, inputs: Sequence[int], width: int = 128, depth: int = 6, seed: int = 0) -> None:
        super().__init__([size - 1 for size in inputs], width, depth, seed)
        self.shape["inputs"] = list(inputs)

    def forward(self, x: torch.Tensor, category: int) -> torch.Tensor:
        """The logit of each event, (events,), from inputs (events, inputs of `category`)."""
        return super().forward(x[:, :-1], category) + x[:, -1]


class StartedEnsemble(Ensemble):
    """The mean of `StartedClassifier` networks."""

    member = StartedClassifier


def method() -> Method:
    """The method: the networks of the preset default in this form, on the same flows."""
    from experiments.methods import presets
    from experiments.methods.method import Method
    from training import classifier
    from training.networks import Kind
    from training.stages import Training

    class LogRatioTraining(Training):
        @property
        def kind(self) -> Kind:
            return Kind(LogRatioScorer, functools.partial(classifier.train, ensemble=StartedEnsemble))

    return Method("log-ratio of the flows + DNN, all fitted", presets.default, LogRatioTraining, module=__name__)
