"""The toy study's classifiers: one small network per seed, trained side by side."""

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Classifiers(nn.Module):
    """Fully connected networks with ReLU, one per seed, their weights stacked (paper: 3 layers of 32).

    Arguments:
        networks: number of networks.
        features: of an event.
        seed: of the initial weights.
    """

    def __init__(self, networks, features, seed, width=32, layers=3):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        sizes = [features] + [width] * layers + [1]
        for inputs, outputs in itertools.pairwise(sizes):
            for held, shape in ((self.weights, (networks, inputs, outputs)), (self.biases, (networks, 1, outputs))):
                held.append(nn.Parameter((2 * torch.rand(shape, generator=generator) - 1) / math.sqrt(inputs)))

    def forward(self, x):
        """Return the logits (networks, events) of events (networks, events, features)."""
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = torch.bmm(functional.relu(x) if layer else x, weight) + bias
        return x.squeeze(-1)

    @torch.no_grad()
    def accepts(self, x):
        """Return whether each event (networks, events, features), an array, is called signal (score above 1/2)."""
        return (self(torch.as_tensor(x, dtype=torch.float32)) > 0).numpy()


def train_classifiers(x, is_signal, seed, epochs=100, patience=10, batch=1000):
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
    x, label = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(is_signal, dtype=torch.float32)
    kept = int(0.8 * x.shape[1])
    network = Classifiers(x.shape[0], x.shape[2], seed)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    shuffle = torch.Generator().manual_seed(seed)
    best, best_loss, best_epoch = copy.deepcopy(network), torch.full((x.shape[0],), math.inf), 0
    for epoch in range(epochs):
        if epoch - best_epoch > patience:
            break
        for rows in torch.randperm(kept, generator=shuffle).split(batch):
            loss = functional.binary_cross_entropy_with_logits(network(x[:, rows]), label[:, rows], reduction="none")
            optimizer.zero_grad()
            loss.mean(1).sum().backward()
            optimizer.step()
        with torch.no_grad():
            logits = network(x[:, kept:])
            loss = functional.binary_cross_entropy_with_logits(logits, label[:, kept:], reduction="none").mean(1)
            better = loss < best_loss
            if better.any():
                best_epoch, best_loss = epoch, torch.where(better, loss, best_loss)
            for kept_weight, weight in zip(best.parameters(), network.parameters()):
                kept_weight[better] = weight[better]
    return best


def accuracy(accepts_signal, accepts_background):
    """Share of the events classified correctly, as many of one class as of the other: the mean over the last axis."""
    return 0.5 * (np.mean(accepts_signal, -1) + 1 - np.mean(accepts_background, -1))
