"""Training of the gate, on the classifier's events."""

import dataclasses

import torch
from torch.nn import functional

from submission.features import CATEGORIES
from submission.gate import Gate

from .classifier import Labelled
from .fields import Count, Positive, Seed, Share


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """How the gate is trained and where it is set.

    Arguments:
        signal_kept: share of the signal of each category that passes, at random nuisance parameters.
        rows: rows of the sample that it is trained on, the first ones.
        width, depth: of its networks, see `submission.gate.Gate`.
        batch: events in a step.
        epochs: passes over the events.
        learning_rate: of Adam at the start; it falls to 0 linearly.
        seed: of the initial weights and of the order of the events.
    """

    signal_kept: Share = 0.6
    rows: Count = 4_000_000
    width: Count = 32
    depth: Count = 2
    batch: Count = 2000
    epochs: Count = 2
    learning_rate: Positive = 3e-3
    seed: Seed = 0


def train_gate(
    training: Labelled, config: GateConfig, device: str | torch.device = "cpu"
) -> tuple[Gate, dict[str, float]]:
    """Train a gate.

    Arguments:
        training: `classifier.Labelled` events, of which the gate reads the features alone.
        config: `GateConfig`.
        device: "cpu" or "cuda".

    Returns:
        (gate, shares): `Gate`, and per category the share of the background that passes.
    """
    gate = Gate([training[name][0].shape[1] for name in CATEGORIES], config.width, config.depth, config.seed).to(device)
    random = torch.Generator().manual_seed(config.seed)
    shares = {}
    for number, name in enumerate(CATEGORIES):
        x, labels, weights = (torch.as_tensor(values).to(device) for values in training[name])
        _descend(gate, number, x, labels, weights, config, random)
        with torch.inference_mode():
            outputs = torch.cat([gate(chunk, number) for chunk in x.split(16384)])
        signal = labels == 1
        threshold = _weighted_quantile(outputs[signal], weights[signal], 1 - config.signal_kept)
        gate.shift(number, -threshold)
        shares[name] = float(weights[~signal & (outputs >= threshold)].sum() / weights[~signal].sum())
    return gate.eval().requires_grad_(False).cpu(), shares


def _weighted_quantile(values: torch.Tensor, weights: torch.Tensor, share: float) -> float:
    """The value below which `share` of the weights lies."""
    values, order = values.sort()
    below = weights[order].double().cumsum(0)
    return float(values[torch.searchsorted(below, share * below[-1])])


def _descend(
    gate: Gate,
    number: int,
    x: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    config: GateConfig,
    random: torch.Generator,
) -> None:
    """Minimise the binary cross-entropy of one category."""
    optimizer = torch.optim.Adam(gate.networks[number].parameters(), config.learning_rate)
    batch = min(config.batch, len(labels))
    steps = config.epochs * (len(labels) // batch)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1e-3, steps)
    for _ in range(config.epochs):
        for rows in torch.randperm(len(labels), generator=random).to(x.device).split(batch):
            if len(rows) < batch:
                continue
            loss = functional.binary_cross_entropy_with_logits(gate(x[rows], number), labels[rows], weights[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
