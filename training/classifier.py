"""Training of the classifier on events at many random nuisance parameters (paper, sec. 6.2, step 3)."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from runtime.errors import ChallengeError
from submission.classifier import Classifier
from submission.features import CATEGORIES

from .flows import load_checkpoint, save_checkpoint, usable_device

CHECKPOINT_VERSION = 1


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

    width: int = 128
    depth: int = 6
    batch: int = 1000
    epochs: int = 6
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0


@dataclasses.dataclass
class TrainedClassifier:
    """Outcome of a training: the classifier, and a record per epoch.

    The weights are those of the last epoch, when the learning rate has come down. The validation loss, which few heavy
    events of the bulk dominate, goes up and down from epoch to epoch and does not say which one is best.
    """

    classifier: Any
    history: list


def train(training, validation, config, device="cpu", checkpoint=None):
    """Train the classifier.

    Arguments:
        training, validation: dict from category to (inputs, labels): float32 arrays (events, inputs) and (events,).
        config: `ClassifierConfig`.
        device: "cpu" or "cuda".
        checkpoint: file that is rewritten after every epoch, and resumed from where it exists.

    Returns:
        `TrainedClassifier`.

    Raises:
        ChallengeError: CUDA is absent, the events are not finite or of one class only, or the checkpoint is unusable.
    """
    device = usable_device(device)
    for name, part in (("training", training), ("validation", validation)):
        _check(name, part)
    run = _Run([training[category][0].shape[1] for category in CATEGORIES], config, device)
    if checkpoint is not None and Path(checkpoint).exists():
        run.load_state(load_checkpoint(checkpoint), checkpoint)
    parts = [_on_device(part, device) for part in (training, validation)]
    with tqdm(initial=run.epoch, total=config.epochs, desc="classifier", unit="epoch", disable=None) as bar:
        while run.epoch < config.epochs:
            record = run.run_epoch(*parts)
            if checkpoint is not None:
                save_checkpoint(checkpoint, run.state())
            bar.update()
            bar.set_postfix(validation=f"{record['validation']:.4f}")
    return run.outcome()


class _Run:
    """The state of a training: classifier, optimizer, epoch, history."""

    def __init__(self, inputs, config, device):
        self.config, self.device = config, device
        self.classifier = Classifier(inputs, config.width, config.depth, config.seed).to(device)
        self.optimizer = torch.optim.AdamW(
            self.classifier.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.epoch, self.history = 0, []

    def run_epoch(self, training, validation):
        """Train on all batches in random order, validate; return the epoch's record."""
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.epoch)
        batches = _batches(training, self.config.batch, random)
        self.classifier.train()
        total = 0.0
        for step, (category, rows) in enumerate(batches):
            done = (self.epoch + step / len(batches)) / self.config.epochs
            self.optimizer.param_groups[0]["lr"] = 0.5 * self.config.learning_rate * (1 + math.cos(math.pi * done))
            x, labels = (part[rows] for part in training[category])
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
    def validate(self, validation):
        """Mean binary cross-entropy of the validation events."""
        self.classifier.eval()
        total = sum(
            functional.binary_cross_entropy_with_logits(self.classifier(part, category), truth, reduction="sum").item()
            for category, (x, labels) in enumerate(validation)
            for part, truth in zip(x.split(16384), labels.split(16384))
        )
        return total / sum(len(labels) for _, labels in validation)

    def state(self):
        """All that a resumed run needs, as `torch.load(weights_only=True)` reads it."""
        return {
            "version": CHECKPOINT_VERSION,
            "config": dataclasses.asdict(self.config),
            "classifier": self.classifier.state(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "history": self.history,
        }

    def load_state(self, state, path):
        """Go on from `state`, read from `path`."""
        if state["config"] != dataclasses.asdict(self.config) or state["classifier"]["shape"] != self.classifier.shape:
            raise ChallengeError(f"{path} is a checkpoint of other settings: remove it or give another place")
        self.classifier.load_state_dict(state["classifier"]["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.history = state["epoch"], state["history"]

    def outcome(self):
        """The `TrainedClassifier`."""
        return TrainedClassifier(self.classifier.eval().requires_grad_(False), self.history)


def _batches(training, size, random):
    """(category, rows) of each step of an epoch, in random order; what fills no batch is left for another epoch."""
    batches = []
    for category, (_, labels) in enumerate(training):
        order = torch.randperm(len(labels), generator=random)
        batches += [
            (category, rows) for rows in order.split(min(size, len(labels))) if len(rows) >= min(size, len(labels))
        ]
    return [batches[place] for place in torch.randperm(len(batches), generator=random).tolist()]


def _on_device(part, device):
    return [tuple(torch.as_tensor(values).to(device) for values in part[category]) for category in CATEGORIES]


def _check(name, part):
    for category in CATEGORIES:
        x, labels = part[category]
        if not np.isfinite(x).all():
            raise ChallengeError(f"{name} events, {category}: inputs hold NaN or infinity; remove such events first")
        if len(labels) < 2 or set(np.unique(labels)) != {0.0, 1.0}:
            raise ChallengeError(
                f"{name} events, {category}: signal and background are both needed; use a larger sample"
            )
