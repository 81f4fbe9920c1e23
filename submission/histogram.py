"""The histogram that mu is fitted to: scores of the categories, and the visible mass of events without a jet.

Where there is a second axis, each of these bins is split into shares of it (`nuisance_axis`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .arrays import Columns, FloatArray, IntArray
from .features import CATEGORIES, FEATURES, categories
from .nuisance_axis import CHANNELS, NO_JET_FEATURES, NuisanceAxis
from .score import Scorer

#: Feature that events without a jet are binned in.
NO_JET_FEATURE = "DER_mass_vis"


@dataclass(frozen=True)
class Histogram:
    """Which bin an event falls into: a flat histogram of channels, one after the other.

    Arguments:
        scorer: `score.Scorer`.
        score_edges: inner edges of the logit in each category, arrays.
        no_jet_edges: inner edges of `NO_JET_FEATURE` in GeV for events without a jet; None leaves these events out.
        axis: `nuisance_axis.NuisanceAxis`, the second axis; None for the first one alone.

    Raises:
        ValueError: edges that do not rise, or are not finite, or a second axis of other bins.
    """

    scorer: Scorer
    score_edges: tuple[FloatArray, ...]
    no_jet_edges: FloatArray | None = None
    axis: NuisanceAxis | None = None

    def __post_init__(self) -> None:
        if len(self.score_edges) != len(CATEGORIES):
            raise ValueError(f"edges of {len(self.score_edges)} categories; there are {len(CATEGORIES)}")
        for edges in self.first_edges.values():
            if np.ndim(edges) != 1 or not np.isfinite(edges).all() or (np.diff(edges) < 0).any():
                raise ValueError(f"edges of a histogram that do not rise: {edges}")
        if self.axis is not None:
            for number, (name, edges) in enumerate(self.first_edges.items()):
                if len(self.axis.edges[number]) != len(edges) + 1:
                    raise ValueError(
                        f"{len(edges) + 1} bins of {name}, but shares of {len(self.axis.edges[number])} of them"
                    )

    @property
    def first_edges(self) -> dict[str, FloatArray]:
        """dict from the name of each channel to the inner edges of the first axis."""
        edges = (*self.score_edges, self.no_jet_edges)
        return {name: inner for name, inner in zip(CHANNELS, edges) if inner is not None}

    @property
    def shares(self) -> dict[str, IntArray]:
        """dict from the name of each channel to the number of bins of each bin of the first axis."""
        return {
            name: np.ones(len(inner) + 1, dtype=np.int64) if self.axis is None else self.axis.shares(number)
            for number, (name, inner) in enumerate(self.first_edges.items())
        }

    @property
    def channels(self) -> dict[str, slice]:
        """dict from the name of each channel to its slice of the histogram: bins of the first axis, one by one."""
        shares = self.shares
        ends = np.cumsum([0, *(numbers.sum() for numbers in shares.values())]).tolist()
        return {name: slice(first, stop) for name, first, stop in zip(shares, ends, ends[1:])}

    @property
    def bins(self) -> int:
        """Number of bins."""
        return int(max(channel.stop for channel in self.channels.values()))

    def bins_of(self, columns: Columns) -> IntArray:
        """Bin of each event, integer array (events,); -1 for an event that is in none.

        Arguments:
            columns: mapping from feature name to array (events,); a DataFrame will do.
        """
        result = np.full(len(columns[NO_JET_FEATURE]), -1, dtype=np.int64)
        slices = list(self.channels.values())
        for number, rows, first, standardised in self.first_bins(columns):
            if self.axis is not None:
                first = self.axis.bins_of(first, self.axis.values(standardised, number), number)
            result[rows] = slices[number].start + first
        return result

    def first_bins(self, columns: Columns) -> Iterator[tuple[int, IntArray, IntArray, FloatArray]]:
        """Bins of the first axis, channel by channel.

        Arguments:
            columns: as for `bins_of`.

        Returns:
            for each channel that has events its number in `nuisance_axis.CHANNELS`, the events' rows, (members,), their
            bins within the channel, (members,), and the standardised features that the second axis is a function of,
            (members, features), empty for events without a jet where there is no second axis.
        """
        which = categories(columns)
        for number, category in enumerate(CATEGORIES):
            rows = np.flatnonzero(which == number)
            if len(rows):
                members = {name: np.asarray(columns[name])[rows] for name in FEATURES[category]}
                standardised = self.scorer.standardised(members, number)
                scores = self.scorer.scores(members, number, standardised)
                yield number, rows, np.searchsorted(self.score_edges[number], scores, "right"), standardised
        rows = np.flatnonzero(which == -1)
        if self.no_jet_edges is not None and len(rows):
            members = {name: np.asarray(columns[name])[rows] for name in NO_JET_FEATURES}
            first = np.searchsorted(self.no_jet_edges, members[NO_JET_FEATURE], "right")
            features = np.empty((len(rows), 0), np.float32) if self.axis is None else self.axis.no_jet_features(members)
            yield CHANNELS.index("0-jet"), rows, first, features

    def counts(self, columns: Columns, weights: FloatArray) -> FloatArray:
        """Weighted events per bin, array (bins,)."""
        bins = self.bins_of(columns)
        inside = bins >= 0
        weights = np.asarray(weights, dtype=np.float64)[inside]
        return np.asarray(np.bincount(bins[inside], weights, self.bins), dtype=np.float64)


def edges_of_scores(signal: FloatArray, background: FloatArray, signal_bins: int, background_bins: int) -> FloatArray:
    """Inner edges that share the signal evenly, and in between the background: fine where either is.

    Where edges of both come close together one is left out: each bin has half a share of the one or of the other.

    Arguments:
        signal, background: scores of events that represent each, arrays.
        signal_bins, background_bins: numbers of equal shares.

    Returns:
        sorted array of distinct edges.
    """
    shares = ((np.sort(signal), signal_bins), (np.sort(background), background_bins))
    edges = np.unique(np.concatenate([np.quantile(scores, np.arange(1, bins) / bins) for scores, bins in shares]))
    below = [np.searchsorted(scores, edges) / len(scores) * bins for scores, bins in shares]
    inner, last = [], (0.0, 0.0)
    for edge, *here in zip(edges, *below):
        if max(now - before for now, before in zip(here, last)) >= 0.5:
            inner.append(edge)
            last = here
    if inner and max(bins - before for (_, bins), before in zip(shares, last)) < 0.5:
        inner.pop()
    return np.array(inner)
