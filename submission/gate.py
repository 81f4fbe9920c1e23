"""A first look at every event: a small network that says which events the flows and the classifier must see.

Most background looks nothing like signal, and a network of a thousand weights knows. What it turns away keeps its
score, so no event is lost to the fit; templates and data go through the same gate, so it biases nothing.
"""

import itertools

import torch
from torch import nn

from .features import CATEGORIES

STATE_VERSION = 1


class Gate(nn.Module):
    """Networks of the features of each category; the events whose output is at least 0 pass.

    Arguments:
        inputs: number of features of each category, in the order of `features.CATEGORIES`.
        width, depth: units of the hidden layers, and their number.
        seed: seed of the initial weights.

    Example:
        >>> Gate((3, 5), width=8)(torch.zeros(4, 5), category=1).shape
        torch.Size([4])
    """

    def __init__(self, inputs, width=32, depth=2, seed=0):
        super().__init__()
        if len(inputs) != len(CATEGORIES):
            raise ValueError(f"{len(CATEGORIES)} numbers of inputs are needed, not {len(inputs)}")
        self.shape = {"inputs": tuple(inputs), "width": width, "depth": depth}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = nn.ModuleList(_network([size, *[width] * depth]) for size in inputs)

    def forward(self, x, category):
        """The output for each event, (events,), from standardised features (events, features of `category`)."""
        return self.networks[category](x).squeeze(-1)

    def shift(self, category, amount):
        """Add `amount` to the output for events of `category`."""
        with torch.no_grad():
            self.networks[category][-1].bias += amount

    def state(self):
        """All that makes this gate, as plain objects and tensors that `torch.load(weights_only=True)` reads."""
        return {"version": STATE_VERSION, "shape": self.shape, "weights": self.state_dict()}

    @classmethod
    def from_state(cls, state):
        """The gate that `state` describes.

        Raises:
            ValueError: it is of another version, or its weights do not have the shapes that it says.
        """
        version = state.get("version") if isinstance(state, dict) else None
        if version != STATE_VERSION:
            raise ValueError(f"a gate's state of version {STATE_VERSION} was expected, not {version}")
        try:
            gate = cls(**state["shape"])
            gate.load_state_dict(state["weights"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"the gate's weights do not fit its shape: {error}") from error
        return gate.eval()


def _network(sizes):
    layers = nn.Sequential()
    for inputs, outputs in itertools.pairwise(sizes):
        layers.extend([nn.Linear(inputs, outputs), nn.ReLU()])
    return layers.append(nn.Linear(sizes[-1], 1))
