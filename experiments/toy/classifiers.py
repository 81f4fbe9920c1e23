"""The toy study's classifiers: one small network per seed, trained side by side."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from submission.arrays import BoolArray, FloatArray


class Classifiers(nn.Module):
    """Fully connected networks with ReLU, one per seed, their weights stacked (paper: 3 layers of 32).

    Arguments:
        networks: number of networks.
        features: of an event.
        seed: of the initial weights.
    """

    def __init__(self, networks: int, features: int, seed: int, width: int = 32, layers: int = 3) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        sizes = [features] + [width] * layers + [1]
        for inputs, outputs in itertools.pairwise(sizes):
            for parameters, shape in (
                (self.weights, (networks, inputs, outputs)),
                (self.biases, (networks, 1, outputs)),
            ):
                parameters.append(nn.Parameter((2 * torch.rand(shape, generator=generator) - 1) / math.sqrt(inputs)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits (networks, events) of events (networks, events, features)."""
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = torch.bmm(functional.relu(x) if layer else x, weight) + bias
        return x.squeeze(-1)

    @torch.no_grad()
    def accepts(self, x: FloatArray) -> BoolArray:
        """Return whether each event (networks, events, features), an array, is called signal (score above 1/2)."""
        return (self(torch.as_tensor(x, dtype=torch.float32)) > 0).numpy()


def train_classifiers(
    x: FloatArray, is_signal: BoolArray, seed: int, epochs: int = 100, patience: int = 10, batch: int = 1000
) -> Classifiers:
    """Train one classifier per seed with the binary cross-entropy and Adam at 1e-3.

    The last 20% of the events are for validation; each network keeps the weights of its best epoch.

    Arguments:
        x: events (networks, events, features), in random order.
        is_signal: labels (networks, events), True for signal.
        seed: of the initial weights and the order of the events.
        epochs, patience: at most so many passes; stop after so many without a better validation loss in any network.
        batch: events per step.

    Returns:
        `Classifiers`.
    """
    events, label = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(is_signal, dtype=torch.float32)
    kept = int(0.8 * events.shape[1])
    network = Classifiers(events.shape[0], events.shape[2], seed)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    shuffle = torch.Generator().manual_seed(seed)
    best, best_loss, best_epoch = copy.deepcopy(network), torch.full((events.shape[0],), math.inf), 0
    for epoch in range(epochs):
        if epoch - best_epoch > patience:
            break
        for rows in torch.randperm(kept, generator=shuffle).split(batch):
            loss = functional.binary_cross_entropy_with_logits(
                network(events[:, rows]), label[:, rows], reduction="none"
            )
            optimizer.zero_grad()
            loss.mean(1).sum().backward()
            optimizer.step()
        with torch.no_grad():
            logits = network(events[:, kept:])
            loss = functional.binary_cross_entropy_with_logits(logits, label[:, kept:], reduction="none").mean(1)
            better = loss < best_loss
            if better.any():
                best_epoch, best_loss = epoch, torch.where(better, loss, best_loss)
            for kept_weight, weight in zip(best.parameters(), network.parameters()):
                kept_weight[better] = weight[better]
    return best


def accuracy(accepts_signal: BoolArray, accepts_background: BoolArray) -> FloatArray:
    """Share of the events classified correctly, as many of one class as of the other: the mean over the last axis."""
    return 0.5 * (np.mean(accepts_signal, -1) + 1 - np.mean(accepts_background, -1))
