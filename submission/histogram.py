"""The histogram that mu is fitted to: scores of the categories, and the visible mass of events without a jet."""

from dataclasses import dataclass

import numpy as np

from .arrays import Columns, FloatArray, IntArray
from .features import CATEGORIES
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

    Raises:
        ValueError: edges that do not rise, or are not finite.
    """

    scorer: Scorer
    score_edges: tuple[FloatArray, ...]
    no_jet_edges: FloatArray | None = None

    def __post_init__(self) -> None:
        if len(self.score_edges) != len(CATEGORIES):
            raise ValueError(f"edges of {len(self.score_edges)} categories; there are {len(CATEGORIES)}")
        for edges in (*self.score_edges, () if self.no_jet_edges is None else self.no_jet_edges):
            if np.ndim(edges) != 1 or not np.isfinite(edges).all() or (np.diff(edges) < 0).any():
                raise ValueError(f"edges of a histogram that do not rise: {edges}")

    @property
    def channels(self) -> dict[str, slice]:
        """dict from the name of each channel to its slice of the histogram."""
        edges = dict(zip(CATEGORIES, self.score_edges))
        if self.no_jet_edges is not None:
            edges["0-jet"] = self.no_jet_edges
        ends = np.cumsum([0, *(len(inner) + 1 for inner in edges.values())]).tolist()
        return {name: slice(first, stop) for name, first, stop in zip(edges, ends, ends[1:])}

    @property
    def bins(self) -> int:
        """Number of bins."""
        return int(max(channel.stop for channel in self.channels.values()))

    def bins_of(self, columns: Columns) -> IntArray:
        """Bin of each event, integer array (events,); -1 for an event that is in none.

        Arguments:
            columns: mapping from feature name to array (events,); a DataFrame will do.
        """
        which, logits = self.scorer(columns)
        result = np.full(len(which), -1, dtype=np.int64)
        for number, category in enumerate(CATEGORIES):
            rows = which == number
            result[rows] = self.channels[category].start + np.searchsorted(
                self.score_edges[number], logits[rows], "right"
            )
        if self.no_jet_edges is not None:
            rows = which == -1
            values = np.asarray(columns[NO_JET_FEATURE])[rows]
            result[rows] = self.channels["0-jet"].start + np.searchsorted(self.no_jet_edges, values, "right")
        return result

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
