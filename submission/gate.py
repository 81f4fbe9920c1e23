"""A first look at every event: a small network that says which events the flows and the classifier must see.

Most background looks nothing like signal, and a network of a thousand weights knows. What it turns away keeps its
score, so no event is lost to the fit; templates and data go through the same gate, so it biases nothing.
"""

from collections.abc import Sequence

import torch
from torch import nn

from .category_network import CategoryNetwork, perceptron


class Gate(CategoryNetwork):
    """Networks of the features of each category; the events whose output is at least 0 pass.

    Arguments:
        inputs: number of features of each category, in the order of `features.CATEGORIES`.
        width, depth: units of the hidden layers, and their number.
        seed: seed of the initial weights.

    Example:
        >>> Gate((3, 5), width=8)(torch.zeros(4, 5), category=1).shape
        torch.Size([4])
    """

    def __init__(self, inputs: Sequence[int], width: int = 32, depth: int = 2, seed: int = 0) -> None:
        super().__init__(inputs, width=width, depth=depth)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = nn.ModuleList(perceptron([size, *[width] * depth, 1]) for size in inputs)

    def forward(self, x: torch.Tensor, category: int) -> torch.Tensor:
        """The output for each event, (events,), from standardised features (events, features of `category`)."""
        output: torch.Tensor = self.networks[category](x)
        return output.squeeze(-1)

    def shift(self, category: int, amount: float) -> None:
        """Add `amount` to the output for events of `category`."""
        *_, bias = self.networks[category].parameters()
        with torch.no_grad():
            bias.add_(amount)
