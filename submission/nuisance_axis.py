"""The second axis of the histogram: how an event speaks for the shift of nuisance parameters that mu is mistaken for.

With s_i = d ln p(x) / d theta_i the information on mu that profiling leaves is that of s_mu - sum_i a_i s_i, where the
a_i are the regression of s_mu on the s_i (the efficient score: A. van der Vaart, Asymptotic Statistics, section 25.4).
s_mu is a function of the classifier's score, the first axis. The sum is one number, the second axis, and a few bins of
it hold most of what unbinned events say about the nuisance parameters (docs/method.md#the-second-axis).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .arrays import Columns, FloatArray, IntArray
from .category_network import CategoryNetwork, NetworkState, arrays_of, perceptron
from .features import CATEGORIES, Standardisation

#: Channels of the histogram, those of the jet categories first.
CHANNELS = (*CATEGORIES, "0-jet")

#: What the axis reads of events without a jet: all that they have, but for the direction of the axes.
NO_JET_FEATURES = (
    *("PRI_had_pt", "PRI_lep_pt", "PRI_met", "DER_mass_transverse_met_lep"),
    *("DER_mass_vis", "DER_pt_h", "DER_deltar_had_lep", "DER_met_phi_centrality"),
)


class DirectionNetwork(CategoryNetwork):
    """Networks of the features of each channel, with one output for the axis, or several while they are trained.

    Arguments:
        inputs: number of features of each channel, in the order of `CHANNELS`.
        width, depth: units of the hidden layers, and their number.
        outputs: number of outputs.
        seed: seed of the initial weights.

    Example:
        >>> DirectionNetwork((3, 5, 2), width=8)(torch.zeros(4, 5), category=1).shape
        torch.Size([4])
    """

    members = CHANNELS

    def __init__(self, inputs: Sequence[int], width: int = 32, depth: int = 2, outputs: int = 1, seed: int = 0) -> None:
        super().__init__(inputs, width=width, depth=depth, outputs=outputs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = nn.ModuleList(perceptron([size, *[width] * depth, outputs]) for size in inputs)

    def forward(self, x: torch.Tensor, category: int) -> torch.Tensor:
        """The output for each event, (events,), or (events, outputs), from standardised features of a channel."""
        output: torch.Tensor = self.networks[category](x)
        return output.squeeze(-1)

    def combined(self, factors: FloatArray) -> "DirectionNetwork":
        """The network with one output: the sum of this one's outputs times `factors`, array (outputs,)."""
        weights = arrays_of(self)
        for number in range(len(self.members)):
            for name in ("weight", "bias"):
                place = f"networks.{number}.{2 * self.shape['depth']}.{name}"  # the last layer
                weights[place] = (factors[None] @ weights[place]).astype(np.float32)
        return DirectionNetwork.from_state(NetworkState(self.shape | {"outputs": 1}, weights))


@dataclass(frozen=True)
class NuisanceAxis:
    """The second axis: into which share of a first bin an event falls.

    Arguments:
        network: `DirectionNetwork` with one output.
        standardisation: of `NO_JET_FEATURES`; the features of events with jets are standardised as the scorer's are.
        edges: of each channel the inner edges of the shares of each first bin, array (first bins, shares - 1); infinite
            where a first bin has fewer shares, NaN never.

    Raises:
        ValueError: edges of another number of channels, or that do not rise.
    """

    network: DirectionNetwork
    standardisation: Standardisation
    edges: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(CHANNELS):
            raise ValueError(f"shares of {len(self.edges)} channels; there are {len(CHANNELS)}")
        for edges in self.edges:
            if np.ndim(edges) != 2 or not (edges[:, 1:] >= edges[:, :-1]).all() or np.isnan(edges).any():
                raise ValueError(f"edges of shares that do not rise: {edges}")

    def shares(self, channel: int) -> IntArray:
        """Number of shares of each first bin of a channel, integer array (first bins,)."""
        return np.asarray(1 + np.isfinite(self.edges[channel]).sum(axis=1))

    def values(self, standardised: FloatArray, channel: int) -> FloatArray:
        """Place on the axis of events, all of a channel, float32 array (events,), from `standardised` features."""
        return self.network.logits(standardised, channel)

    def no_jet_features(self, columns: Columns) -> FloatArray:
        """Standardised features of events without a jet, float32 array (events, features)."""
        return self.standardisation.features(columns)

    def bins_of(self, first: IntArray, values: FloatArray, channel: int) -> IntArray:
        """Bin within a channel, integer array (events,), of events in the `first` bins with `values` on this axis."""
        shares = self.shares(channel)
        starts = np.cumsum(shares) - shares
        edges = self.edges[channel]
        result = starts[first]
        for place in range(edges.shape[1]):
            result += values >= edges[first, place]
        return result
