"""Training of the classifier on events at many random nuisance parameters (paper, sec. 6.2, step 3)."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from runtime.errors import ChallengeError
from submission.arrays import FloatArray
from submission.category_network import CategoryModel, arrays_of, load_arrays
from submission.classifier import Classifier
from submission.features import CATEGORIES

from .checkpoints import OptimizerState, load_checkpoint, load_optimizer_state, optimizer_state, save_checkpoint
from .devices import usable_device
from .fields import Count, NotNegative, Positive, Seed, Several

#: Events of each category: inputs, float32 array (events, inputs), and labels, (events,), 1 for signal.
Labelled = Mapping[str, tuple[FloatArray, FloatArray]]


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """How the classifier is trained.

    Arguments:
        width, depth: of the network, see `submission.classifier.Classifier`.
        batch: events in a step, all of one category.
        epochs: passes over the training events; the learning rate falls to 0 along a cosine.
        learning_rate: of Adam, at the start.
        weight_decay: of Adam (decoupled).
        seed: of the initial weights and of the order of the batches.
    """

    width: Count = 128
    depth: Count = 6
    batch: Several = 1000
    epochs: Count = 6
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    seed: Seed = 0


@dataclasses.dataclass
class TrainedClassifier:
    """Outcome of a training: the classifier, and a record per epoch.

    The weights are those of the last epoch, when the learning rate has come down. The validation loss, which few heavy
    events of the bulk dominate, goes up and down from epoch to epoch and does not say which one is best.
    """

    classifier: CategoryModel
    history: list[dict[str, Any]]


def train(
    training: Labelled,
    validation: Labelled,
    config: ClassifierConfig,
    device: str = "cpu",
    checkpoint: Path | None = None,
) -> TrainedClassifier:
    """Train the classifier.

    Arguments:
        training, validation: `Labelled` events.
        config: `ClassifierConfig`.
        device: "cpu" or "cuda".
        checkpoint: file that is rewritten after every epoch, and resumed from where it exists.

    Returns:
        `TrainedClassifier`.

    Raises:
        ChallengeError: CUDA is absent, the events are not finite or of one class only, or the checkpoint is unusable.
    """
    place = usable_device(device)
    for name, events in (("training", training), ("validation", validation)):
        _require_both_classes(name, events)
    run = _Run([training[category][0].shape[1] for category in CATEGORIES], config, place)
    if checkpoint is not None and checkpoint.exists():
        run.load_state(load_checkpoint(checkpoint, _RunState, run.settings))
    samples = [_on_device(events, place) for events in (training, validation)]
    with tqdm(initial=run.epoch, total=config.epochs, desc="classifier", unit="epoch", disable=None) as bar:
        while run.epoch < config.epochs:
            record = run.run_epoch(*samples)
            if checkpoint is not None:
                save_checkpoint(checkpoint, run.state(), run.settings)
            bar.update()
            bar.set_postfix(validation=f"{record['validation']:.4f}")
    return run.outcome()


#: Inputs (events, inputs) and labels (events,) of each category, on the device.
_Tensors = Sequence[tuple[torch.Tensor, torch.Tensor]]


@dataclasses.dataclass(frozen=True)
class _RunState:
    """What a resumed training needs; weights by their names."""

    weights: dict[str, FloatArray]
    optimizer: OptimizerState
    epoch: int
    history: list[dict[str, Any]]


class _Run:
    """A training that goes on: classifier, optimizer, epoch, history."""

    def __init__(self, inputs: Sequence[int], config: ClassifierConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.classifier = Classifier(inputs, config.width, config.depth, config.seed).to(device)
        self.optimizer = torch.optim.AdamW(
            self.classifier.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.epoch = 0
        self.history: list[dict[str, Any]] = []

    def run_epoch(self, training: _Tensors, validation: _Tensors) -> dict[str, Any]:
        """Train on all batches in random order, validate; return the epoch's record."""
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.epoch)
        batches = _batches(training, self.config.batch, random)
        self.classifier.train()
        total = 0.0
        for step, (category, rows) in enumerate(batches):
            progress = (self.epoch + step / len(batches)) / self.config.epochs
            self.optimizer.param_groups[0]["lr"] = 0.5 * self.config.learning_rate * (1 + math.cos(math.pi * progress))
            x, labels = (values[rows] for values in training[category])
            loss = functional.binary_cross_entropy_with_logits(self.classifier(x, category), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        record = {"epoch": self.epoch + 1, "train": total / len(batches), "validation": self.validate(validation)}
        self.epoch += 1
        self.history.append(record)
        return record

    @torch.no_grad()
    def validate(self, validation: _Tensors) -> float:
        """Mean binary cross-entropy of the validation events."""
        self.classifier.eval()
        total: float = sum(
            functional.binary_cross_entropy_with_logits(self.classifier(chunk, category), truth, reduction="sum").item()
            for category, (x, labels) in enumerate(validation)
            for chunk, truth in zip(x.split(16384), labels.split(16384))
        )
        return total / sum(len(labels) for _, labels in validation)

    @property
    def settings(self) -> dict[str, Any]:
        """What a checkpoint must agree in."""
        return {"training": dataclasses.asdict(self.config), "classifier": self.classifier.shape}

    def state(self) -> _RunState:
        """All that a resumed run needs."""
        return _RunState(arrays_of(self.classifier), optimizer_state(self.optimizer), self.epoch, self.history)

    def load_state(self, state: _RunState) -> None:
        """Go on from `state`."""
        load_arrays(self.classifier, state.weights)
        load_optimizer_state(self.optimizer, state.optimizer)
        self.epoch, self.history = state.epoch, state.history

    def outcome(self) -> TrainedClassifier:
        """The `TrainedClassifier`."""
        return TrainedClassifier(self.classifier.eval().requires_grad_(False), self.history)


def _batches(training: _Tensors, size: int, random: torch.Generator) -> list[tuple[int, torch.Tensor]]:
    """(category, rows) of each step of an epoch, in random order; what fills no batch is left for another epoch."""
    batches: list[tuple[int, torch.Tensor]] = []
    for category, (_, labels) in enumerate(training):
        order = torch.randperm(len(labels), generator=random)
        batches += [
            (category, rows) for rows in order.split(min(size, len(labels))) if len(rows) >= min(size, len(labels))
        ]
    return [batches[place] for place in torch.randperm(len(batches), generator=random).tolist()]


def _on_device(events: Labelled, device: torch.device) -> _Tensors:
    return [
        (torch.as_tensor(x).to(device), torch.as_tensor(labels).to(device))
        for x, labels in (events[category] for category in CATEGORIES)
    ]


def _require_both_classes(name: str, events: Labelled) -> None:
    for category in CATEGORIES:
        x, labels = events[category]
        if not np.isfinite(x).all():
            raise ChallengeError(f"{name} events, {category}: inputs hold NaN or infinity; remove such events first")
        if len(labels) < 2 or set(np.unique(labels)) != {0.0, 1.0}:
            raise ChallengeError(
                f"{name} events, {category}: signal and background are both needed; use a larger sample"
            )
