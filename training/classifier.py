"""Training of the classifier on events at many random nuisance parameters (paper, sec. 6.2, step 3)."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from runtime.errors import ChallengeError
from submission.arrays import FloatArray
from submission.category_network import CategoryModel, arrays_of, load_arrays
from submission.classifier import Classifier, Ensemble
from submission.features import CATEGORIES

from .checkpoints import OptimizerState, load_checkpoint, load_optimizer_state, optimizer_state, save_checkpoint
from .devices import usable_device
from .fields import Count, NotNegative, Positive, Seed, Several, Share


class LabelledEvents(NamedTuple):
    """Events of a category: inputs, float32 array (events, inputs), labels (1 signal) and weights, arrays (events,)."""

    inputs: FloatArray
    labels: FloatArray
    weights: FloatArray


#: By the name of the category.
Labelled = Mapping[str, LabelledEvents]

#: Largest share of the first weights that their moving average may hold at the end of a training.
LARGEST_MEMORY = 0.01


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """How the classifier is trained.

    Arguments:
        members: networks that are trained one after the other, with other initial weights and another order of the
            batches; the mean of their logits is used.
        width, depth: of each, see `submission.classifier.Classifier`.
        batch: events in a step, all of one category.
        epochs: passes over the training events; the learning rate falls to 0 along a cosine.
        learning_rate: of Adam, at the start.
        averaging: share by which a step keeps the moving average of the weights, which is what the training returns;
            the fewer the steps, the smaller it must be.
        weight_decay: of Adam (decoupled).
        seed: of the initial weights and of the order of the batches.
    """

    members: Count = 1
    width: Count = 128
    depth: Count = 6
    batch: Several = 1000
    epochs: Count = 6
    learning_rate: Positive = 1e-3
    averaging: Share = 0.999
    weight_decay: NotNegative = 0.0
    seed: Seed = 0


@dataclasses.dataclass
class TrainedClassifier:
    """Outcome of a training: the classifier, and a record per member and epoch.

    The weights are the moving average at the end of the last epoch, when the learning rate has come down.
    """

    classifier: CategoryModel
    history: list[dict[str, Any]]


def train(
    training: Labelled,
    validation: Labelled,
    config: ClassifierConfig,
    device: str = "cpu",
    checkpoint: Path | None = None,
    ensemble: type[Ensemble] = Ensemble,
) -> TrainedClassifier:
    """Train the classifier.

    Arguments:
        training, validation: `Labelled` events.
        config: `ClassifierConfig`.
        device: "cpu" or "cuda".
        checkpoint: file that is rewritten after every epoch, one of each member, and resumed from where it exists.
        ensemble: class of the result, where there are several members; `Ensemble.member` says which these are.

    Returns:
        `TrainedClassifier`.

    Raises:
        ChallengeError: CUDA is absent, the events are not finite or of one class only, there are so few steps that the
            average holds the first weights, or the checkpoint is unusable.
    """
    place = usable_device(device)
    for name, events in (("training", training), ("validation", validation)):
        _require_both_classes(name, events)
    _require_steps([len(training[category].labels) for category in CATEGORIES], config)
    samples = [_on_device(events, place) for events in (training, validation)]
    members, history = [], []
    for number in range(config.members):
        path = None if checkpoint is None else checkpoint.with_name(f"{checkpoint.stem}-{number}{checkpoint.suffix}")
        settings = dataclasses.replace(config, seed=config.seed + number)
        inputs = [x.shape[1] for x, *_ in samples[0]]
        run = _Run(ensemble.member(inputs, config.width, config.depth, settings.seed), settings, place)
        _train_member(run, samples, path)
        members.append(run.outcome())
        history += [{"member": number} | record for record in run.history]
    return TrainedClassifier(members[0] if len(members) == 1 else ensemble(members), history)


def _train_member(run: "_Run", samples: Sequence["_Tensors"], checkpoint: Path | None) -> None:
    """Train one network to its last epoch; arguments as of `train`, events on the device."""
    if checkpoint is not None and checkpoint.exists():
        run.load_state(load_checkpoint(checkpoint, _RunState, run.settings))
    epochs = run.config.epochs
    with tqdm(initial=run.epoch, total=epochs, desc="classifier", unit="epoch", disable=None) as bar:
        while run.epoch < epochs:
            record = run.run_epoch(*samples)
            if checkpoint is not None:
                save_checkpoint(checkpoint, run.state(), run.settings)
            bar.update()
            bar.set_postfix(validation=f"{record['validation']:.4f}")


#: Inputs (events, inputs), labels and weights (events,) of each category, on the device.
_Tensors = Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


@dataclasses.dataclass(frozen=True)
class _RunState:
    """What a resumed training needs; weights, and their moving average, by their names."""

    weights: dict[str, FloatArray]
    average: dict[str, FloatArray]
    optimizer: OptimizerState
    epoch: int
    history: list[dict[str, Any]]


class _Run:
    """A training that goes on: classifier, optimizer, epoch, history."""

    def __init__(self, classifier: Classifier, config: ClassifierConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.classifier = classifier.to(device)
        self.optimizer = torch.optim.AdamW(
            self.classifier.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.average = AveragedModel(
            self.classifier, multi_avg_fn=get_ema_multi_avg_fn(config.averaging), use_buffers=True
        ).eval()
        self.epoch = 0
        self.history: list[dict[str, Any]] = []

    def run_epoch(self, training: _Tensors, validation: _Tensors) -> dict[str, Any]:
        """Train on all batches in random order, validate; return the epoch's record."""
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.epoch)
        batches = _batches(training, self.config.batch, random)
        self.classifier.train()
        total = torch.zeros((), device=self.device)
        for step, (category, rows) in enumerate(batches):
            progress = (self.epoch + step / len(batches)) / self.config.epochs
            self.optimizer.param_groups[0]["lr"] = 0.5 * self.config.learning_rate * (1 + math.cos(math.pi * progress))
            rows = rows.to(self.device)
            x, labels, weights = (values[rows] for values in training[category])
            loss = functional.binary_cross_entropy_with_logits(self.classifier(x, category), labels, weights)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.average.update_parameters(self.classifier)
            total += loss.detach()
        validated = self.validate(validation)
        record = {"epoch": self.epoch + 1, "train": float(total) / len(batches), "validation": validated}
        self.epoch += 1
        self.history.append(record)
        return record

    @torch.no_grad()
    def validate(self, validation: _Tensors) -> float:
        """Mean binary cross-entropy of the validation events with the averaged weights."""
        total = 0.0
        for category, events in enumerate(validation):
            for x, labels, weights in zip(*(values.split(16384) for values in events)):
                logits = self.average.module(x, category)
                loss = functional.binary_cross_entropy_with_logits(logits, labels, weights, reduction="sum")
                total += loss.item()
        return total / sum(weights.sum().item() for _, _, weights in validation)

    @property
    def settings(self) -> dict[str, Any]:
        """What a checkpoint must agree in."""
        return {"training": dataclasses.asdict(self.config), "classifier": self.classifier.shape}

    def state(self) -> _RunState:
        """All that a resumed run needs."""
        weights, average = arrays_of(self.classifier), arrays_of(self.average)
        return _RunState(weights, average, optimizer_state(self.optimizer), self.epoch, self.history)

    def load_state(self, state: _RunState) -> None:
        """Go on from `state`."""
        load_arrays(self.classifier, state.weights)
        load_arrays(self.average, state.average)
        load_optimizer_state(self.optimizer, state.optimizer)
        self.epoch, self.history = state.epoch, state.history

    def outcome(self) -> Classifier:
        """The classifier with the averaged weights."""
        classifier = self.average.module.eval().requires_grad_(False)
        assert isinstance(classifier, Classifier)
        return classifier


def _batches(training: _Tensors, size: int, random: torch.Generator) -> list[tuple[int, torch.Tensor]]:
    """(category, rows) of each step of an epoch, in random order; what fills no batch is left for another epoch."""
    batches: list[tuple[int, torch.Tensor]] = []
    for category, (_, labels, _) in enumerate(training):
        order = torch.randperm(len(labels), generator=random)
        batches += [
            (category, rows) for rows in order.split(min(size, len(labels))) if len(rows) >= min(size, len(labels))
        ]
    return [batches[place] for place in torch.randperm(len(batches), generator=random).tolist()]


def _on_device(events: Labelled, device: torch.device) -> _Tensors:
    kept = (events[category] for category in CATEGORIES)
    return [
        (torch.as_tensor(x).to(device), torch.as_tensor(labels).to(device), torch.as_tensor(weights).to(device))
        for x, labels, weights in kept
    ]


def _require_both_classes(name: str, events: Labelled) -> None:
    for category in CATEGORIES:
        x, labels, _ = events[category]
        if not np.isfinite(x).all():
            raise ChallengeError(f"{name} events, {category}: inputs hold NaN or infinity; remove such events first")
        if len(labels) < 2 or set(np.unique(labels)) != {0.0, 1.0}:
            raise ChallengeError(
                f"{name} events, {category}: signal and background are both needed; use a larger sample"
            )


def _require_steps(events: Sequence[int], config: ClassifierConfig) -> None:
    steps = config.epochs * sum(number // min(config.batch, number) for number in events)
    most = LARGEST_MEMORY ** (1 / steps)
    if config.averaging > most:
        raise ChallengeError(
            f"the classifier's training has {steps} steps, after which the moving average of its weights would hold "
            f"{config.averaging**steps:.0%} of the first ones (at most {LARGEST_MEMORY:.0%}): train on more events, "
            "with smaller batches, for more epochs, or with networks.classifier.averaging="
            f"{math.floor(1000 * most) / 1000} or less"
        )
